//! Pages, timelines, rotation, and what must never be shown.

use std::collections::BTreeSet;

use bullrs::store::{Change, Error, JobFilter, Keyring, NewEvent, NewJob, Status, Store, Timeline};

use crate::rig::{Rig, ended, new_job, run};

fn at(id: &str, at: i64) -> NewJob {
    NewJob { at, ..new_job(id) }
}

pub(crate) async fn pages_show_each_row_once_while_others_are_added(rig: Rig) {
    for number in 0..25 {
        // Five rows each share their time.
        let job = at(&format!("c{number:02}"), 1_000 + number / 5);
        assert!(rig.store.insert(&job).await.unwrap());
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let filter = JobFilter {
            after,
            limit: 7,
            ..JobFilter::default()
        };
        let page = rig.store.jobs(&filter).await.unwrap();
        seen.extend(page.jobs.into_iter().map(|job| job.id));
        // Newer than all, so it belongs before what was shown.
        let late = at(&format!("late{}", seen.len()), 9_000);
        assert!(rig.store.insert(&late).await.unwrap());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..25)
        .rev()
        .map(|number| format!("c{number:02}"))
        .collect();
    assert_eq!(seen, expected);
}

pub(crate) async fn filters_narrow_what_is_listed(rig: Rig) {
    for (id, queue, name, status) in [
        ("a", "content", "generate", Status::Succeeded),
        ("b", "content", "recap", Status::Failed),
        ("c", "fineTune", "generate", Status::Delayed),
    ] {
        rig.pending(id).await;
        let mut run = run(id, &format!("job-{id}"), 1, 2_000);
        (run.queue, run.name) = (queue.into(), name.into());
        assert!(rig.settle(&ended(&run, status)).await);
    }
    rig.pending("d").await;
    let ids = async |filter: JobFilter| {
        let page = rig.store.jobs(&filter).await.unwrap();
        assert_eq!(page.next, None);
        let ids: Vec<String> = page.jobs.into_iter().map(|job| job.id).collect();
        ids.join(" ")
    };
    let all = JobFilter::default;
    assert_eq!(ids(all()).await, "d c b a");
    let statuses = vec![Status::Failed, Status::Pending];
    assert_eq!(ids(JobFilter { statuses, ..all() }).await, "d b");
    let queue = Some("content".to_owned());
    assert_eq!(
        ids(JobFilter {
            queue: queue.clone(),
            ..all()
        })
        .await,
        "d b a"
    );
    let name = Some("generate".to_owned());
    assert_eq!(
        ids(JobFilter {
            queue,
            name,
            ..all()
        })
        .await,
        "d a"
    );
    let job_id = Some("job-c".to_owned());
    assert_eq!(ids(JobFilter { job_id, ..all() }).await, "c");
    let statuses = vec![Status::from("%")];
    assert_eq!(ids(JobFilter { statuses, ..all() }).await, "");
    let after = Some("nonsense".to_owned());
    let error = rig.store.jobs(&JobFilter { after, ..all() }).await;
    assert_eq!(error.unwrap_err(), Error::Cursor);
}

