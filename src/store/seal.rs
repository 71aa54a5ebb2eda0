//! The payload envelope: what the app seals into `content_jobs.payload` and only the worker opens.
//!
//! `v1.<key id>.<nonce>.<ciphertext and tag>`: AES-256-GCM with a random nonce of 12 bytes, both in
//! base64url without padding. The row's id is authenticated as `content_jobs:<id>`, so a payload
//! that was moved to another row does not open there. The app's half is `clients/node/payload.mjs`.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload as Message},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::worker::Payload;

const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Why a payload was not sealed or opened, or the keys not read. Never has key material in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// `BULLRS_PAYLOAD_KEYS` breaks a rule; the text says which entry and how to mend it.
    #[error("{0}")]
    Keys(String),
    /// The envelope was sealed under a key that is not in the keyring.
    #[error("no key with the id `{0}` is in BULLRS_PAYLOAD_KEYS")]
    UnknownKey(String),
    /// Everything else that keeps an envelope shut. Deliberately one text: the cause would help
    /// only someone who tampers.
    #[error("the payload could not be decrypted")]
    Undecryptable,
    /// A row without an id cannot be named in what is authenticated.
    #[error("the content job id must not be empty")]
    NoId,
    /// The system gave no random bytes for a nonce or a key.
    #[error("the system's random source failed: {0}")]
    Random(String),
}

/// The keys of `BULLRS_PAYLOAD_KEYS`. The first seals, all open. `Debug` shows only their ids.
pub struct Keyring {
    keys: Vec<(String, Aes256Gcm)>,
}

