//! What a message says: a text, or a list of parts.

use serde_json::Value;

use super::{Fault, message::Talk};

/// Most tokens an image counts for at `low` detail, and a middling guess for the others.
const TOKENS_LOW_DETAIL: u64 = 85;
const TOKENS_OTHER_DETAIL: u64 = 765;

/// Checks the content of a message of this role. `at` is the message's path.
pub(super) fn check(
    at: &str,
    role: &str,
    content: &Value,
    talk: &mut Talk,
    faults: &mut Vec<Fault>,
) {
    match content {
        Value::String(text) if text.trim().is_empty() => {
            let message = format!("`{at}.content` must not be empty");
            faults.push(Fault::new("content_empty", message));
        }
        Value::String(text) => talk.tokens += tokens(text),
        Value::Array(parts) if parts.is_empty() => {
            let message = format!("`{at}.content` must not be empty");
            faults.push(Fault::new("content_empty", message));
        }
        Value::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let at = format!("{at}.content[{index}]");
                check_part(&at, role, part, talk, faults);
            }
        }
        _ => {
            let message = format!("`{at}.content` must be a text or a list of parts");
            faults.push(Fault::new("content_type", message));
        }
    }
}

fn check_part(at: &str, role: &str, part: &Value, talk: &mut Talk, faults: &mut Vec<Fault>) {
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    match part.get("type").and_then(Value::as_str) {
        Some(kind @ ("text" | "refusal")) if kind == "text" || role == "assistant" => {
            match text(kind).filter(|text| !text.trim().is_empty()) {
                Some(said) => talk.tokens += tokens(said),
                None => faults.push(Fault::new(
                    "content_empty",
                    format!("`{at}.{kind}` must be a text that is not empty"),
                )),
            }
        }
        Some("image_url") if role == "user" => {
            talk.images += 1;
            let image = part.get("image_url");
            let field = |name| image.and_then(|image| image.get(name)?.as_str());
            talk.tokens += match field("detail") {
                Some("low") => TOKENS_LOW_DETAIL,
                _ => TOKENS_OTHER_DETAIL,
            };
            let fits = field("url").is_some_and(|url| {
                ["https://", "http://", "data:image/"]
                    .iter()
                    .any(|start| url.starts_with(start))
            });
            if !fits {
                let message = format!("`{at}.image_url.url` must be an address or a data URL");
                faults.push(Fault::new("image_url", message));
            }
        }
        Some("image_url") => {
            let message = format!("`{at}` is an image, which only the user may send");
            faults.push(Fault::new("image_not_from_user", message));
        }
        _ => {
            let allowed = match role {
                "user" => "`text` or `image_url`",
                "assistant" => "`text` or `refusal`",
                _ => "`text`",
            };
            let message = format!("`{at}.type` must be {allowed}");
            faults.push(Fault::new("content_part", message));
        }
    }
}

/// A guess at the tokens of a text: one for four ASCII characters, one for each other one.
pub(super) fn tokens(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    ascii.div_ceil(4) + others
}
