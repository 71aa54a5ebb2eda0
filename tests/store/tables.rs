//! Migrations, and tables that an app made.

use bullrs::store::{Change, Error, JobFilter, NewEvent, Started, Status, Store, Timeline};

use crate::rig::{Rig, ended, new_job, run};

pub(crate) const DROP: &str = "drop table content_jobs; drop table job_events; \
                    drop table _bullrs_migrations;";

async fn versions(rig: &Rig) -> String {
    let versions = rig
        .ask("select cast(version as text) from _bullrs_migrations order by version")
        .await;
    versions.join(" ")
}

pub(crate) async fn four_processes_migrate_at_once(rig: Rig) {
    for _ in 0..5 {
        rig.app(DROP).await;
        let (mut stores, mut applied) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            stores.push(Store::connect(&rig.url).await.unwrap());
        }
        let tasks: Vec<_> = stores
            .into_iter()
            .zip(1..)
            .map(|(store, number)| {
                tokio::spawn(async move {
                    let applied = store.migrate().await.unwrap();
                    assert!(store.insert(&new_job(&format!("c{number}"))).await.unwrap());
                    applied
                })
            })
            .collect();
        for task in tasks {
            applied.extend(task.await.unwrap());
        }
        assert_eq!(
            applied,
            [
                "0001_content_jobs",
                "0002_job_events",
                "0003_late_queued",
                "0004_touched"
            ]
        );
        assert_eq!(versions(&rig).await, "1 2 3 4");
        let page = rig.store.jobs(&JobFilter::default()).await.unwrap();
        assert_eq!(page.jobs.len(), 4);
    }
}

pub(crate) async fn a_database_that_was_not_migrated_says_so(rig: Rig) {
    rig.app(DROP).await;
    let store = Store::connect(&rig.url).await.unwrap();
    let error = store.job("c1").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database has no table `content_jobs`; `bullrs migrate` makes it"
    );
    assert_eq!(store.verify().await.unwrap_err(), error);
    assert_eq!(store.migrate().await.unwrap().len(), 4);
    assert_eq!(store.verify().await, Ok(()));
    assert_eq!(store.migrate().await.unwrap(), Vec::<&str>::new());
    assert!(store.job("c1").await.unwrap().is_none());
}

/// As Drizzle makes it on Postgres: uuid, enum, `timestamp` without zone, `jsonb`, `varchar`.
pub(crate) const APP_POSTGRES: &str = "
create type job_status as enum
    ('draft', 'pending', 'queued', 'active', 'delayed', 'succeeded', 'failed', 'cancelled');
create table content_jobs (
    id uuid primary key default gen_random_uuid(),
    owner text not null default 'someone',
    queue varchar(64) not null default 'content',
    name varchar(64) not null default 'generate',
    job_id varchar(64),
    status job_status not null default 'pending',
    payload text,
    result jsonb,
    error varchar(20),
    progress jsonb,
    attempts_made smallint not null default 0,
    attempts_started bigint not null default 0,
    max_attempts integer not null default 1,
    created_at timestamp(3) not null default now(),
    queued_at timestamp(3),
    started_at timestamp(0),
    finished_at timestamp(3),
    updated_at timestamp(3) not null default now()
);";

/// As Prisma makes it on SQLite.
pub(crate) const APP_SQLITE: &str = "
create table content_jobs (
    id text not null primary key,
    owner text not null default 'someone',
    queue text not null default 'content',
    name text not null default 'generate',
    job_id text,
    status text not null default 'pending',
    payload text,
    result jsonb,
    error text,
    progress jsonb,
    attempts_made integer not null default 0,
    attempts_started integer not null default 0,
    max_attempts integer not null default 1,
    created_at datetime not null default current_timestamp,
    queued_at datetime,
    started_at datetime,
    finished_at datetime,
    updated_at datetime not null default current_timestamp
);";