impl Keyring {
    /// Reads `id:base64,older:base64`: ids of letters, digits, `-` and `_`, keys of 32 bytes in
    /// standard or URL base64.
    ///
    /// # Errors
    /// [`SealError::Keys`], which names the entry by its place and id, never by its content.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let entries: Vec<&str> = text.split(',').map(str::trim).collect();
        if entries.iter().all(|entry| entry.is_empty()) {
            return Err(SealError::Keys(
                "BULLRS_PAYLOAD_KEYS is empty: give at least one `id:base64`, made by \
                 `bullrs payload keygen`"
                    .into(),
            ));
        }
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::with_capacity(entries.len());
        for (index, entry) in entries.into_iter().enumerate() {
            let place = format!("BULLRS_PAYLOAD_KEYS entry {}", index + 1);
            let Some((id, encoded)) = entry.split_once(':') else {
                return Err(SealError::Keys(format!("{place} is not `id:base64`")));
            };
            if !is_key_id(id) {
                return Err(SealError::Keys(format!(
                    "{place}: the id may have 1 to 64 letters, digits, `-` and `_`"
                )));
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(SealError::Keys(format!(
                    "{place}: the id `{id}` stands twice"
                )));
            }
            let cipher = decode_key(encoded).ok_or_else(|| {
                SealError::Keys(format!(
                    "{place} (`{id}`): the key must be {KEY_BYTES} bytes in base64"
                ))
            })?;
            keys.push((id.to_owned(), cipher));
        }
        Ok(Self { keys })
    }

    /// The id of the key that seals.
    pub fn sealing_id(&self) -> &str {
        self.keys.first().map_or("", |(id, _)| id)
    }

    /// The ids of all keys, the sealing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(id, _)| id.as_str())
    }

    /// Seals a text for the `content_jobs` row `id` with the first key.
    ///
    /// # Errors
    /// [`SealError::NoId`], or [`SealError::Random`] when the system has no random bytes.
    pub fn encrypt(&self, id: &str, plaintext: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        random(&mut nonce)?;
        self.encrypt_with(nonce, id, plaintext)
    }

    fn encrypt_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        id: &str,
        plaintext: &str,
    ) -> Result<String, SealError> {
        if id.is_empty() {
            return Err(SealError::NoId);
        }
        let (key_id, cipher) = self.keys.first().ok_or(SealError::Undecryptable)?;
        let aad = authenticated(id);
        let message = Message {
            msg: plaintext.as_bytes(),
            aad: aad.as_bytes(),
        };
        let sealed = cipher
            .encrypt(&nonce.into(), message)
            .map_err(|_too_long| SealError::Undecryptable)?;
        Ok(format!(
            "{VERSION}.{key_id}.{}.{}",
            URL_SAFE_NO_PAD.encode(nonce),
            URL_SAFE_NO_PAD.encode(sealed)
        ))
    }

    /// Opens an envelope of the `content_jobs` row `id`.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] when its key is not here, else [`SealError::Undecryptable`]
    /// whatever is wrong with it.
    pub fn decrypt(&self, id: &str, envelope: &str) -> Result<Payload, SealError> {
        let parts = Parts::read(envelope).ok_or(SealError::Undecryptable)?;
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(known, _)| known == parts.key_id)
            .ok_or_else(|| SealError::UnknownKey(parts.key_id.to_owned()))?;
        let aad = authenticated(id);
        let message = Message {
            msg: &parts.sealed,
            aad: aad.as_bytes(),
        };
        let opened = cipher
            .decrypt(&parts.nonce.into(), message)
            .map(Zeroizing::new)
            .map_err(|_tampered| SealError::Undecryptable)?;
        let text = std::str::from_utf8(&opened).map_err(|_not_text| SealError::Undecryptable)?;
        Ok(Payload::new(text))
    }

    /// Seals an envelope anew under the first key; `None` when it already is under that key.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt) and [`encrypt`](Self::encrypt).
    pub fn rotate(&self, id: &str, envelope: &str) -> Result<Option<String>, SealError> {
        if key_id(envelope) == Some(self.sealing_id()) {
            // Opened all the same: a rotation must not call a broken envelope done.
            self.decrypt(id, envelope)?;
            return Ok(None);
        }
        let payload = self.decrypt(id, envelope)?;
        self.encrypt(id, payload.reveal()).map(Some)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("ids", &self.ids().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A new key as one entry of `BULLRS_PAYLOAD_KEYS`. Print it, never log it.
///
/// # Errors
/// When the id breaks the rule for ids, or the system has no random bytes.
pub fn keygen(id: &str) -> Result<Zeroizing<String>, SealError> {
    if !is_key_id(id) {
        return Err(SealError::Keys(
            "the id may have 1 to 64 letters, digits, `-` and `_`".into(),
        ));
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    random(&mut *key)?;
    let encoded = Zeroizing::new(STANDARD.encode(*key));
    Ok(Zeroizing::new(format!("{id}:{}", *encoded)))
}

/// The id of the key that an envelope was sealed under; `None` when it is no envelope.
pub fn key_id(envelope: &str) -> Option<&str> {
    Parts::read(envelope).map(|parts| parts.key_id)
}

struct Parts<'a> {
    key_id: &'a str,
    nonce: [u8; NONCE_BYTES],
    sealed: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(envelope: &'a str) -> Option<Self> {
        let mut parts = envelope.split('.');
        let (version, key_id) = (parts.next()?, parts.next()?);
        let (nonce, sealed) = (parts.next()?, parts.next()?);
        if version != VERSION || parts.next().is_some() || !is_key_id(key_id) {
            return None;
        }
        Some(Self {
            key_id,
            nonce: URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?,
            sealed: URL_SAFE_NO_PAD.decode(sealed).ok()?,
        })
    }
}

fn authenticated(id: &str) -> String {
    format!("content_jobs:{id}")
}

fn is_key_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn decode_key(encoded: &str) -> Option<Aes256Gcm> {
    let mut standard = Zeroizing::new(encoded.replace('-', "+").replace('_', "/"));
    let bare = standard.trim_end_matches('=').len();
    if standard.len() - bare > 2 {
        return None;
    }
    standard.truncate(bare);
    let mut bytes = STANDARD_NO_PAD.decode(standard.as_bytes()).ok()?;
    let cipher = Aes256Gcm::new_from_slice(&bytes).ok();
    bytes.zeroize();
    cipher
}

fn random(bytes: &mut [u8]) -> Result<(), SealError> {
    getrandom::fill(bytes).map_err(|error| SealError::Random(error.to_string()))
}

#[cfg(test)]
mod tests;
