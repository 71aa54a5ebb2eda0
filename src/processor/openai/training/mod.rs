//! The JSON Lines file that a fine-tuning job learns from: built, checked and counted. Pure.

mod content;
mod example;
mod message;
mod tools;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use self::example::Example;
use super::object::{Object, compact};

/// Fewest examples the API trains with.
pub(super) const FEWEST_EXAMPLES: usize = 10;
/// Largest file the API takes, in bytes.
const LARGEST_FILE: usize = 512 * 1024 * 1024;
/// Most examples with images in one file.
const MOST_IMAGE_EXAMPLES: usize = 50_000;
/// Problems that a report lists one by one.
const LISTED_PROBLEMS: usize = 100;

/// What is wrong with one line. Never quotes content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// Place among the input's examples, from 1.
    pub(super) line: usize,
    /// A word for programs.
    pub(super) code: &'static str,
    /// A sentence for people, with the path of the field.
    pub(super) message: String,
}

/// A fault inside of one example, before its line is known.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    code: &'static str,
    message: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What is in a training file; a part of the return value of `fineTune.export`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Lines of the file.
    pub(super) examples: usize,
    /// Examples of the input that are not in the file, as they are invalid.
    pub(super) skipped: usize,
    /// Bytes of the file.
    pub(super) bytes: usize,
    /// Messages by role.
    pub(super) messages: BTreeMap<String, usize>,
    /// A rough guess, within a quarter for English text.
    pub(super) tokens_estimate: u64,
    /// The same for the largest example.
    pub(super) longest_example_tokens: u64,
    /// Examples that are probably longer than the model's limit, which the API cuts.
    pub(super) overlong_examples: usize,
    /// Lines that stand in the file more than once.
    pub(super) duplicates: usize,
    /// Examples with images.
    pub(super) image_examples: usize,
}

/// A built file and what is wrong with its input.
#[derive(Debug, Default)]
pub(super) struct TrainingFile {
    pub(super) content: Vec<u8>,
    pub(super) counts: Counts,
    /// The first hundred.
    pub(super) problems: Vec<Problem>,
    pub(super) problem_count: usize,
    seen: std::collections::HashSet<[u8; 20]>,
    token_limit: u64,
}

impl TrainingFile {
    /// An empty file for a model of this name, which decides how long an example may be.
    pub(super) fn new(model: Option<&str>) -> Self {
        let small = model.is_some_and(|model| model.contains("gpt-3.5"));
        Self {
            token_limit: if small { 16_385 } else { 65_536 },
            ..Self::default()
        }
    }

    /// Reads a file that was written before. Empty lines do not count.
    pub(super) fn of_lines(text: &str, model: Option<&str>) -> Self {
        let mut file = Self::new(model);
        for (index, line) in text.lines().enumerate() {
            if !line.trim().is_empty() {
                match Example::read(line, None) {
                    Ok(example) => file.keep(&example),
                    Err(faults) => file.refuse(index + 1, faults),
                }
            }
        }
        file
    }

    /// Adds an example of the chat format. `system` goes before the messages of an example that has
    /// no system message.
    pub(super) fn add(&mut self, line: usize, example: &RawValue, system: Option<&str>) {
        match Example::read(example.get(), system) {
            Ok(example) => self.keep(&example),
            Err(faults) => self.refuse(line, faults),
        }
    }

    /// Adds a prompt and its completion as a conversation of two.
    pub(super) fn add_row(&mut self, line: usize, row: &RawValue, system: Option<&str>) {
        match conversation(row.get()) {
            Ok(example) => self.add(line, &example, system),
            Err(faults) => self.refuse(line, faults),
        }
    }

    fn keep(&mut self, example: &Example) {
        let line = compact(&example.json);
        let counts = &mut self.counts;
        counts.examples += 1;
        counts.tokens_estimate += example.tokens;
        counts.longest_example_tokens = counts.longest_example_tokens.max(example.tokens);
        counts.overlong_examples += usize::from(example.tokens > self.token_limit);
        counts.image_examples += usize::from(example.images > 0);
        for role in &example.roles {
            *counts.messages.entry((*role).to_owned()).or_default() += 1;
        }
        let digest = sha1_smol::Sha1::from(&line).digest().bytes();
        counts.duplicates += usize::from(!self.seen.insert(digest));
        self.content.extend_from_slice(line.as_bytes());
        self.content.push(b'\n');
        counts.bytes = self.content.len();
    }

    fn refuse(&mut self, line: usize, faults: Vec<Fault>) {
        self.counts.skipped += 1;
        self.problem_count += faults.len();
        let room = LISTED_PROBLEMS.saturating_sub(self.problems.len());
        self.problems
            .extend(faults.into_iter().take(room).map(|fault| Problem {
                line,
                code: fault.code,
                message: fault.message,
            }));
    }

    /// What makes the file as a whole unfit, whatever its lines.
    pub(super) fn unfit(&self) -> Option<String> {
        let counts = &self.counts;
        if counts.examples < FEWEST_EXAMPLES {
            return Some(format!(
                "the file has {} valid examples; fine-tuning needs at least {FEWEST_EXAMPLES}",
                counts.examples
            ));
        }
        if counts.bytes > LARGEST_FILE {
            let megabytes = counts.bytes / 1024 / 1024;
            return Some(format!(
                "the file has {megabytes} MiB; the API takes at most 512"
            ));
        }
        if counts.image_examples > MOST_IMAGE_EXAMPLES {
            return Some(format!(
                "{} examples have images; the API takes at most {MOST_IMAGE_EXAMPLES}",
                counts.image_examples
            ));
        }
        None
    }
}

/// A row as a conversation.
fn conversation(row: &str) -> Result<Box<RawValue>, Vec<Fault>> {
    let not_object = |_| vec![Fault::new("not_an_object", "the row must be an object")];
    let fields: Object = serde_json::from_str(row).map_err(not_object)?;
    let mut faults = Vec::new();
    let mut text = |name, code| {
        let value = fields.get(name);
        let text = value.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let text = text.filter(|text| !text.trim().is_empty());
        if text.is_none() {
            faults.push(Fault::new(
                code,
                format!("`{name}` must be a text that is not empty"),
            ));
        }
        text.unwrap_or_default()
    };
    let prompt = text("prompt", "prompt_missing");
    let completion = text("completion", "completion_missing");
    if !faults.is_empty() {
        return Err(faults);
    }
    build(&prompt, &completion).map_err(|error| vec![Fault::new("not_json", error.to_string())])
}

fn build(prompt: &str, completion: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let messages = [
        super::request::message("user", prompt)?,
        super::request::message("assistant", completion)?,
    ];
    let mut example = Object::default();
    example.put("messages", &messages)?;
    to_raw_value(&example)
}

#[cfg(test)]
mod tests;
