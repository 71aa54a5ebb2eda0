//! JSON that either database can hold.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A text as JSON: itself when it is JSON, else a JSON string of it.
pub(super) fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_not_json| {
        serde_json::value::to_raw_value(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}

/// JSON as it can be stored. What is not JSON becomes a JSON string; `jsonb` cannot hold a NUL nor
/// half of a surrogate pair, which JavaScript writes as escapes, so those are replaced there.
pub(super) fn storable(text: &str, jsonb: bool) -> Cow<'_, str> {
    let is_json = serde_json::from_str::<&RawValue>(text).is_ok();
    let text = if is_json {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(raw(text).get().to_owned())
    };
    if jsonb && text.contains("\\u") {
        return Cow::Owned(for_jsonb(&text));
    }
    text
}

fn for_jsonb(text: &str) -> String {
    const REPLACEMENT: &str = "\\ufffd";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some(unit) = escape(rest) else {
            // Any other escape is the backslash and one character.
            let end = rest
                .char_indices()
                .nth(2)
                .map_or(rest.len(), |(end, _)| end);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        let pair = matches!(unit, 0xd800..=0xdbff)
            && matches!(rest.get(6..).and_then(escape), Some(0xdc00..=0xdfff));
        let length = if pair { 12 } else { 6 };
        if !pair && matches!(unit, 0 | 0xd800..=0xdfff) {
            out.push_str(REPLACEMENT);
        } else {
            out.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// The number of the `\uXXXX` at the start of a text.
fn escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_gets_no_nul_and_no_half_pair() {
        for (given, stored) in [
            (r#""a\u0000b""#, r#""a\ufffdb""#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\\\u0000""#, r#""\\\ufffd""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ude00x""#, r#""\ufffdx""#),
            (r#"{"\"\n":1}"#, r#"{"\"\n":1}"#),
        ] {
            assert_eq!(storable(given, true), stored);
            assert_eq!(storable(given, false), given);
            assert!(serde_json::from_str::<&RawValue>(&storable(given, true)).is_ok());
        }
    }

    #[test]
    fn what_is_not_json_becomes_a_string() {
        assert_eq!(storable("half \"{", false), r#""half \"{""#);
        assert_eq!(raw("NaN").get(), r#""NaN""#);
    }
}
