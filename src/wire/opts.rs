//! A job's stored options: JSON with short names, numbers as JavaScript writes them (WIRE §2.1).

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use super::Pack;

/// The options a worker acts on. Everything else in the text is kept by Redis and ignored here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(remote = "Self", default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobOpts {
    /// How many attempts the job has; JavaScript numbers such as `1.79e308` mean "for ever".
    #[serde(deserialize_with = "number")]
    pub attempts: Option<f64>,
    /// How long to wait between attempts.
    #[serde(deserialize_with = "backoff")]
    pub backoff: Option<BackoffOpts>,
    /// The delay in ms that the job was added with.
    #[serde(deserialize_with = "number")]
    pub delay: Option<f64>,
    /// The priority that the job was added with; 0 is none.
    #[serde(deserialize_with = "number")]
    pub priority: Option<f64>,
    /// Whether the job was added at the front.
    #[serde(deserialize_with = "truthy")]
    pub lifo: bool,
    /// What to keep when the job completes.
    #[serde(deserialize_with = "keep_jobs")]
    pub remove_on_complete: Option<KeepJobs>,
    /// What to keep when the job fails for good.
    #[serde(deserialize_with = "keep_jobs")]
    pub remove_on_fail: Option<KeepJobs>,
    /// How many entries of `stacktrace` to keep.
    #[serde(deserialize_with = "number")]
    pub stack_trace_limit: Option<f64>,
    /// How many log rows to keep (`keepLogs`).
    #[serde(rename = "kl", deserialize_with = "number")]
    pub keep_logs: Option<f64>,
    /// Longest time in ms that one attempt may take (bullrs reads it, stock ignores it).
    #[serde(deserialize_with = "number")]
    pub timeout: Option<f64>,
    /// Time in ms after `timestamp` when the job is no longer worth running (bullrs only).
    #[serde(deserialize_with = "number")]
    pub ttl: Option<f64>,
    /// The schedule that made this job.
    pub repeat: Option<RepeatOpts>,
    /// When the previous iteration of a cron schedule was due.
    #[serde(deserialize_with = "number")]
    pub prev_millis: Option<f64>,
}

/// `opts.backoff`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct BackoffOpts {
    /// `fixed`, `exponential`, or a name that the worker knows.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Milliseconds.
    #[serde(default, deserialize_with = "number")]
    pub delay: Option<f64>,
    /// 0 (none) to 1 (anything between 0 and the delay).
    #[serde(default, deserialize_with = "number")]
    pub jitter: Option<f64>,
}

/// `opts.repeat` of a job that a scheduler made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(remote = "Self", default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct RepeatOpts {
    /// Cron pattern.
    pub pattern: Option<String>,
    /// Interval in ms.
    #[serde(deserialize_with = "number")]
    pub every: Option<f64>,
    /// How many iterations came before.
    #[serde(deserialize_with = "number")]
    pub count: Option<f64>,
    /// How many iterations there may be.
    #[serde(deserialize_with = "number")]
    pub limit: Option<f64>,
    /// IANA zone of the pattern.
    pub tz: Option<String>,
    /// Not before; ms, or a date as JavaScript writes it.
    pub start_date: Option<Value>,
    /// Not after; ms, or a date as JavaScript writes it.
    pub end_date: Option<Value>,
    /// Offset in ms of an `every` schedule.
    #[serde(deserialize_with = "number")]
    pub offset: Option<f64>,
}

/// What to keep of finished jobs, as the scripts take it (WIRE §4.4).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeepJobs {
    /// How many; 0 removes the finishing job itself, negative or absent keeps all.
    pub count: Option<f64>,
    /// How old in seconds they may grow.
    pub age: Option<f64>,
    /// How many to evict by age in one call.
    pub limit: Option<f64>,
}

impl KeepJobs {
    /// Keeps every finished job.
    pub const ALL: Self = Self {
        count: Some(-1.0),
        age: None,
        limit: None,
    };

    pub(crate) fn pack(self, pack: Pack) -> Pack {
        let fields = [
            ("count", self.count),
            ("age", self.age),
            ("limit", self.limit),
        ];
        let present = fields.iter().filter(|(_, value)| value.is_some()).count();
        fields.into_iter().fold(
            pack.map(u32::try_from(present).unwrap_or(0)),
            |pack, (key, value)| match value {
                Some(value) => pack.text(key).float(value),
                None => pack,
            },
        )
    }
}

/// A rate limit: at most `max` jobs started in each `duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limiter {
    /// Jobs in each window.
    pub max: u32,
    /// The window.
    pub duration: std::time::Duration,
}

/// Has a derived reader of its fields, which also takes an array for the fields in their order.
trait FromFields: Default {
    fn from_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl FromFields for JobOpts {
    fn from_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl FromFields for RepeatOpts {
    fn from_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for JobOpts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectOnly(PhantomData))
    }
}

impl<'de> Deserialize<'de> for RepeatOpts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectOnly(PhantomData))
    }
}

