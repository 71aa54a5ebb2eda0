//! The recorder, driven as a worker drives it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bullrs::{
    BoxError, Failure,
    store::{
        EventRow, JobFilter, JobRecorder, JobRecorderOptions, Keyring, NewJob, Status, Store,
        Timeline,
    },
    testing,
    wire::JobRecord,
    worker::{CancelReason, Observer as _, RawJob, Settled, SettledState},
};
use tokio::runtime::Handle;

use crate::rig::{Rig, SOON, eventually, new_job};

pub(crate) const KEYS: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=,\
                        old:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

/// A clock that is a millisecond later each time.
fn options() -> JobRecorderOptions {
    let now = AtomicI64::new(10_000);
    let mut options = JobRecorderOptions::default();
    options.clock = Arc::new(move || now.fetch_add(1, Ordering::Relaxed));
    options.progress_every = Duration::ZERO;
    options
}

fn recorder_with(store: &Store, options: JobRecorderOptions) -> JobRecorder {
    let keyring = Some(Keyring::parse(KEYS).unwrap());
    JobRecorder::start(store.clone(), keyring, options, &Handle::current()).unwrap()
}

/// As a worker would claim it: the `starts`-th start, with `made` attempts used up.
pub(crate) fn claimed(id: &str, data: &str, made: u32, starts: u32) -> RawJob {
    let (made, starts) = (made.to_string(), starts.to_string());
    let record = JobRecord::read(
        id,
        [
            ("name", "generate"),
            ("data", data),
            ("opts", r#"{"attempts":3}"#),
            ("timestamp", "5000"),
            ("processedOn", "6000"),
            ("atm", &made),
            ("ats", &starts),
        ],
    );
    let port = Arc::new(testing::Recorder::default());
    RawJob::new("content".into(), record, "token".into(), port, None)
}

pub(crate) fn settled(job: &RawJob, state: SettledState, attempts_made: u32, at: i64) -> Settled {
    Settled {
        job: job.clone(),
        state,
        attempts_made,
        at,
    }
}

async fn written(recorder: &JobRecorder) {
    assert_eq!(recorder.flush(SOON).await, 0);
}

async fn timeline(store: &Store, timeline: Timeline) -> Vec<EventRow> {
    store.events(&timeline, 0, 1_000).await.unwrap()
}

fn shown(events: &[EventRow]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            format!(
                "{} #{} @{} {} {}",
                event.event,
                event.attempt.unwrap_or(0),
                event.at.unwrap_or(0),
                event.message.as_deref().unwrap_or("-"),
                event.data.as_ref().map_or("-", |data| data.get())
            )
        })
        .collect()
}

