//! Keeps credentials out of everything that is printed.

use std::borrow::Cow;

/// What stands in a credential's place.
const MASK: &str = "***";

/// Shorter secrets are masked only inside URLs: replacing `redis` everywhere would hide more than
/// it protects.
const SHORTEST: usize = 8;

/// Parameters of a URL whose values are credentials.
const PARAMETERS: [&str; 6] = [
    "password=",
    "sentinel_password=",
    "passwd=",
    "sslpassword=",
    "token=",
    "pass=",
];

/// Masks the credentials inside URLs, and every secret it was told of, in any text.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Masks the credentials inside URLs only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret, to be masked wherever it appears, in quotes too.
    pub fn learn(&mut self, secret: &str) {
        self.add(secret);
        self.add(&secret.escape_debug().to_string());
    }

    fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST && !self.secrets.iter().any(|known| known == secret) {
            self.secrets.push(secret.to_owned());
            // A secret that holds another one must be masked first.
            self.secrets.sort_by_key(|secret| usize::MAX - secret.len());
        }
    }

    /// Learns the password of a URL, in the spelling of the URL and decoded.
    pub fn learn_url(&mut self, url: &str) {
        let Some((_, rest)) = url.split_once("://") else {
            return;
        };
        if let Some((user, _)) = rest.rsplit_once('@') {
            let password = user.split_once(':').map_or(user, |(_, password)| password);
            self.learn(password);
            self.learn(&percent_decoded(password));
        }
        for parameter in PARAMETERS {
            if let Some((_, value)) = rest.split_once(parameter) {
                let value = value.split('&').next().unwrap_or(value);
                self.learn(value);
                self.learn(&percent_decoded(value));
            }
        }
    }

    /// Learns the keys of `BULLRS_PAYLOAD_KEYS`: `id:base64,…`.
    pub fn learn_keys(&mut self, keys: &str) {
        for entry in keys.split(',') {
            let key = entry.split_once(':').map_or(entry, |(_, key)| key);
            self.learn(key.trim());
            self.learn(key.trim().trim_end_matches('='));
        }
    }

    /// The text with every credential masked.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), MASK));
            }
        }
        if text.contains("://") {
            text = Cow::Owned(without_url_credentials(&text));
        }
        text
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

/// Masks `user:password@` and secret parameters of every URL in the text.
///
/// A password may hold unescaped `/`, `?` or `@` by mistake, so everything up to the last `@` of
/// the word goes; hiding too much of a strange URL is better than a part of a password.
fn without_url_credentials(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        cleaned.push_str(before);
        let end = after.find(ends_url).unwrap_or(after.len());
        let (url, following) = after.split_at(end);
        let address = match url.rsplit_once('@') {
            Some((_, address)) => {
                cleaned.push_str(MASK);
                cleaned.push('@');
                address
            }
            None => url,
        };
        cleaned.push_str(&without_parameters(address));
        rest = following;
    }
    cleaned.push_str(rest);
    cleaned
}

fn ends_url(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '`' | '"' | '\'' | '<' | '>' | '\\')
}

fn without_parameters(url: &str) -> Cow<'_, str> {
    let Some((address, query)) = url.split_once('?') else {
        return Cow::Borrowed(url);
    };
    let parts: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|part| {
            PARAMETERS
                .into_iter()
                .find(|parameter| part.to_ascii_lowercase().starts_with(parameter))
                .map_or(Cow::Borrowed(part), |parameter| {
                    Cow::Owned(format!("{parameter}{MASK}"))
                })
        })
        .collect();
    Cow::Owned(format!("{address}?{}", parts.join("&")))
}

/// `%40` as `@`, and so on; what is no escape stays.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escape = text
            .get(at + 1..at + 3)
            .filter(|_| *byte == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escape.unwrap_or(*byte));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_credentials_and_keep_the_rest() {
        let redactor = Redactor::new();
        for (text, cleaned) in [
            ("redis://cache:6379/1", "redis://cache:6379/1"),
            ("redis://:secret@cache:6379", "redis://***@cache:6379"),
            (
                "at `rediss://u:p@c/0`: refused",
                "at `rediss://***@c/0`: refused",
            ),
            ("redis://:pa/ss@word@c", "redis://***@c"),
            (
                "a redis://x:y@a b postgres://u:p@b c",
                "a redis://***@a b postgres://***@b c",
            ),
            (
                "postgres://db/app?sslmode=require&password=hush&x=1",
                "postgres://db/app?sslmode=require&password=***&x=1",
            ),
            (
                "redis+sentinel://u:p@a,b:1/m?sentinel_username=s&sentinel_password=hush",
                "redis+sentinel://***@a,b:1/m?sentinel_username=s&sentinel_password=***",
            ),
            ("redis+cluster://u:p@a,b:1", "redis+cluster://***@a,b:1"),
            ("unix:///s?user=u&pass=hush", "unix:///s?user=u&pass=***"),
            ("nothing to hide: a@b", "nothing to hide: a@b"),
            ("://", "://"),
        ] {
            assert_eq!(redactor.clean(text), cleaned);
        }
    }

    #[test]
    fn a_learnt_secret_is_masked_wherever_it_stands() {
        let mut redactor = Redactor::new();
        redactor.learn_url("redis://default:sw%40rdfish-canary@cache:6379");
        redactor.learn_url("postgres://db/app?password=db-canary-word");
        redactor.learn_keys("k2:bmV3ZXIta2V5LWNhbmFyeS0zMi1ieXRlcy1sb25nISE=,k1:b2xkZXIta2V5");
        for text in [
            "AUTH default sw%40rdfish-canary",
            "AUTH default sw@rdfish-canary",
            "key bmV3ZXIta2V5LWNhbmFyeS0zMi1ieXRlcy1sb25nISE=",
            "key bmV3ZXIta2V5LWNhbmFyeS0zMi1ieXRlcy1sb25nISE",
            "key b2xkZXIta2V5",
            "db-canary-word",
        ] {
            let cleaned = redactor.clean(text);
            assert!(cleaned.ends_with("***"), "{cleaned}");
            assert!(!cleaned.contains("canary"), "{cleaned}");
        }
    }

    #[test]
    fn a_secret_too_short_to_search_for_is_still_hidden_in_its_url() {
        let mut redactor = Redactor::new();
        redactor.learn_url("redis://:redis@redis:6379");
        assert_eq!(
            redactor.clean("redis at redis://:redis@redis:6379"),
            "redis at redis://***@redis:6379"
        );
    }

    #[test]
    fn its_debug_shows_no_secret() {
        let mut redactor = Redactor::new();
        redactor.learn("swordfish-canary");
        assert_eq!(format!("{redactor:?}"), "Redactor(1 secrets)");
    }
}