/// Reads an object. An array has none of its fields, as in JavaScript; anything else is refused.
struct ObjectOnly<T>(PhantomData<T>);

impl<'de, T: FromFields> Visitor<'de> for ObjectOnly<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_fields(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}

/// A number, or text that is one; other things are named as wrong.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        // Not `NaN` nor `inf`, which Rust reads and JSON does not know.
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(de::Error::custom("expected a number")),
        },
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(de::Error::custom("expected a number"))
        }
    }
}

/// What JavaScript takes for true.
pub(crate) fn truthy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Null => false,
        Value::Bool(flag) => flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    })
}

/// A number stands for a fixed delay (WIRE §2.1).
fn backoff<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BackoffOpts>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Number(delay) => Ok(Some(BackoffOpts {
            kind: "fixed".into(),
            delay: delay.as_f64(),
            jitter: None,
        })),
        object @ Value::Object(_) => BackoffOpts::deserialize(object)
            .map(Some)
            .map_err(de::Error::custom),
        _ => Err(de::Error::custom(
            "expected a number or an object with `type` and `delay`",
        )),
    }
}

/// `true` removes, `false` keeps all, a number is a count, an object stands (WIRE §4.4).
fn keep_jobs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeepJobs>, D::Error> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(default, deserialize_with = "number")]
        count: Option<f64>,
        #[serde(default, deserialize_with = "number")]
        age: Option<f64>,
        #[serde(default, deserialize_with = "number")]
        limit: Option<f64>,
    }
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Bool(remove) => Ok(Some(KeepJobs {
            count: Some(if remove { 0.0 } else { -1.0 }),
            age: None,
            limit: None,
        })),
        Value::Number(count) => Ok(Some(KeepJobs {
            count: count.as_f64(),
            age: None,
            limit: None,
        })),
        object @ Value::Object(_) => {
            let Object { count, age, limit } =
                Object::deserialize(object).map_err(de::Error::custom)?;
            Ok(Some(KeepJobs { count, age, limit }))
        }
        _ => Err(de::Error::custom(
            "expected true, false, a number or an object",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::read_json;

    fn read(text: &str) -> JobOpts {
        read_json(text, "opts").unwrap()
    }

    #[test]
    fn one_odd_number_discards_nothing() {
        let opts = read(
            r#"{"attempts":1.7976931348623157e+308,"delay":100.5,"removeOnFail":-1,
                "backoff":{"type":"fixed","delay":100.5},"mine":{"a":[1]}}"#,
        );
        assert_eq!(opts.attempts, Some(f64::MAX));
        assert_eq!(opts.delay, Some(100.5));
        assert_eq!(opts.remove_on_fail.unwrap().count, Some(-1.0));
        assert_eq!(opts.backoff.unwrap().delay, Some(100.5));
    }

    #[test]
    fn retention_has_four_forms() {
        let keep =
            |text: &str| read(&format!(r#"{{"removeOnComplete":{text}}}"#)).remove_on_complete;
        assert_eq!(keep("true").unwrap().count, Some(0.0));
        assert_eq!(keep("false"), Some(KeepJobs::ALL));
        assert_eq!(keep("7").unwrap().count, Some(7.0));
        assert_eq!(
            keep(r#"{"age":3600.5,"limit":10}"#),
            Some(KeepJobs {
                count: None,
                age: Some(3600.5),
                limit: Some(10.0)
            })
        );
        assert_eq!(keep("null"), None);
    }

    #[test]
    fn only_an_object_has_options() {
        for text in ["3", "null", "\"x\"", r#"{"repeat":"* * * * *"}"#] {
            let error = read_json::<JobOpts>(text, "opts").unwrap_err().to_string();
            assert!(error.contains("expected an object"), "{text}: {error}");
        }
        // Not the first of the fields, as a derived reader has it.
        for text in ["[3]", "[]", "{}"] {
            assert_eq!(read(text), JobOpts::default(), "{text}");
        }
        for text in [r#"["* * * * *"]"#, "[]", "{}"] {
            let opts = read(&format!(r#"{{"repeat":{text}}}"#));
            assert_eq!(opts.repeat, Some(RepeatOpts::default()), "{text}");
        }
        assert_eq!(read(r#"{"repeat":null}"#).repeat, None);
    }

    #[test]
    fn a_text_is_a_number_only_if_json_could_have_it() {
        assert_eq!(read(r#"{"attempts":" 3 "}"#).attempts, Some(3.0));
        for text in ["NaN", "inf", "-Infinity", "1e999", "", "3 attempts"] {
            let opts = format!(r#"{{"attempts":"{text}"}}"#);
            assert!(read_json::<JobOpts>(&opts, "opts").is_err(), "{text}");
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        let error = read_json::<JobOpts>(r#"{"attempts":["x"]}"#, "opts").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read opts: at `attempts`: expected a number at line 1 column 18"
        );
    }
}