pub(crate) async fn a_job_is_followed_from_start_to_result(rig: Rig) {
    let keyring = Keyring::parse(KEYS).unwrap();
    let payload = Some(keyring.encrypt("c1", r#"{"prompt":"tea"}"#).unwrap());
    let job = NewJob {
        payload,
        ..new_job("c1")
    };
    assert!(rig.store.insert(&job).await.unwrap());
    let recorder = recorder_with(&rig.store, options());
    let job = claimed("7", r#"{"contentJobId":"c1"}"#, 0, 1);

    let payload = recorder.starting(&job).await.unwrap().unwrap();
    assert_eq!(payload.reveal(), r#"{"prompt":"tea"}"#);
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.job_id.as_deref(), row.max_attempts),
        (Status::Active, Some("7"), 3)
    );
    assert_eq!(
        (row.queued_at, row.started_at, row.attempts_made),
        (Some(5_000), Some(6_000), 0)
    );

    recorder.progressed(&job, r#"{"percent":50,"message":"half way"}"#);
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!(
        row.progress.unwrap().get(),
        r#"{"percent":50,"message":"half way"}"#
    );
    let done = SettledState::Completed(r#"{"words":3}"#.into());
    recorder.settled(settled(&job, done, 1, 7_000));
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!((row.status, row.attempts_made), (Status::Succeeded, 1));
    assert_eq!(row.result.unwrap().get(), r#"{"words":3}"#);
    assert_eq!(row.finished_at, Some(7_000));
    for of in [Timeline::row("c1"), Timeline::job("content", "7")] {
        assert_eq!(
            shown(&timeline(&rig.store, of).await),
            [
                "active #1 @10000 - -",
                r#"progress #1 @10001 half way {"percent":50,"message":"half way"}"#,
                "completed #1 @7000 - -",
            ]
        );
    }
    assert!(recorder.is_healthy());
    assert_eq!(recorder.last_error(), None);
}

pub(crate) async fn a_retried_job_shows_its_error_and_then_its_result(rig: Rig) {
    rig.pending("c1").await;
    let recorder = recorder_with(&rig.store, options());
    let data = r#"{"contentJobId":"c1"}"#;
    let attempts = [(3_000, Status::Delayed), (0, Status::Queued)];
    for (attempt, (delay, status)) in (1..).zip(attempts) {
        let job = claimed("7", data, attempt - 1, attempt);
        assert!(recorder.starting(&job).await.unwrap().is_none());
        let reason = format!("no luck {attempt}");
        let state = SettledState::Retried { reason, delay };
        recorder.settled(settled(&job, state, attempt, 7_000));
        written(&recorder).await;
        let row = rig.row("c1").await;
        assert_eq!((row.status, row.attempts_made), (status, attempt.into()));
        assert_eq!(row.error.unwrap(), format!("no luck {attempt}"));
        assert_eq!(row.finished_at, None);
    }
    let job = claimed("7", data, 2, 3);
    recorder.starting(&job).await.unwrap();
    let state = SettledState::Failed("given up".into());
    recorder.settled(settled(&job, state, 3, 9_000));
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.error.as_deref(), row.attempts_made),
        (Status::Failed, Some("given up"), 3)
    );
    assert_eq!(
        shown(&timeline(&rig.store, Timeline::row("c1")).await),
        [
            "active #1 @10000 - -",
            r#"retrying #1 @7000 no luck 1 {"delay":3000,"nextAttemptAt":10000}"#,
            "active #2 @10001 - -",
            r#"retrying #2 @7000 no luck 2 {"delay":0,"nextAttemptAt":7000}"#,
            "active #3 @10002 - -",
            "failed #3 @9000 given up -",
        ]
    );
}

pub(crate) async fn a_job_without_a_row_has_a_timeline_only(rig: Rig) {
    let recorder = recorder_with(&rig.store, options());
    let all = [r#"{"contentJobId":""}"#, "[1]", "null"];
    for (number, data) in (1..).zip(all) {
        let job = claimed(&number.to_string(), data, 0, 1);
        assert!(recorder.starting(&job).await.unwrap().is_none());
        recorder.progressed(&job, "5");
        let state = SettledState::Completed("null".into());
        recorder.settled(settled(&job, state, 1, 7_000));
        written(&recorder).await;
        let events = timeline(&rig.store, Timeline::job("content", job.id())).await;
        let names: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
        assert_eq!(names, ["active", "progress", "completed"]);
        assert!(events.iter().all(|event| event.content_job_id.is_none()));
    }
    assert!(
        rig.store
            .jobs(&JobFilter::default())
            .await
            .unwrap()
            .jobs
            .is_empty()
    );
    assert_eq!(recorder.refused(), 0);
}

fn is_unrecoverable(error: &BoxError) -> bool {
    error.downcast_ref::<Failure>().is_some()
}

pub(crate) async fn a_job_whose_row_or_payload_cannot_be_had_does_not_run(rig: Rig) {
    let keyring = Keyring::parse(KEYS).unwrap();
    let secret = "the plaintext";
    let sealed = keyring.encrypt("moved-from", secret).unwrap();
    let strange = sealed.replace("v1.new.", "v1.gone.");
    for (id, payload) in [
        ("moved", sealed.as_str()),
        ("strange", strange.as_str()),
        ("plain", secret),
    ] {
        let job = NewJob {
            payload: Some(payload.into()),
            ..new_job(id)
        };
        assert!(rig.store.insert(&job).await.unwrap());
    }
    let with_keys = recorder_with(&rig.store, options());
    let without =
        JobRecorder::start(rig.store.clone(), None, options(), &Handle::current()).unwrap();
    for (recorder, id, message, for_good) in [
        (
            &with_keys,
            "gone",
            "content_jobs has no row `gone`, which the job's data names",
            false,
        ),
        (
            &with_keys,
            "moved",
            "the payload of content_jobs row `moved`, sealed under key `new`, could not be \
             decrypted",
            true,
        ),
        (
            &with_keys,
            "plain",
            "the payload of content_jobs row `plain`, sealed under no key that can be read, could \
             not be decrypted",
            true,
        ),
        (
            &with_keys,
            "strange",
            "the payload of content_jobs row `strange` is sealed under key `gone`, which is not \
             in BULLRS_PAYLOAD_KEYS",
            false,
        ),
        (
            &without,
            "moved",
            "the payload of content_jobs row `moved` is sealed under key `new`, but \
             BULLRS_PAYLOAD_KEYS is not set",
            false,
        ),
    ] {
        let job = claimed("7", &format!(r#"{{"contentJobId":"{id}"}}"#), 0, 1);
        let error = recorder.starting(&job).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(is_unrecoverable(&error), for_good, "{message}");
        assert!(!format!("{error:?}").contains(secret));
    }
    // The row knows that the job was tried, and will hear how that ended.
    assert_eq!(rig.row("moved").await.status, Status::Active);
    let job = claimed("7", r#"{"contentJobId":"moved"}"#, 0, 1);
    let state = SettledState::Failed("could not be decrypted".into());
    with_keys.settled(settled(&job, state, 1, 7_000));
    written(&with_keys).await;
    assert_eq!(rig.row("moved").await.status, Status::Failed);
}

pub(crate) async fn a_job_that_was_cancelled_on_request_is_cancelled(rig: Rig) {
    rig.pending("c1").await;
    let recorder = recorder_with(&rig.store, options());
    let job = claimed("7", r#"{"contentJobId":"c1"}"#, 0, 1);
    recorder.starting(&job).await.unwrap();
    job.cancel(CancelReason::Requested("not wanted".into()));
    let state = SettledState::Failed("cancelled: not wanted".into());
    recorder.settled(settled(&job, state, 1, 7_000));
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.error.as_deref(), row.finished_at),
        (
            Status::Cancelled,
            Some("cancelled: not wanted"),
            Some(7_000)
        )
    );
}

pub(crate) async fn a_job_that_is_handed_back_is_queued_again(rig: Rig) {
    let recorder = recorder_with(&rig.store, options());
    for (id, state, status, event) in [
        ("a", SettledState::Released, Status::Queued, "released"),
        ("b", SettledState::Delayed(500), Status::Delayed, "delayed"),
        (
            "c",
            SettledState::WaitingChildren,
            Status::Delayed,
            "waiting-children",
        ),
    ] {
        rig.pending(id).await;
        let data = format!(r#"{{"contentJobId":"{id}"}}"#);
        let job = claimed(id, &data, 0, 1);
        recorder.starting(&job).await.unwrap();
        recorder.settled(settled(&job, state, 0, 7_000));
        written(&recorder).await;
        let row = rig.row(id).await;
        assert_eq!((row.status, row.attempts_made), (status, 0));
        assert_eq!((row.error, row.finished_at), (None, None));
        let events = timeline(&rig.store, Timeline::row(id)).await;
        assert_eq!(events[1].event, event);
        let again = claimed(id, &data, 0, 2);
        recorder.starting(&again).await.unwrap();
        let row = rig.row(id).await;
        assert_eq!((row.status, row.attempts_started), (Status::Active, 2));
    }
}

pub(crate) async fn progress_is_written_a_few_times_a_second_and_the_last_one_surely(rig: Rig) {
    rig.pending("c1").await;
    let mut options = options();
    options.progress_every = Duration::from_hours(1);
    let recorder = recorder_with(&rig.store, options);
    let job = claimed("7", r#"{"contentJobId":"c1"}"#, 0, 1);
    recorder.starting(&job).await.unwrap();
    recorder.progressed(&job, "1");
    // The first is written at once.
    eventually("progress 1", || async {
        let row = rig.row("c1").await;
        row.progress.filter(|progress| progress.get() == "1")
    })
    .await;
    // The row shows it a moment before the recorder knows so.
    written(&recorder).await;
    for percent in 2..=60 {
        recorder.progressed(&job, &percent.to_string());
    }
    assert_eq!(recorder.waiting(), 1);
    // Someone who waits for it does not wait an hour.
    written(&recorder).await;
    assert_eq!(rig.row("c1").await.progress.unwrap().get(), "60");
    recorder.progressed(&job, "99");
    let state = SettledState::Completed("null".into());
    recorder.settled(settled(&job, state, 1, 7_000));
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!(row.progress.unwrap().get(), "99");
    assert_eq!(row.status, Status::Succeeded);
    let events = timeline(&rig.store, Timeline::row("c1")).await;
    let data: Vec<&str> = events
        .iter()
        .filter(|event| event.event == "progress")
        .map(|event| event.data.as_ref().unwrap().get())
        .collect();
    assert_eq!(data, ["1", "60", "99"]);
}

pub(crate) async fn an_outcome_that_the_table_refuses_keeps_its_status(rig: Rig) {
    rig.app_in(
        "alter table content_jobs add constraint small check (length(result::text) < 20)",
        "create trigger small before update on content_jobs when length(new.result) >= 20 \
         begin select raise(abort, 'too big'); end",
    )
    .await;
    let recorder = recorder_with(&rig.store, options());
    let mut jobs = Vec::new();
    for number in 0..10 {
        let id = format!("c{number}");
        rig.pending(&id).await;
        let job = claimed(&id, &format!(r#"{{"contentJobId":"{id}"}}"#), 0, 1);
        recorder.starting(&job).await.unwrap();
        jobs.push(job);
    }
    for (number, job) in jobs.iter().enumerate() {
        let result = if number == 4 {
            format!("\"{}\"", "x".repeat(50))
        } else {
            "1".to_owned()
        };
        let state = SettledState::Completed(result);
        recorder.settled(settled(job, state, 1, 7_000));
    }
    written(&recorder).await;
    for number in 0..10 {
        let row = rig.row(&format!("c{number}")).await;
        assert_eq!(row.status, Status::Succeeded, "{number}");
        let result = row.result.map(|result| result.get().to_owned());
        let expected = (number != 4).then(|| "1".to_owned());
        assert_eq!(result, expected, "{number}");
        let events = timeline(&rig.store, Timeline::row(row.id)).await;
        assert_eq!(events.len(), 2);
    }
    assert!(recorder.is_healthy());
    assert_eq!(recorder.refused(), 0);
}

pub(crate) async fn events_may_be_left_to_others(rig: Rig) {
    rig.pending("c1").await;
    let mut options = options();
    options.events = false;
    options.content_job_field = "row".into();
    let recorder = recorder_with(&rig.store, options);
    let job = claimed("7", r#"{"row":"c1","contentJobId":"other"}"#, 0, 1);
    recorder.starting(&job).await.unwrap();
    recorder.progressed(&job, "5");
    let state = SettledState::Completed("1".into());
    recorder.settled(settled(&job, state, 1, 7_000));
    let unlinked = claimed("8", "{}", 0, 1);
    assert!(recorder.starting(&unlinked).await.unwrap().is_none());
    recorder.progressed(&unlinked, "5");
    recorder.settled(settled(&unlinked, SettledState::Released, 0, 7_000));
    written(&recorder).await;
    let row = rig.row("c1").await;
    assert_eq!(row.status, Status::Succeeded);
    assert_eq!(row.progress.unwrap().get(), "5");
    for id in ["7", "8"] {
        let events = timeline(&rig.store, Timeline::job("content", id)).await;
        assert!(events.is_empty());
    }
}

pub(crate) async fn a_dropped_recorder_still_writes_what_it_was_told(rig: Rig) {
    let recorder = Arc::new(recorder_with(&rig.store, options()));
    for number in 0..50 {
        rig.pending(&format!("c{number}")).await;
    }
    for number in 0..50 {
        let job = claimed("7", &format!(r#"{{"contentJobId":"c{number}"}}"#), 0, 1);
        let state = SettledState::Completed(number.to_string());
        recorder.settled(settled(&job, state, 1, 7_000));
    }
    drop(recorder);
    for number in 0..50 {
        eventually("the outcome", || async {
            let row = rig.row(&format!("c{number}")).await;
            (row.status == Status::Succeeded).then_some(())
        })
        .await;
    }
}

pub(crate) async fn a_broken_option_is_named(rig: Rig) {
    for (break_it, message) in [
        (
            (|options: &mut JobRecorderOptions| options.content_job_field.clear())
                as fn(&mut JobRecorderOptions),
            "`content_job_field` must not be empty",
        ),
        (
            |options| options.most_waiting = 0,
            "`most_waiting` must be at least 1",
        ),
        (
            |options| options.most_waiting_bytes = 0,
            "`most_waiting_bytes` must be at least 1",
        ),
    ] {
        let mut options = options();
        break_it(&mut options);
        let error = JobRecorder::start(rig.store.clone(), None, options, &Handle::current());
        assert_eq!(error.unwrap_err().to_string(), message);
    }
}