pub(crate) async fn an_apps_own_table_is_used_as_it_is(rig: Rig) {
    const ID: &str = "6f1c2f0e-8f7e-4f6e-9a52-0d7c5b3a1e90";
    const OTHER: &str = "7f1c2f0e-8f7e-4f6e-9a52-0d7c5b3a1e90";
    rig.app(DROP).await;
    rig.app_in(APP_POSTGRES, APP_SQLITE).await;
    let created = "2026-01-02 03:04:05.678";
    for (id, status) in [(ID, "pending"), (OTHER, "draft")] {
        let status = if rig.is_postgres || status == "pending" {
            status
        } else {
            "draft"
        };
        rig.app(&format!(
            "insert into content_jobs (id, status, payload, created_at) \
             values ('{id}', '{status}', 'sealed', '{created}')"
        ))
        .await;
    }
    let store = Store::connect(&rig.url).await.unwrap();
    assert_eq!(store.migrate().await.unwrap().len(), 4);

    let row = store.job(ID).await.unwrap().unwrap();
    assert_eq!(row.created_at, Some(1_767_323_045_678));
    assert_eq!((row.status, row.has_payload), (Status::Pending, true));
    assert!(
        store
            .queued(ID, "content", "generate", "7", 1_500)
            .await
            .unwrap()
    );
    let first = run(ID, "7", 1, 2_345);
    let start = Change::Start {
        run: first.clone(),
        at: 2_345,
    };
    let event = NewEvent {
        content_job_id: Some(ID.into()),
        queue: "content".into(),
        job_id: Some("7".into()),
        stream_id: None,
        event: "active".into(),
        attempt: Some(1),
        message: None,
        data: None,
        at: 2_345,
    };
    let applied = store.apply(&[start], &[event]).await.unwrap();
    let payload = Some("sealed".to_owned());
    assert_eq!(applied.started, [Started::Row { payload }]);
    rig.app(&format!(
        "update content_jobs set status = 'queued', job_id = '7' where id = '{ID}'"
    ))
    .await;
    let row = store.job(ID).await.unwrap().unwrap();
    assert_eq!((row.status, row.queued_at), (Status::Active, Some(1_500)));

    let mut end = ended(&first, Status::Delayed);
    end.error = Some("an error that is longer than the column".into());
    let applied = store.apply(&[Change::Settle(end)], &[]).await.unwrap();
    assert_eq!(applied.changed, 1);
    let row = store.job(ID).await.unwrap().unwrap();
    let error = row.error.unwrap();
    assert!(
        error == "an error that is lon" || !rig.is_postgres && error.len() == 39,
        "{error}"
    );
    let second = run(ID, "7", 2, 3_000);
    let mut end = ended(&second, Status::Succeeded);
    end.result = Some(r#"{"nul":"\u0000","half":"\ud800"}"#.into());
    let applied = store.apply(&[Change::Settle(end)], &[]).await.unwrap();
    assert_eq!(applied.changed, 1);
    let row = store.job(ID).await.unwrap().unwrap();
    assert_eq!(
        (row.status, row.finished_at),
        (Status::Succeeded, Some(3_010))
    );

    // Neither what only the app knows, nor an id that cannot be one, is an error.
    let page = store.jobs(&JobFilter::default()).await.unwrap();
    let statuses: Vec<Status> = page.jobs.into_iter().map(|job| job.status).collect();
    assert_eq!(statuses, [Status::from("draft"), Status::Succeeded]);
    assert!(store.job("no uuid").await.unwrap().is_none());
    let events = store.events(&Timeline::row(ID), 0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    let filter = JobFilter {
        limit: 1,
        ..JobFilter::default()
    };
    let after = store.jobs(&filter).await.unwrap().next;
    let page = store.jobs(&JobFilter { after, ..filter }).await.unwrap();
    assert_eq!(page.jobs.len(), 1);
    assert_eq!(page.jobs[0].id, ID);
}

pub(crate) async fn an_apps_own_table_without_a_column_is_refused_whole(rig: Rig) {
    rig.app(DROP).await;
    rig.app(
        "create table content_jobs (id text primary key, queue text, name text, job_id text, \
         status text, payload text, result text, error text, attempts_made integer, \
         max_attempts integer, created_at date, queued_at integer, started_at integer, \
         finished_at integer, updated_at integer)",
    )
    .await;
    let store = Store::connect(&rig.url).await.unwrap();
    let Error::Schema(faults) = store.migrate().await.unwrap_err() else {
        panic!("another error");
    };
    let progress = if rig.is_postgres { "json" } else { "text" };
    let mut expected = vec![
        format!(
            "table `content_jobs` has no column `progress`; add it: `alter table content_jobs add \
             column progress {progress}`"
        ),
        "table `content_jobs` has no column `attempts_started`; add it: `alter table content_jobs \
         add column attempts_started integer not null default 0`"
            .to_owned(),
    ];
    if rig.is_postgres {
        for (column, kind) in [
            ("created_at", "date"),
            ("queued_at", "integer"),
            ("started_at", "integer"),
            ("finished_at", "integer"),
            ("updated_at", "integer"),
        ] {
            expected.push(format!(
                "`content_jobs.{column}` is `{kind}`; it must be `timestamptz` or `timestamp`"
            ));
        }
    }
    assert_eq!(faults, expected);
    let tables = rig
        .ask(if rig.is_postgres {
            "select tablename::text from pg_tables where schemaname = 'public'"
        } else {
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        })
        .await;
    assert_eq!(tables, ["content_jobs"]);
}

pub(crate) async fn a_newer_bullrs_does_not_stop_an_older_one(rig: Rig) {
    let blob = if rig.is_postgres { "'\\x00'" } else { "x'00'" };
    rig.app(&format!(
        "insert into _bullrs_migrations (version, description, success, checksum, execution_time) \
         values (99, 'of a later version', true, {blob}, 1)"
    ))
    .await;
    let store = Store::open(&rig.url).await.unwrap();
    assert!(store.insert(&new_job("c1")).await.unwrap());
    rig.app("delete from _bullrs_migrations where version = 3")
        .await;
    assert_eq!(store.migrate().await.unwrap(), ["0003_late_queued"]);
    assert_eq!(versions(&rig).await, "1 2 3 4 99");
}

pub(crate) async fn an_app_that_alters_its_table_meanwhile_is_followed(rig: Rig) {
    rig.pending("c1").await;
    assert_eq!(rig.row("c1").await.status, Status::Pending);
    rig.app_in(
        "alter table content_jobs alter column result type jsonb using result::jsonb; \
         alter table content_jobs alter column started_at type timestamp using null;",
        "alter table content_jobs add column added text",
    )
    .await;
    let first = run("c1", "7", 1, 2_000);
    let end = Change::Settle(ended(&first, Status::Succeeded));
    // The first call may find its statement out of date; it says that trying again may help.
    let mut tries = 0;
    loop {
        match rig.store.apply(std::slice::from_ref(&end), &[]).await {
            Ok(applied) => {
                assert_eq!(applied.changed, 1);
                break;
            }
            Err(error) => assert!(error.is_transient() && tries < 2, "{error}"),
        }
        tries += 1;
    }
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.started_at),
        (Status::Succeeded, Some(2_000))
    );
    assert_eq!(row.result.unwrap().get().replace(' ', ""), r#"{"words":3}"#);
}

pub(crate) async fn a_trigger_that_went_with_the_table_is_made_again(rig: Rig) {
    rig.app_in(
        "create table remade (like content_jobs including all); drop table content_jobs; \
         alter table remade rename to content_jobs",
        "create table remade as select * from content_jobs; drop table content_jobs; \
         alter table remade rename to content_jobs",
    )
    .await;
    rig.store.migrate().await.unwrap();
    rig.pending("c1").await;
    rig.start(&run("c1", "7", 1, 2_000)).await;
    rig.app("update content_jobs set status = 'queued', job_id = '7'")
        .await;
    assert_eq!(rig.row("c1").await.status, Status::Active);
}
