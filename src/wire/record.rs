//! A job's hash, read leniently: other writers are JavaScript (WIRE §2).

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{JobOpts, int_text, read_json, without_content};

/// What a worker needs of a job's hash.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobRecord {
    /// The job's id.
    pub id: String,
    /// Empty when the hash has none.
    pub name: String,
    /// The producer's JSON text; `{}` when the hash has none.
    pub data: Box<RawValue>,
    /// The stored options.
    pub opts: JobOpts,
    /// The stored options as they stand, `{}` when absent.
    pub opts_json: String,
    /// When the job was added, unix ms; 0 when absent.
    pub timestamp: i64,
    /// When this attempt started, unix ms.
    pub processed_on: i64,
    /// The priority now; 0 is none.
    pub priority: i64,
    /// Attempts used up (`atm`; `attemptsMade` of old clients).
    pub attempts_made: u32,
    /// Starts so far, this one included (`ats`).
    pub attempts_started: u32,
    /// How often the job stalled (`stc`).
    pub stalled_count: u32,
    /// Why the job must fail instead of running (`defa`).
    pub deferred_failure: Option<String>,
    /// One entry for each failed attempt.
    pub stacktrace: Vec<String>,
    /// Progress so far as JSON text.
    pub progress: Option<String>,
    /// The parent's full key.
    pub parent_key: Option<String>,
    /// The scheduler that made the job (`rjk`).
    pub repeat_job_key: Option<String>,
    /// Which field cannot be read and why; such a job fails instead of running.
    pub fault: Option<String>,
}

/// What is judged once all fields are known.
#[derive(Default)]
struct Reading {
    name: Option<String>,
    data: Option<String>,
    /// Attempts used up, as old clients wrote them; they override.
    old_attempts: Option<u32>,
}

