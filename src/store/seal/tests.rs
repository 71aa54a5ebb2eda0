use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const VECTORS: &str = include_str!("../../../compat-tests/fixtures/payload-vectors.json");

#[derive(Deserialize)]
struct Vectors {
    keys: String,
    opens: Vec<Opens>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opens {
    key_id: String,
    content_job_id: String,
    nonce: String,
    plaintext: String,
    envelope: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    why: String,
    content_job_id: String,
    envelope: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).unwrap()
}

fn one_key(id: &str, seed: u8) -> String {
    format!("{id}:{}", STANDARD.encode([seed; KEY_BYTES]))
}

fn nonce(hex: &str) -> [u8; NONCE_BYTES] {
    std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
}

#[test]
fn what_node_sealed_opens_and_sealing_gives_the_same_envelope() {
    let vectors = vectors();
    let keyring = Keyring::parse(&vectors.keys).unwrap();
    assert_eq!(vectors.opens.len(), 5);
    for case in vectors.opens {
        let opened = keyring
            .decrypt(&case.content_job_id, &case.envelope)
            .unwrap();
        assert_eq!(opened.reveal(), case.plaintext);
        assert_eq!(key_id(&case.envelope), Some(case.key_id.as_str()));
        if case.key_id == keyring.sealing_id() {
            assert_eq!(
                keyring
                    .encrypt_with(nonce(&case.nonce), &case.content_job_id, &case.plaintext)
                    .unwrap(),
                case.envelope
            );
        }
    }
}

#[test]
fn what_node_refuses_is_refused_without_a_cause() {
    let vectors = vectors();
    let keyring = Keyring::parse(&vectors.keys).unwrap();
    assert_eq!(vectors.refused.len(), 14);
    for case in vectors.refused {
        let expected = if case.why == "a key that is not in the ring" {
            SealError::UnknownKey("gone".into())
        } else {
            SealError::Undecryptable
        };
        assert_eq!(
            keyring
                .decrypt(&case.content_job_id, &case.envelope)
                .unwrap_err(),
            expected,
            "{}",
            case.why
        );
    }
}

#[test]
fn a_rotated_envelope_is_under_the_first_key_and_opens_without_the_older() {
    let older = Keyring::parse(&one_key("older", 1)).unwrap();
    let envelope = older.encrypt("c1", "\"tea\"").unwrap();
    let both = Keyring::parse(&format!(
        "{},{}",
        one_key("current", 2),
        one_key("older", 1)
    ))
    .unwrap();
    let rotated = both.rotate("c1", &envelope).unwrap().unwrap();
    let current = Keyring::parse(&one_key("current", 2)).unwrap();
    assert_eq!(current.decrypt("c1", &rotated).unwrap().reveal(), "\"tea\"");
    assert_eq!(both.rotate("c1", &rotated).unwrap(), None);
    assert_eq!(
        both.rotate("c2", &rotated).unwrap_err(),
        SealError::Undecryptable
    );
}

#[test]
fn keys_in_url_base64_and_without_padding_are_the_same_keys() {
    let bytes = [0xfb; KEY_BYTES];
    let standard = STANDARD.encode(bytes);
    let url = URL_SAFE_NO_PAD.encode(bytes);
    assert_ne!(standard, url);
    let sealed = Keyring::parse(&format!("a:{standard}"))
        .unwrap()
        .encrypt("c1", "x")
        .unwrap();
    for form in [url.clone(), format!("{url}="), standard.replace('=', "")] {
        let keyring = Keyring::parse(&format!(" a:{form} ")).unwrap();
        assert_eq!(keyring.decrypt("c1", &sealed).unwrap().reveal(), "x");
    }
}

#[test]
fn each_broken_key_text_says_where_and_never_what() {
    let secret = STANDARD.encode([7; KEY_BYTES]);
    let short = STANDARD.encode([7; 16]);
    for (text, message) in [
        (
            " , ".to_owned(),
            "BULLRS_PAYLOAD_KEYS is empty: give at least one `id:base64`, made by `bullrs payload \
             keygen`",
        ),
        (
            secret.clone(),
            "BULLRS_PAYLOAD_KEYS entry 1 is not `id:base64`",
        ),
        (
            format!("a:{secret},"),
            "BULLRS_PAYLOAD_KEYS entry 2 is not `id:base64`",
        ),
        (
            format!("a b:{secret}"),
            "BULLRS_PAYLOAD_KEYS entry 1: the id may have 1 to 64 letters, digits, `-` and `_`",
        ),
        (
            format!("a:{secret},a:{secret}"),
            "BULLRS_PAYLOAD_KEYS entry 2: the id `a` stands twice",
        ),
        (
            format!("a:{short}"),
            "BULLRS_PAYLOAD_KEYS entry 1 (`a`): the key must be 32 bytes in base64",
        ),
        (
            format!("a:{secret}==="),
            "BULLRS_PAYLOAD_KEYS entry 1 (`a`): the key must be 32 bytes in base64",
        ),
        (
            format!("a:{secret}!"),
            "BULLRS_PAYLOAD_KEYS entry 1 (`a`): the key must be 32 bytes in base64",
        ),
    ] {
        let error = Keyring::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert!(!format!("{error:?}").contains(&secret[..8]));
    }
}

#[test]
fn debug_shows_ids_only() {
    let keyring = Keyring::parse(&format!("{},{}", one_key("new", 3), one_key("old", 4))).unwrap();
    assert_eq!(
        format!("{keyring:?}"),
        r#"Keyring { ids: ["new", "old"], .. }"#
    );
}

#[test]
fn a_generated_key_parses_and_differs_each_time() {
    let (first, second) = (keygen("k-1").unwrap(), keygen("k-1").unwrap());
    assert_ne!(*first, *second);
    assert_eq!(Keyring::parse(&first).unwrap().sealing_id(), "k-1");
    assert!(keygen("no spaces").is_err());
}

#[test]
fn a_row_without_an_id_cannot_be_sealed_for() {
    let keyring = Keyring::parse(&one_key("a", 1)).unwrap();
    assert_eq!(keyring.encrypt("", "x").unwrap_err(), SealError::NoId);
}

proptest! {
    #[test]
    fn whatever_is_sealed_opens_in_its_own_row_only(
        plaintext in ".{0,200}", id in ".{1,40}", other in ".{1,40}"
    ) {
        let keyring = Keyring::parse(&one_key("a", 9)).unwrap();
        let envelope = keyring.encrypt(&id, &plaintext).unwrap();
        let opened = keyring.decrypt(&id, &envelope).unwrap();
        prop_assert_eq!(opened.reveal(), plaintext);
        if other != id {
            prop_assert_eq!(
                keyring.decrypt(&other, &envelope).unwrap_err(), SealError::Undecryptable
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let keyring = Keyring::parse(&format!("{},{}", one_key("a", 9), one_key("b", 8))).unwrap();
    let envelope = keyring.encrypt("c1", "a payload of some length").unwrap();
    let mut refused = 0;
    for place in 0..envelope.len() * 8 {
        let mut bytes = envelope.clone().into_bytes();
        bytes[place / 8] ^= 1 << (place % 8);
        // A flip that is no longer text cannot reach us as text; the lossy form can.
        let flipped = String::from_utf8_lossy(&bytes).into_owned();
        assert!(keyring.decrypt("c1", &flipped).is_err(), "bit {place}");
        refused += 1;
    }
    assert_eq!(refused, envelope.len() * 8);
}
