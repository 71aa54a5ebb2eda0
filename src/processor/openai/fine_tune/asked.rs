//! What a `fineTune.start` job asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

use super::marks::Marks;
use crate::processor::openai::{client::is_id, error::Halt, input::Input};

/// Most keys of the API's metadata, and the longest key and value, in characters.
const MOST_KEYS: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;
const LONGEST_SUFFIX: usize = 64;

/// The input, checked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) training: Training,
    pub(super) validation_file: Option<String>,
    pub(super) skip_invalid: bool,
    metadata: BTreeMap<String, String>,
}

/// Where the examples are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Training {
    /// Uploaded already.
    File(String),
    /// A file of the export directory.
    Path(String),
    /// In the input.
    Inline,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    model: String,
    #[serde(alias = "training_file")]
    training_file: Option<String>,
    #[serde(alias = "path")]
    training_path: Option<String>,
    examples: Option<IgnoredAny>,
    rows: Option<IgnoredAny>,
    #[serde(alias = "validation_file")]
    validation_file: Option<String>,
    suffix: Option<String>,
    method: Option<Method>,
    #[serde(default)]
    skip_invalid: bool,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Method {
    r#type: String,
}

impl Asked {
    pub(super) fn read(input: &Input<'_>) -> Result<Self, Halt> {
        let fields: Fields = input.read()?;
        if fields.model.is_empty() {
            return Err(input.fault("model", "must not be empty"));
        }
        let length = fields
            .suffix
            .as_ref()
            .map_or(1, |suffix| suffix.chars().count());
        if !(1..=LONGEST_SUFFIX).contains(&length) {
            return Err(input.fault("suffix", "must be 1 to 64 characters"));
        }
        for (path, id) in [
            ("trainingFile", &fields.training_file),
            ("validationFile", &fields.validation_file),
        ] {
            if id.as_deref().is_some_and(|id| !is_id(id)) {
                return Err(input.fault(path, "must be the id of a file, such as `file-abc123`"));
            }
        }
        Ok(Self {
            training: training(input, &fields)?,
            metadata: metadata(input, fields.metadata)?,
            model: fields.model,
            validation_file: fields.validation_file,
            skip_invalid: fields.skip_invalid,
        })
    }

    /// The producer's metadata with our marks.
    pub(super) fn metadata(&self, marks: &Marks) -> BTreeMap<String, String> {
        let mut metadata = self.metadata.clone();
        marks.write(&mut metadata);
        metadata
    }
}

/// Exactly one of the ways to give examples.
fn training(input: &Input<'_>, fields: &Fields) -> Result<Training, Halt> {
    let inline = match (&fields.examples, &fields.rows) {
        (Some(_), _) => Some("examples"),
        (None, Some(_)) => Some("rows"),
        (None, None) => None,
    };
    let training = match (&fields.training_file, &fields.training_path, inline) {
        (Some(id), None, None) => Training::File(id.clone()),
        (None, Some(path), None) => Training::Path(path.clone()),
        (None, None, Some(_)) => Training::Inline,
        (None, None, None) => {
            let rule = "is missing, and so are `trainingPath`, `examples` and `rows`";
            return Err(input.fault("trainingFile", rule));
        }
        _ => {
            let rule = "must be the only one of `trainingFile`, `trainingPath`, `examples`, `rows`";
            return Err(input.fault(inline.unwrap_or("trainingPath"), rule));
        }
    };
    let method = fields.method.as_ref().map(|method| method.r#type.as_str());
    if !matches!(training, Training::File(_)) && !matches!(method, None | Some("supervised")) {
        let rule = "other than `supervised` needs a file in its own format; upload it and give \
            `trainingFile`";
        return Err(input.fault("method.type", rule));
    }
    Ok(training)
}

fn metadata(
    input: &Input<'_>,
    given: Option<BTreeMap<String, String>>,
) -> Result<BTreeMap<String, String>, Halt> {
    let metadata = given.unwrap_or_default();
    let room = MOST_KEYS - Marks::KEYS;
    if metadata.len() > room {
        return Err(input.fault("metadata", format!("must have at most {room} keys")));
    }
    for (key, value) in &metadata {
        if Marks::owns(key) {
            return Err(input.fault("metadata", "must not have keys that begin with `bullrs_`"));
        }
        if key.chars().count() > LONGEST_KEY || value.chars().count() > LONGEST_VALUE {
            let rule = "must have keys of at most 64 and values of at most 512 characters";
            return Err(input.fault("metadata", rule));
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::Recorder;

    fn read(more: &Value) -> Result<Asked, String> {
        let mut data = json!({"model": "gpt-4o-mini-2024-07-18"});
        let fields = data.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let job = Arc::new(Recorder::default()).job("fineTune", "start", &data);
        Asked::read(&Input::of(&job)).map_err(|halt| match halt {
            Halt::ForGood(error) => error.to_string(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn examples_come_from_one_place() {
        let training = |more: &Value| read(more).map(|asked| asked.training);
        let file = Training::File("file-1".into());
        assert_eq!(training(&json!({"trainingFile": "file-1"})), Ok(file));
        let path = Training::Path("a.jsonl".into());
        assert_eq!(training(&json!({"path": "a.jsonl"})), Ok(path));
        assert_eq!(training(&json!({"rows": []})), Ok(Training::Inline));
        for (more, text) in [
            (
                json!({}),
                "cannot read data: at `trainingFile`: is missing, and so are `trainingPath`, \
                 `examples` and `rows`",
            ),
            (
                json!({"trainingFile": "file-1", "examples": []}),
                "cannot read data: at `examples`: must be the only one of `trainingFile`, \
                 `trainingPath`, `examples`, `rows`",
            ),
            (
                json!({"trainingFile": "../x"}),
                "cannot read data: at `trainingFile`: must be the id of a file, \
                 such as `file-abc123`",
            ),
            (
                json!({"examples": [], "method": {"type": "dpo"}}),
                "cannot read data: at `method.type`: other than `supervised` needs a file in its \
                 own format; upload it and give `trainingFile`",
            ),
        ] {
            assert_eq!(training(&more).unwrap_err(), text);
        }
    }

    #[test]
    fn metadata_leaves_room_for_our_marks() {
        let with = |metadata: Value| read(&json!({"rows": [], "metadata": metadata}));
        assert!(with(json!({"team": "a"})).is_ok());
        let many: BTreeMap<String, &str> = (0..14).map(|n| (n.to_string(), "x")).collect();
        for (metadata, rule) in [
            (json!(many), "must have at most 13 keys"),
            (
                json!({"bullrs_job": "x"}),
                "must not have keys that begin with `bullrs_`",
            ),
            (
                json!({"k": "x".repeat(513)}),
                "must have keys of at most 64 and values of at most 512 characters",
            ),
        ] {
            let text = format!("cannot read data: at `metadata`: {rule}");
            assert_eq!(with(metadata).unwrap_err(), text);
        }
    }
}