fn event(name: &str, stream_id: Option<&str>, at: i64) -> NewEvent {
    NewEvent {
        content_job_id: Some("c1".into()),
        queue: "content".into(),
        job_id: Some("7".into()),
        stream_id: stream_id.map(Into::into),
        event: name.into(),
        attempt: None,
        message: Some(format!("it is {name}")),
        data: Some(r#"{"n":1.0}"#.into()),
        at,
    }
}

pub(crate) async fn a_timeline_continues_after_the_last_event_seen(rig: Rig) {
    let names = ["added", "waiting", "active", "progress", "completed"];
    for (name, at) in names.iter().zip(1..) {
        rig.store.append(&[event(name, None, at)]).await.unwrap();
        let mut elsewhere = event(name, None, at);
        elsewhere.content_job_id = None;
        elsewhere.job_id = Some("8".into());
        rig.store.append(&[elsewhere]).await.unwrap();
    }
    for timeline in [Timeline::row("c1"), Timeline::job("content", "7")] {
        let first = rig.store.events(&timeline, 0, 2).await.unwrap();
        assert_eq!(first.len(), 2);
        assert_eq!(first[0].event, "added");
        assert_eq!(first[0].message.as_deref(), Some("it is added"));
        assert_eq!(first[0].data.as_ref().unwrap().get(), r#"{"n":1.0}"#);
        assert_eq!((first[0].at, first[0].attempt), (Some(1), None));
        let rest = rig.store.events(&timeline, first[1].id, 100).await.unwrap();
        let rest: Vec<&str> = rest.iter().map(|event| event.event.as_str()).collect();
        assert_eq!(rest, ["active", "progress", "completed"]);
    }
}

pub(crate) async fn an_entry_of_a_stream_is_stored_once(rig: Rig) {
    let batch = [
        event("waiting", Some("5-0"), 5),
        event("active", Some("5-1"), 5),
    ];
    assert_eq!(rig.store.append(&batch).await.unwrap(), 2);
    assert_eq!(rig.store.append(&batch).await.unwrap(), 0);
    let mut other = batch[0].clone();
    other.queue = "fineTune".into();
    assert_eq!(rig.store.append(&[other]).await.unwrap(), 1);
    // What the worker saw itself has no entry, and may look the same.
    assert_eq!(
        rig.store.append(&[event("active", None, 5)]).await.unwrap(),
        1
    );
    assert_eq!(rig.store.append(&[]).await.unwrap(), 0);
}

pub(crate) async fn a_row_that_is_not_there_is_none(rig: Rig) {
    assert!(rig.store.job("gone").await.unwrap().is_none());
    assert_eq!(rig.store.payload("gone").await.unwrap(), None);
    let events = rig.store.events(&Timeline::row("gone"), 0, 10).await;
    assert!(events.unwrap().is_empty());
    assert!(!rig.store.retried("gone", 1).await.unwrap());
    assert!(
        !rig.settle(&ended(&run("gone", "7", 1, 2_000), Status::Failed))
            .await
    );
}

pub(crate) async fn payloads_are_resealed_under_the_first_key(rig: Rig) {
    const KEYS: [&str; 2] = [
        "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "old:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
    ];
    let old = Keyring::parse(KEYS[1]).unwrap();
    let both = Keyring::parse(&KEYS.join(",")).unwrap();
    let insert = async |id: &str, payload: Option<String>| {
        let job = NewJob {
            payload,
            ..new_job(id)
        };
        assert!(rig.store.insert(&job).await.unwrap());
    };
    for number in 0..250 {
        let id = format!("c{number}");
        insert(&id, Some(old.encrypt(&id, &id).unwrap())).await;
    }
    insert("new", Some(both.encrypt("new", "new").unwrap())).await;
    insert("none", None).await;
    insert("moved", Some(old.encrypt("other", "x").unwrap())).await;
    let kept = rig.store.payload("new").await.unwrap();

    let rotated = rig.store.rotate(&both).await.unwrap();
    assert_eq!(rotated.resealed, 250);
    assert_eq!(
        rotated.failed,
        [(
            "moved".to_owned(),
            "the payload could not be decrypted".to_owned()
        )]
    );
    let new = Keyring::parse(KEYS[0]).unwrap();
    for number in 0..250 {
        let id = format!("c{number}");
        let envelope = rig.store.payload(&id).await.unwrap().unwrap();
        assert_eq!(new.decrypt(&id, &envelope).unwrap().reveal(), id);
    }
    assert_eq!(rig.store.payload("new").await.unwrap(), kept);
    assert_eq!(rig.store.rotate(&both).await.unwrap().resealed, 0);
}

pub(crate) async fn nothing_secret_is_in_an_error_or_debug(rig: Rig) {
    let secret = "s3cret-Passw0rd";
    let mut shown = BTreeSet::new();
    let mut note = |text: String| {
        assert!(!text.contains(secret), "{text}");
        shown.insert(text);
    };
    // Nobody listens there; the port was free a moment ago.
    let port = crate::server::free_port();
    for url in [
        format!("postgres://app:{secret}@127.0.0.1:{port}/jobs"),
        format!("postgres://app:{secret}@127.0.0.1:99999/jobs"),
        format!("postgres://app:{secret}@127.0.0.1:{port}/jobs?sslmode=perhaps&password={secret}"),
        format!("mysql://app:{secret}@127.0.0.1/jobs"),
        format!("/nowhere/at/all/{port}/jobs.db"),
    ] {
        let error = Store::connect(&url).await.unwrap_err();
        note(error.to_string());
        note(format!("{error:?}"));
    }
    if rig.is_postgres {
        let wrong = rig
            .url
            .replacen("://", &format!("://nobody:{secret}@ignored-"), 1);
        if let Ok(error) = Store::connect(&wrong)
            .await
            .map(|_| ())
            .map_err(|e| e.to_string())
        {
            panic!("connected: {error:?}");
        }
    }
    note(format!("{:?} {}", rig.store, rig.store.place()));

    let job = NewJob {
        payload: Some(secret.into()),
        ..new_job("c1")
    };
    note(format!("{job:?}"));
    assert!(rig.store.insert(&job).await.unwrap());
    note(format!("{:?}", rig.row("c1").await));
    let start = Change::Start {
        run: run("c1", "7", 1, 2_000),
        at: 2_000,
    };
    note(format!(
        "{:?}",
        rig.store.apply(&[start], &[]).await.unwrap()
    ));

    // A refusal quotes the rule, not the row.
    rig.app("create unique index one_payload on content_jobs (payload)")
        .await;
    let twin = NewJob {
        id: "c2".into(),
        ..job.clone()
    };
    assert!(!rig.store.insert(&twin).await.unwrap());
    rig.app_in(
        "alter table content_jobs add constraint short check (length(error) < 3)",
        "create trigger short before update on content_jobs when length(new.error) >= 3 \
         begin select raise(abort, 'too long'); end",
    )
    .await;
    let mut end = ended(&run("c1", "7", 1, 2_000), Status::Failed);
    end.error = Some(secret.into());
    let error = rig
        .store
        .apply(&[Change::Settle(end)], &[])
        .await
        .unwrap_err();
    assert!(error.is_refusal(), "{error:?}");
    note(error.to_string());
    note(format!("{error:?}"));
    assert!(shown.len() >= 12, "{shown:#?}");
}
