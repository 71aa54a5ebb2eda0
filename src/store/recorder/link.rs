//! Finds a job's row: the id in its data.

use std::{borrow::Cow, collections::HashMap};

use serde_json::value::RawValue;

/// The id in the field of a job's data, when the data is an object that has one: a text that is
/// not empty, or a whole number as it is written.
pub(crate) fn content_job_id(data: &RawValue, field: &str) -> Option<String> {
    let fields: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(data.get()).ok()?;
    let text = fields.get(field)?.get();
    if text.starts_with('"') {
        return serde_json::from_str::<String>(text)
            .ok()
            .filter(|id| !id.is_empty());
    }
    text.parse::<i64>().ok().map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_or_a_whole_number_is_an_id() {
        for (data, id) in [
            (
                r#"{"contentJobId":"c1","a":{"contentJobId":"x"}}"#,
                Some("c1"),
            ),
            (r#"{"contentJobId":"c\u00fc 1"}"#, Some("cü 1")),
            (r#"{"contentJobId":42}"#, Some("42")),
            (r#"{"contentJobId":42.5}"#, None),
            (r#"{"contentJobId":""}"#, None),
            (r#"{"contentJobId":null}"#, None),
            (r#"{"contentJobId":["c1"]}"#, None),
            (r#"{"contentJobID":"c1"}"#, None),
            (r#"["contentJobId"]"#, None),
            (r#""c1""#, None),
            ("null", None),
        ] {
            let data = RawValue::from_string(data.into()).unwrap();
            assert_eq!(
                content_job_id(&data, "contentJobId").as_deref(),
                id,
                "{data}"
            );
        }
    }
}
