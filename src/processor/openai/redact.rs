//! Keeps keys and payloads out of what the API says: servers like to quote what they were sent.

use std::{
    collections::HashSet,
    sync::{LazyLock, OnceLock},
};

use serde_json::Value;

use super::ApiKey;

/// Longest message kept, in characters.
const LONGEST: usize = 500;
const REDACTED: &str = "[redacted]";

/// Takes out of a message every word that also stands in the job's input or in the key.
///
/// Words that the API itself uses in its messages stay, so a prompt that says "the model" does not
/// blank half of an error. Whatever of the input is left is therefore one of those words.
#[derive(Debug)]
pub(super) struct Redactor<'a> {
    input: &'a str,
    key: String,
    known: OnceLock<Known>,
}

/// What must not be shown, in lower case.
struct Known {
    text: String,
    foreign: HashSet<char>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[redacted {} bytes]", self.text.len())
    }
}

impl<'a> Redactor<'a> {
    /// Hides the texts of an input (JSON) and a key. Parses nothing until there is a message.
    pub(super) fn new(input: &'a str, key: Option<&ApiKey>) -> Self {
        Self {
            input,
            key: key.map_or_else(String::new, |key| key.reveal().to_lowercase()),
            known: OnceLock::new(),
        }
    }

    /// The message on one line, without what must not be shown.
    pub(super) fn clean(&self, message: &str) -> String {
        let mut out = String::new();
        let message = unescaped(message);
        for (index, chunk) in message.split_whitespace().enumerate() {
            if index > 0 {
                out.push(' ');
            }
            if looks_like_key(chunk) {
                out.push_str(REDACTED);
            } else {
                self.clean_chunk(chunk, &mut out);
            }
            if out.len() > LONGEST {
                break;
            }
        }
        let mut out = merged(&out);
        if let Some((end, _)) = out.char_indices().nth(LONGEST) {
            out.truncate(end);
            out.push('…');
        }
        out
    }

    fn clean_chunk(&self, chunk: &str, out: &mut String) {
        let mut rest = chunk;
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() {
                let end = rest.find(|c: char| !c.is_alphanumeric());
                end.unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (part, after) = rest.split_at(length);
            if first.is_alphanumeric() && self.is_hidden(part) {
                out.push_str(REDACTED);
            } else {
                out.push_str(part);
            }
            rest = after;
        }
    }

    fn is_hidden(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        if !word.is_ascii() {
            return word.chars().any(|c| self.known().foreign.contains(&c));
        }
        if word.len() >= 4 && self.key.contains(&word) {
            return true;
        }
        word.len() >= 3 && !VOCABULARY.contains(word.as_str()) && self.known().text.contains(&word)
    }

    fn known(&self) -> &Known {
        self.known.get_or_init(|| {
            let mut text = String::new();
            match serde_json::from_str::<Value>(self.input) {
                Ok(Value::Object(fields)) => {
                    for (name, value) in &fields {
                        // Settings of the call: the message is about them, not about content.
                        if name != "model" && !value.is_number() {
                            collect(value, &mut text);
                        }
                    }
                }
                _ => text.push_str(self.input),
            }
            let text = text.to_lowercase();
            let foreign = text.chars().filter(|c| !c.is_ascii()).collect();
            Known { text, foreign }
        })
    }
}

fn collect(value: &Value, text: &mut String) {
    match value {
        Value::String(leaf) => {
            text.push_str(leaf);
            text.push('\n');
        }
        Value::Number(number) => {
            text.push_str(&number.to_string());
            text.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, text)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, text)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// A key, or what a server leaves of one when it masks its middle.
fn looks_like_key(chunk: &str) -> bool {
    let bare = chunk.trim_start_matches(|c: char| !c.is_alphanumeric());
    bare.starts_with("sk-") || chunk.contains("**")
}

/// The text with JSON's escapes undone: servers quote the body that they were sent.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let unicode = after.strip_prefix('u').and_then(|after| after.get(..4));
        let code = unicode.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let first = after.chars().next();
        let length = if code.is_some() {
            5
        } else {
            first.map_or(0, char::len_utf8)
        };
        match (code, first) {
            (Some(code), _) => out.push(char::from_u32(code).unwrap_or('\u{fffd}')),
            (None, Some('n' | 'r' | 't' | 'b' | 'f') | None) => out.push(' '),
            (None, Some(other)) => out.push(other),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Neighbouring redacted words become one, so that their number does not show.
fn merged(text: &str) -> String {
    let mut text = text.to_owned();
    for gap in ["", " ", "-", ".", "@", ", "] {
        let pair = format!("{REDACTED}{gap}{REDACTED}");
        while text.contains(&pair) {
            text = text.replace(&pair, REDACTED);
        }
    }
    text
}

/// Words of the API's own messages, which stay even where the input has them too.
static VOCABULARY: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("vocabulary.txt").split_whitespace().collect());

#[cfg(test)]
mod tests {
    use super::*;

    const INPUT: &str = r#"{"model":"gpt-9","max_tokens":4096,"messages":[
        {"role":"user","content":"The model must not tell that Zorblatt pays 1234567 für Äpfel"},
        {"role":"wizard","content":[{"type":"text","text":"line\nbreak quux"}]}]}"#;

    fn clean(message: &str) -> String {
        Redactor::new(INPUT, Some(&ApiKey::new("sk-abcdWXYZ1234"))).clean(message)
    }

    #[test]
    fn what_the_api_says_by_itself_stays() {
        for message in [
            "The model `gpt-9` does not exist or you do not have access to it.",
            "max_tokens is too large: 4096. This model supports at most 1024 tokens.",
            "Invalid type for 'messages[0].content': expected a string, but got an integer.",
        ] {
            assert_eq!(clean(message), message);
        }
    }

    #[test]
    fn what_the_api_quotes_of_the_input_goes() {
        assert_eq!(
            clean("Invalid value: 'wizard'. Expected 'user'."),
            "Invalid value: '[redacted]'. Expected 'user'."
        );
        assert_eq!(
            clean("rejected: the model must not tell that ZORBLATT pays 1234567 now"),
            "rejected: the model must not [redacted] that [redacted] now"
        );
        assert_eq!(
            clean(r#"got "line\nbreak qu\u0075x""#),
            r#"got "line [redacted]""#
        );
        assert_eq!(clean("Äpfel? never Äp"), "[redacted]? never [redacted]");
        assert_eq!(clean("starts with: {\"Zorbl"), "starts with: {\"[redacted]");
    }

    #[test]
    fn keys_go_whole_or_masked() {
        for given in [
            "sk-abcdWXYZ1234.",
            "sk-*****1234.",
            "`sk-abc`",
            "abcd****1234",
        ] {
            assert_eq!(
                clean(&format!("Incorrect API key provided: {given} Try again.")),
                "Incorrect API key provided: [redacted] Try again."
            );
        }
        assert_eq!(clean("key ends in WXYZ1234"), "key ends in [redacted]");
    }

    #[test]
    fn messages_are_short_and_on_one_line() {
        let long = clean(&format!("a\n\tb {}", "x".repeat(1000)));
        assert_eq!(long.chars().count(), 501);
        assert!(long.starts_with("a b xxx") && long.ends_with("x…"));
    }
}
