use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(fields: &[(&str, &str)]) -> JobSnapshot {
    let keys = QueueKeys::new("bull", "q").unwrap();
    JobSnapshot::read(&keys, "7", fields.iter().copied())
}

fn faults(fields: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let faults = read(fields).faults();
    faults
        .into_iter()
        .map(|fault| (fault.field, fault.reason))
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one field after the other")]
fn a_stock_hash_reads_in_full() {
    let job = read(&[
        ("name", "resize"),
        ("data", r#"{"width": 1e2}"#),
        (
            "opts",
            r#"{"attempts":3,"kl":5,"fpof":true,"jobId":"7","timestamp":1700000000000,"tm":"{}",
                "de":{"id":"d","ttl":50,"replace":true},"parent":{"id":"p","queue":"bull:pq"},"mine":[1]}"#,
        ),
        ("timestamp", "1700000000000"),
        ("delay", "0"),
        ("priority", "5"),
        ("processedOn", "1700000000001"),
        ("finishedOn", "1.7e+12"),
        ("pb", "w1"),
        ("ats", "3"),
        ("atm", "2"),
        ("stc", "1"),
        ("progress", "50"),
        ("returnvalue", r#"{"url":"x"}"#),
        ("failedReason", "no"),
        ("stacktrace", r#"["Error: no","Error: again"]"#),
        ("parentKey", "bull:pq:p"),
        ("parent", r#"{"id":"p","queueKey":"bull:pq","fpof":true}"#),
        ("rjk", "s"),
        ("nrjid", "repeat:s:8"),
        ("deid", "d"),
        ("defa", "child bull:q:8 failed"),
        ("tm", "trace"),
        ("flowAttachmentFailed", "1"),
        ("mine", "kept"),
    ]);
    assert_eq!(job.faults(), []);
    assert_eq!(
        (job.id(), job.queue(), job.key().as_str()),
        ("7", "q", "bull:q:7")
    );
    assert_eq!((job.name(), job.is_remnant()), (Some("resize"), false));
    assert_eq!(job.data().unwrap().unwrap().get(), r#"{"width": 1e2}"#);
    assert_eq!(job.read_data::<Value>().unwrap(), json!({"width": 100.0}));
    assert_eq!(
        job.read_return_value::<Value>().unwrap(),
        Some(json!({"url": "x"}))
    );
    assert_eq!(job.read_progress::<u8>().unwrap(), Some(50));
    let opts = job.opts().unwrap();
    assert_eq!(
        (opts.run.attempts, opts.run.keep_logs),
        (Some(3.0), Some(5.0))
    );
    assert_eq!(
        (opts.job_id.as_deref(), opts.timestamp),
        (Some("7"), Some(1_700_000_000_000.0))
    );
    assert!(
        opts.fail_parent_on_failure && !opts.ignore_dependency_on_failure && !opts.omit_context
    );
    assert_eq!(opts.telemetry_metadata.as_deref(), Some("{}"));
    let deduplication = opts.deduplication.unwrap();
    assert_eq!(
        (deduplication.id.as_deref(), deduplication.ttl),
        (Some("d"), Some(50.0))
    );
    assert!(deduplication.replace && !deduplication.extend);
    assert_eq!(opts.parent.unwrap().queue, "bull:pq");
    assert_eq!(opts.unknown, [("mine".to_owned(), json!([1]))].into());
    assert_eq!(job.timestamp().unwrap(), Some(1_700_000_000_000));
    assert_eq!(job.processed_on().unwrap(), Some(1_700_000_000_001));
    assert_eq!(job.finished_on().unwrap(), Some(1_700_000_000_000));
    assert_eq!((job.delay().unwrap(), job.priority().unwrap()), (0, 5));
    let attempts = (
        job.attempts_made().unwrap(),
        job.attempts_started().unwrap(),
    );
    assert_eq!((attempts, job.stalled_count().unwrap()), ((2, 3), 1));
    assert_eq!(
        (job.processed_by(), job.failed_reason()),
        (Some("w1"), Some("no"))
    );
    assert_eq!(job.stacktrace().unwrap(), ["Error: no", "Error: again"]);
    let parent = job.parent().unwrap().unwrap();
    assert_eq!(
        (
            parent.id.as_str(),
            parent.queue(),
            parent.fail_parent_on_failure
        ),
        ("p", "pq", true)
    );
    assert_eq!(job.parent_key(), Some("bull:pq:p"));
    assert_eq!(
        (job.repeat_job_key(), job.next_repeatable_job_id()),
        (Some("s"), Some("repeat:s:8"))
    );
    assert_eq!(
        (job.deduplication_id(), job.telemetry_metadata()),
        (Some("d"), Some("trace"))
    );
    assert_eq!(job.deferred_failure(), Some("child bull:q:8 failed"));
    let unknown: Vec<_> = job.unknown_fields().collect();
    assert_eq!(unknown, [("flowAttachmentFailed", "1"), ("mine", "kept")]);
    assert_eq!(job.fields().count(), 25);
}

#[test]
fn what_is_not_there_is_what_the_protocol_takes_it_for() {
    let job = read(&[("name", ""), ("data", "{}")]);
    assert_eq!(job.faults(), []);
    assert_eq!((job.delay().unwrap(), job.priority().unwrap()), (0, 0));
    assert_eq!(
        (job.attempts_made().unwrap(), job.timestamp().unwrap()),
        (0, None)
    );
    assert!(job.progress().unwrap().is_none() && job.return_value().unwrap().is_none());
    assert_eq!(job.opts().unwrap(), StoredOpts::default());
    assert!(read(&[("ats", "1"), ("processedOn", "1")]).is_remnant());
    let error = read(&[]).read_data::<Value>().unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot read `data` of job `7` of queue `q`: it is missing"
    );
}

#[test]
fn old_clients_name_attempts_in_full() {
    assert_eq!(
        read(&[("attemptsMade", "2"), ("atm", "1")])
            .attempts_made()
            .unwrap(),
        2
    );
    assert_eq!(
        faults(&[("attemptsMade", "x"), ("atm", "1")])[0].0,
        "attemptsMade"
    );
}

#[test]
fn every_bad_field_is_named_with_its_place_and_without_its_content() {
    let found = faults(&[
        ("data", "secret{"),
        ("opts", r#"{"attempts":["secret"]}"#),
        ("timestamp", ""),
        ("delay", "soon"),
        ("priority", "-1"),
        ("processedOn", "NaN"),
        ("finishedOn", "1e300"),
        ("atm", "4294967296"),
        ("ats", "many"),
        ("stc", "-3"),
        ("progress", "50%"),
        ("returnvalue", ""),
        ("stacktrace", r#"["a",7]"#),
        ("parent", r#"{"id":"p"}"#),
    ]);
    let expected = [
        ("data", "it is not JSON: expected value at line 1 column 1"),
        (
            "opts",
            "at `attempts`: expected a number at line 1 column 23",
        ),
        ("timestamp", "it is not a number"),
        ("delay", "it is not a number"),
        ("priority", "it is negative"),
        ("processedOn", "it is not a number"),
        ("finishedOn", "it is out of range"),
        ("atm", "it is out of range"),
        ("ats", "it is not a number"),
        ("stc", "it is negative"),
        (
            "progress",
            "it is not JSON: trailing characters at line 1 column 3",
        ),
        (
            "returnvalue",
            "it is not JSON: EOF while parsing a value at line 1 column 0",
        ),
        (
            "stacktrace",
            "at `[1]`: invalid type, expected a string at line 1 column 6",
        ),
        ("parent", "missing field `queueKey` at line 1 column 10"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((field, reason), (expected_field, expected_reason)) in found.iter().zip(expected) {
        assert_eq!((*field, reason.as_str()), (expected_field, expected_reason));
    }
}

#[test]
fn a_typed_field_of_the_wrong_shape_is_named_by_its_path() {
    #[derive(Debug, Deserialize)]
    struct Resize {
        #[expect(dead_code, reason = "only its path matters")]
        size: std::collections::BTreeMap<String, u32>,
    }
    let job = read(&[("data", r#"{"size":{"width":"wide"}}"#)]);
    assert_eq!(
        job.read_data::<Resize>().unwrap_err().to_string(),
        "cannot read `data` of job `7` of queue `q`: at `size.width`: invalid type, expected u32 at line 1 column 23"
    );
}

#[test]
fn debug_shows_no_content() {
    let shown = format!(
        "{:?}",
        read(&[
            ("name", "n"),
            ("data", r#""canary""#),
            ("failedReason", "canary")
        ])
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains(r#""data": 8"#), "{shown}");
}

/// On the stack that a thread of the runtime has.
#[test]
fn depth_and_size_are_no_danger() {
    let reader = std::thread::Builder::new().stack_size(2 << 20);
    let deep = "[".repeat(2_000_000) + &"]".repeat(2_000_000);
    let reader = reader.spawn(move || {
        let job = read(&[
            ("name", "n"),
            ("data", &deep),
            ("opts", &deep),
            ("parent", &deep),
            ("stacktrace", &deep),
        ]);
        assert_eq!(job.data().unwrap().unwrap().get().len(), deep.len());
        assert!(job.read_data::<Value>().is_err());
        let faults: Vec<_> = job.faults().into_iter().map(|fault| fault.field).collect();
        assert_eq!(faults, ["opts", "stacktrace", "parent"]);
    });
    reader.unwrap().join().unwrap();
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        Just("[".repeat(500)),
        json_text(),
    ]
}

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:]{0,6}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("attempts"),
        Just("backoff"),
        Just("delay"),
        Just("de"),
        Just("parent"),
        Just("repeat"),
        Just("removeOnComplete"),
        Just("id"),
        Just("queue"),
        Just("queueKey"),
        Just("fpof"),
        Just("jobId"),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..4).prop_map(|fields| {
                Value::Object(
                    fields
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
    .prop_map(|value| value.to_string())
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(KNOWN.as_slice()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_hash_reads_and_hides_nothing(
        fields in prop::collection::btree_map(field(), text(), 0..24),
    ) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let job = read(&pairs);
        // Everything is still there as it stands.
        let kept: BTreeMap<String, String> =
            job.fields().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        prop_assert_eq!(&kept, &fields);
        let _shown = format!("{job:?}");

        let faults: Vec<&str> = job.faults().into_iter().map(|fault| fault.field).collect();
        let is_json = |name: &str| fields.get(name).is_none_or(|text| serde_json::from_str::<&RawValue>(text).is_ok());
        for name in ["data", "progress", "returnvalue"] {
            prop_assert_eq!(!faults.contains(&name), is_json(name), "{}", name);
        }
        for name in ["opts", "parent", "stacktrace"] {
            prop_assert!(is_json(name) || faults.contains(&name), "{}", name);
        }
        // A number is what the text says, or a fault.
        let numbers = [
            ("timestamp", job.timestamp().ok().map(|at| at.map_or(0.0, as_float))),
            ("processedOn", job.processed_on().ok().map(|at| at.map_or(0.0, as_float))),
            ("finishedOn", job.finished_on().ok().map(|at| at.map_or(0.0, as_float))),
            ("delay", job.delay().ok().map(as_float)),
            ("priority", job.priority().ok().map(f64::from)),
            ("ats", job.attempts_started().ok().map(f64::from)),
            ("stc", job.stalled_count().ok().map(f64::from)),
        ];
        for (name, number) in numbers {
            let said = fields.get(name).map_or(Ok(0.0), |text| text.trim().parse::<f64>());
            match number {
                Some(number) => prop_assert_eq!(Ok(number), said.map(f64::trunc), "{}", name),
                None => prop_assert!(faults.contains(&name), "{}", name),
            }
        }
        // Whoever asks for a bad field is told so.
        for name in faults {
            let told = match name {
                "opts" => job.opts().is_err(),
                "parent" => job.parent().is_err(),
                "stacktrace" => job.stacktrace().is_err(),
                "data" => job.read_data::<Value>().is_err(),
                _ => true,
            };
            prop_assert!(told, "{}", name);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared with a float")]
fn as_float(number: i64) -> f64 {
    number as f64
}
