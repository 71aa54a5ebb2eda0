use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// An entry written as `name value name value …`.
fn read(entry: &[&str]) -> Event {
    Event::read(entry.chunks_exact(2).map(|pair| (pair[0], pair[1])))
}

#[test]
fn entries_of_a_job_that_completes_read_in_full() {
    // WIRE, appendix A1 and A5.
    let job_id = || "1".to_owned();
    let added = Event::Added {
        job_id: job_id(),
        name: "resize".into(),
    };
    let prev = None;
    assert_eq!(
        read(&["event", "added", "jobId", "1", "name", "resize"]),
        added
    );
    assert_eq!(
        read(&["event", "waiting", "jobId", "1"]),
        Event::Waiting {
            job_id: job_id(),
            prev
        }
    );
    assert_eq!(
        read(&["event", "active", "jobId", "1", "prev", "waiting"]),
        Event::Active {
            job_id: job_id(),
            prev: Some("waiting".into())
        }
    );
    let completed = read(&[
        "event",
        "completed",
        "jobId",
        "1",
        "returnvalue",
        r#"{"r":1}"#,
        "prev",
        "active",
    ]);
    let Event::Completed { returnvalue, .. } = &completed else {
        panic!("{completed:?}");
    };
    assert_eq!(returnvalue.read::<Value>().unwrap(), json!({"r": 1}));
    assert_eq!(
        (completed.name(), completed.job_id()),
        ("completed", Some("1"))
    );
}

#[test]
fn every_known_event_keeps_its_name_and_its_job() {
    let entries: [&[&str]; 18] = [
        &["event", "added", "jobId", "7", "name", "x"],
        &["event", "waiting", "jobId", "7", "prev", "delayed"],
        &["event", "delayed", "jobId", "7", "delay", "1700000050000"],
        &["event", "active", "jobId", "7", "prev", "waiting"],
        &[
            "event",
            "completed",
            "jobId",
            "7",
            "returnvalue",
            "null",
            "prev",
            "active",
        ],
        &[
            "event",
            "failed",
            "jobId",
            "7",
            "failedReason",
            "no",
            "prev",
            "active",
        ],
        &[
            "event",
            "retries-exhausted",
            "jobId",
            "7",
            "attemptsMade",
            "2",
        ],
        &["event", "progress", "jobId", "7", "data", "50"],
        &["event", "stalled", "jobId", "7"],
        &["event", "waiting-children", "jobId", "7", "prev", "active"],
        &["event", "duplicated", "jobId", "7"],
        &[
            "event",
            "deduplicated",
            "jobId",
            "7",
            "deduplicationId",
            "d",
            "deduplicatedJobId",
            "8",
        ],
        &["event", "debounced", "jobId", "7", "debounceId", "d"],
        &["event", "removed", "jobId", "7", "prev", "wait"],
        &["event", "drained"],
        &["event", "cleaned", "count", "3"],
        &["event", "paused"],
        &["event", "resumed"],
    ];
    for (index, entry) in entries.into_iter().enumerate() {
        let event = read(entry);
        assert!(!matches!(event, Event::Other { .. }), "{event:?}");
        assert_eq!(event.name(), entry[1]);
        assert_eq!(event.job_id(), (index < 14).then_some("7"), "{event:?}");
    }
    assert_eq!(
        read(entries[2]),
        Event::Delayed {
            job_id: "7".into(),
            delay: 1_700_000_050_000
        }
    );
}

#[test]
fn a_text_that_is_no_json_is_kept_and_marked() {
    for text in ["", "not json", r#"{"a":"#, "undefined", "1 2"] {
        let event = read(&["event", "progress", "jobId", "7", "data", text]);
        let Event::Progress { data, .. } = event else {
            panic!("{event:?}");
        };
        assert_eq!((data.get(), data.is_valid()), (text, false));
        assert!(data.read::<Value>().is_err());
    }
    let event = read(&["event", "completed", "jobId", "7"]);
    let Event::Completed {
        returnvalue, prev, ..
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(
        (returnvalue.get(), returnvalue.is_valid(), prev),
        ("", false, None)
    );
}

#[test]
fn what_is_not_known_is_kept_as_it_stands() {
    let other = |name: &str, fields: &[(&str, &str)]| Event::Other {
        name: name.into(),
        fields: fields
            .iter()
            .map(|(field, text)| ((*field).into(), (*text).into()))
            .collect(),
    };
    assert_eq!(
        read(&["event", "shipped", "jobId", "7", "by", "sea", "by", "air"]),
        other("shipped", &[("jobId", "7"), ("by", "sea"), ("by", "air")])
    );
    // A known name, but not its fields.
    assert_eq!(
        read(&["event", "delayed", "jobId", "7", "delay", "soon"]),
        other("delayed", &[("jobId", "7"), ("delay", "soon")])
    );
    assert_eq!(read(&["event", "stalled"]), other("stalled", &[]));
    assert_eq!(read(&["jobId", "7"]), other("", &[("jobId", "7")]));
    assert_eq!(read(&["jobId", "7"]).job_id(), Some("7"));
    assert_eq!(read(&[]), other("", &[]));
}

proptest! {
    #[test]
    fn any_entry_reads_and_an_unknown_one_loses_nothing(
        fields in prop::collection::vec((".{0,8}", ".{0,8}"), 0..6),
        name in "x[a-z-]{0,8}",
    ) {
        let entry = fields.iter().map(|(field, text)| (field.as_str(), text.as_str()));
        let kept: Vec<_> = fields.iter().filter(|(field, _)| field != "event").cloned().collect();
        let _ = Event::read(entry.clone());
        let event = Event::read(entry.chain([("event", name.as_str())]));
        prop_assert_eq!(event, Event::Other { name, fields: kept });
    }
}