impl JobRecord {
    /// Reads the fields and values of a job's hash.
    ///
    /// A field that cannot be read does not hide behind a default: [`fault`](Self::fault) names it.
    pub fn read<'a>(id: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut record = Self::empty(id.to_owned());
        let mut reading = Reading::default();
        for (field, text) in fields {
            record.take(field, text.into(), &mut reading);
        }
        record.finish(reading)
    }

    /// Reads the flat hash of a job as it was before a start at `now`, the start included.
    pub(crate) fn started<'a>(
        id: String,
        fields: impl IntoIterator<Item = Cow<'a, str>>,
        now: i64,
    ) -> Self {
        let mut record = Self::empty(id);
        let mut reading = Reading::default();
        let mut starts = 0;
        let mut fields = fields.into_iter();
        while let (Some(field), Some(text)) = (fields.next(), fields.next()) {
            match &*field {
                // What the start has overwritten; a count that was no number has begun anew.
                "ats" => starts = int_text(&text).filter(|n| n.abs() < 1 << 53).unwrap_or(0),
                "processedOn" => {}
                _ => record.take(&field, text, &mut reading),
            }
        }
        record.processed_on = now;
        record.attempts_started = u32::try_from((starts + 1).max(0)).unwrap_or(u32::MAX);
        record.finish(reading)
    }

    fn take(&mut self, field: &str, text: Cow<'_, str>, reading: &mut Reading) {
        match field {
            "name" => reading.name = Some(text.into_owned()),
            "data" => reading.data = Some(text.into_owned()),
            "opts" => self.read_opts(text.into_owned()),
            "timestamp" => self.timestamp = self.int(field, &text),
            "processedOn" => self.processed_on = self.int(field, &text),
            "priority" => self.priority = self.int(field, &text),
            "atm" => self.attempts_made = self.count(field, &text),
            "attemptsMade" => reading.old_attempts = Some(self.count(field, &text)),
            "ats" => self.attempts_started = self.count(field, &text),
            "stc" => self.stalled_count = self.count(field, &text),
            "defa" => self.deferred_failure = Some(text.into_owned()),
            // Node reads an unreadable stack trace as none (WIRE §2).
            "stacktrace" => self.stacktrace = serde_json::from_str(&text).unwrap_or_default(),
            "progress" => self.progress = Some(text.into_owned()),
            "parentKey" => self.parent_key = Some(text.into_owned()),
            "rjk" => self.repeat_job_key = Some(text.into_owned()),
            _ => {}
        }
    }

    fn finish(mut self, reading: Reading) -> Self {
        if let Some(attempts) = reading.old_attempts {
            self.attempts_made = attempts;
        }
        if reading.name.is_none() && reading.data.is_none() {
            self.add_fault("the job's hash is gone: it has neither `name` nor `data`".into());
        }
        self.name = reading.name.unwrap_or_default();
        if let Some(text) = reading.data {
            match RawValue::from_string(text) {
                Ok(data) => self.data = data,
                Err(error) => {
                    self.add_fault(format!("`data` is not JSON: {}", without_content(&error)));
                }
            }
        }
        self
    }

    fn empty(id: String) -> Self {
        Self {
            id,
            name: String::new(),
            data: RawValue::from_string("{}".into()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
            opts: JobOpts::default(),
            opts_json: "{}".into(),
            timestamp: 0,
            processed_on: 0,
            priority: 0,
            attempts_made: 0,
            attempts_started: 0,
            stalled_count: 0,
            deferred_failure: None,
            stacktrace: Vec::new(),
            progress: None,
            parent_key: None,
            repeat_job_key: None,
            fault: None,
        }
    }

    fn read_opts(&mut self, text: String) {
        match read_json::<JobOpts>(&text, "`opts`") {
            Ok(opts) => self.opts = opts,
            Err(error) => self.add_fault(error.to_string()),
        }
        self.opts_json = text;
    }

    fn int(&mut self, field: &str, text: &str) -> i64 {
        int_text(text).unwrap_or_else(|| {
            self.add_fault(format!("`{field}` is not a number"));
            0
        })
    }

    fn count(&mut self, field: &str, text: &str) -> u32 {
        u32::try_from(self.int(field, text).max(0)).unwrap_or(u32::MAX)
    }

    fn add_fault(&mut self, fault: String) {
        match &mut self.fault {
            Some(faults) => {
                faults.push_str("; ");
                faults.push_str(&fault);
            }
            None => self.fault = Some(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_hash_reads_in_full() {
        let record = JobRecord::read(
            "7",
            [
                ("name", "generate"),
                ("data", r#"{"contentJobId":"c1"}"#),
                (
                    "opts",
                    r#"{"attempts":3,"backoff":{"type":"exponential","delay":1000}}"#,
                ),
                ("timestamp", "1700000000000"),
                ("delay", "0"),
                ("priority", "5"),
                ("atm", "1"),
                ("ats", "2"),
                ("stacktrace", r#"["Error: x"]"#),
            ],
        );
        assert_eq!(record.fault, None);
        assert_eq!(record.name, "generate");
        assert_eq!(record.data.get(), r#"{"contentJobId":"c1"}"#);
        assert_eq!(
            (
                record.attempts_made,
                record.attempts_started,
                record.priority
            ),
            (1, 2, 5)
        );
        assert_eq!(record.stacktrace, ["Error: x"]);
    }

    #[test]
    fn every_unreadable_field_is_named_with_its_place() {
        let record = JobRecord::read(
            "7",
            [
                ("name", "x"),
                ("data", "not-json{"),
                ("opts", "{\"attempts\":"),
                ("ats", "many"),
            ],
        );
        assert_eq!(
            record.fault.unwrap(),
            "cannot read `opts`: at `attempts`: EOF while parsing a value at line 1 column 12; \
             `ats` is not a number; `data` is not JSON: expected ident at line 1 column 2"
        );
    }

    #[test]
    fn a_start_overrides_what_it_has_overwritten() {
        for (starts, counted) in [("2", 3), ("many", 1), ("-4", 0), ("1e300", 1)] {
            let fields = ["name", "x", "ats", starts, "processedOn", "many"].map(Cow::Borrowed);
            let record = JobRecord::started("7".into(), fields, 5);
            assert_eq!(record.fault, None);
            assert_eq!((record.processed_on, record.attempts_started), (5, counted));
        }
    }

    #[test]
    fn a_hash_that_only_its_activation_made_is_a_fault() {
        let record = JobRecord::read("7", [("processedOn", "1"), ("ats", "1")]);
        assert_eq!(
            record.fault.as_deref(),
            Some("the job's hash is gone: it has neither `name` nor `data`")
        );
    }
}
