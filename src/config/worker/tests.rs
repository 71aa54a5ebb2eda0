use crate::config::{Entry, Given, Sources};

use super::*;

/// Sources from lines such as `--drain=1s`, `BULLRS_DRAIN=2s`, `REDIS_URL=...` and a file.
fn sources(typed: &[&str], file: &str) -> Sources {
    let mut sources = Sources::default();
    let mut given = Given::default();
    // Variables first: what is typed replaces them, as the command line's parser sees to.
    for pass in ["BULLRS_", "--"] {
        for line in typed {
            let (name, value) = line.split_once('=').unwrap();
            if pass == "--" && name.starts_with(pass) {
                let key = name.trim_start_matches('-').replace('-', "_");
                given.set(&key, Origin::Flag(name.into()), value);
            } else if pass == "BULLRS_" && name.starts_with(pass) && name != "BULLRS_LOG" {
                let key = name.trim_start_matches(pass).to_lowercase();
                given.set(&key, Origin::Environment(name.into()), value);
            } else if !name.starts_with("--") {
                sources.environment.insert(name.into(), value.into());
            }
        }
    }
    sources.given = given;
    if !file.is_empty() {
        sources.file = Some(("bullrs.toml".into(), file.into()));
    }
    sources
}

fn read(typed: &[&str], file: &str) -> (WorkerOptions, Vec<Entry>) {
    let sources = sources(typed, file);
    let mut reader = Reader::new(&sources);
    let options = reader.worker();
    (options, reader.finish().unwrap())
}

fn faults(typed: &[&str], file: &str) -> Vec<String> {
    let sources = sources(typed, file);
    let mut reader = Reader::new(&sources);
    let _options = reader.worker();
    let _redis = reader.redis();
    let _store = reader.store();
    let _log = reader.log();
    let faults = reader.finish().unwrap_err();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn flags_beat_variables_beat_the_apps_variables_beat_the_file_beat_defaults() {
    let file = "[worker]\nmax_concurrency = 4\nqueues = 'a'\n";
    for (typed, expected, origin) in [
        (
            &[
                "--max-concurrency=1",
                "BULLRS_MAX_CONCURRENCY=2",
                "JOB_MAX_CONCURRENCY=3",
            ][..],
            Some(1),
            "--max-concurrency",
        ),
        (
            &["BULLRS_MAX_CONCURRENCY=2", "JOB_MAX_CONCURRENCY=3"],
            Some(2),
            "BULLRS_MAX_CONCURRENCY",
        ),
        (&["JOB_MAX_CONCURRENCY=3"], Some(3), "JOB_MAX_CONCURRENCY"),
        (
            &["BULLRS_MAX_CONCURRENCY=", "JOB_MAX_CONCURRENCY="],
            Some(4),
            "bullrs.toml:2",
        ),
    ] {
        let (options, entries) = read(typed, file);
        assert_eq!(options.total_concurrency, expected, "{typed:?}");
        let entry = entries
            .iter()
            .find(|entry| entry.path == "worker.max_concurrency")
            .unwrap();
        assert_eq!(entry.origin.to_string(), origin);
    }
    let (options, entries) = read(&["--queues=a"], "");
    assert_eq!(options.total_concurrency, None);
    assert!(entries.iter().any(|entry| {
        entry.path == "worker.max_concurrency" && entry.origin == Origin::Default
    }));
}

#[test]
fn concurrency_comes_from_the_strongest_source_and_there_from_the_most_specific_value() {
    let file = "[worker]\nconcurrency = 10\n[queues.a]\nconcurrency = 5\n[queues.b]\n";
    for (typed, a, b) in [
        (&[][..], 5, 10),
        (&["--concurrency=1"], 1, 1),
        (&["BULLRS_CONCURRENCY=7"], 7, 7),
        (&["--queues=a:3,b"], 3, 10),
        (&["--queues=a:3,b", "--concurrency=8"], 3, 8),
        (&["BULLRS_QUEUES=a:3,b", "--concurrency=8"], 8, 8),
        (&["BULLRS_QUEUES=a:3,b", "BULLRS_CONCURRENCY=8"], 3, 8),
    ] {
        let (options, _) = read(typed, file);
        let found: Vec<(&str, usize)> = options
            .queues
            .iter()
            .map(|queue| (queue.name.as_str(), queue.concurrency))
            .collect();
        assert_eq!(found, [("a", a), ("b", b)], "{typed:?}");
    }
    assert_eq!(read(&["--queues=c"], file).0.queues[0].concurrency, 10);
    assert_eq!(read(&["--queues=c"], "").0.queues[0].concurrency, 1);
}

#[test]
fn every_setting_reaches_its_option() {
    let (options, _) = read(
        &[
            "--queues=a",
            "--prefix={app}",
            "--max-concurrency=9",
            "--name=w1",
            "--burst=true",
            "--strict=true",
            "--share-blocking=yes",
            "--drain=1m",
            "--cancel-grace=0",
            "--lock-duration=40s",
            "--stalled-interval=15s",
            "--max-stalled=0",
            "--max-started-attempts=7",
            "--drain-delay=250",
            "--default-attempts=3",
            "--remove-on-complete=true",
            "--remove-on-fail=100,24h",
            "--metrics=60",
        ],
        "",
    );
    let mut expected = WorkerOptions::new([QueueOptions::new("a")]);
    expected.prefix = "{app}".into();
    expected.total_concurrency = Some(9);
    expected.name = Some("w1".into());
    expected.burst = true;
    expected.strict = true;
    expected.share_blocking = true;
    expected.drain = Duration::from_mins(1);
    expected.cancel_grace = Duration::ZERO;
    expected.lock_duration = Duration::from_secs(40);
    expected.stalled_interval = Duration::from_secs(15);
    expected.max_stalled_count = 0;
    expected.max_started_attempts = Some(7);
    expected.drain_delay = Duration::from_millis(250);
    expected.default_attempts = Some(3);
    expected.remove_on_complete = Some(keep_jobs("true").unwrap());
    expected.remove_on_fail = Some(keep_jobs("100,24h").unwrap());
    expected.metrics = Some(60);
    assert_eq!(format!("{options:?}"), format!("{expected:?}"));
}

#[test]
fn the_documented_defaults_are_the_librarys() {
    let (options, entries) = read(&["--queues=a"], "");
    let library = WorkerOptions::new([QueueOptions::new("a")]);
    assert_eq!(format!("{options:?}"), format!("{library:?}"));
    let written = |path: &str| {
        let entry = entries.iter().find(|entry| entry.path == path).unwrap();
        crate::config::duration(&entry.value).unwrap()
    };
    assert_eq!(written("worker.drain"), library.drain);
    assert_eq!(written("worker.cancel_grace"), library.cancel_grace);
    assert_eq!(written("worker.lock_duration"), library.lock_duration);
    assert_eq!(written("worker.stalled_interval"), library.stalled_interval);
    assert_eq!(written("worker.drain_delay"), library.drain_delay);
    assert_eq!(key::PREFIX.default, library.prefix);
    assert_eq!(
        key::MAX_STALLED.default,
        library.max_stalled_count.to_string()
    );
}

#[test]
fn metrics_enabled_means_two_weeks_as_in_stock() {
    for (value, minutes) in [
        ("true", Some(20_160)),
        ("1", Some(20_160)),
        ("yes", Some(20_160)),
        ("1440", Some(1_440)),
        ("false", None),
        ("0", None),
    ] {
        let (options, _) = read(
            &["--queues=a", &format!("BULLMQ_METRICS_ENABLED={value}")],
            "",
        );
        assert_eq!(options.metrics, minutes, "{value}");
    }
}

#[test]
fn a_queues_table_gives_limits_and_rules_of_names() {
    let (options, _) = read(
        &[],
        "[queues.content]\nlimiter = { max = 100, duration = '1s' }\nttl = '1h'\n\
         [queues.content.jobs.recap]\ntimeout = '2m'\n",
    );
    let queue = &options.queues[0];
    assert_eq!(queue.limiter.unwrap().max, 100);
    assert_eq!(
        queue.limits("recap"),
        (Some(Duration::from_mins(2)), Some(Duration::from_hours(1)))
    );
    assert_eq!(queue.limits("other"), (None, Some(Duration::from_hours(1))));
}

#[test]
fn all_faults_of_all_sources_come_at_once() {
    assert_eq!(
        faults(
            &[
                "--queues=a,a",
                "--drain=5x",
                "--name=two words",
                "BULLRS_LOCK_DURATION=99ms",
                "BULLRS_STRICT=perhaps",
                "JOB_MAX_CONCURRENCY=-1",
                "JOB_DEFAULT_ATTEMPTS=0",
                "DATABASE_URL=mysql://u:canary@h/d",
                "REDIS_URL=http://u:canary@h",
                "BULLRS_LOG=inof",
            ],
            "log_format = 'xml'\n[worker]\nstalled_interval = 0\nconcurency = 1\n",
        ),
        [
            "--drain: `5x` is not a duration; write `500ms`, `5s`, `2m` or `1h`",
            "--name: must be printable ASCII without spaces, got `two words`",
            "--queues: names queue `a` twice",
            "BULLRS_LOCK_DURATION: must be at least 100ms, got `99ms`",
            "BULLRS_LOG: `inof` is no level; did you mean `info`?",
            "BULLRS_STRICT: `perhaps` is not `true` or `false`",
            "DATABASE_URL: `mysql://***@h/d` is no database that bullrs knows; write \
             `postgres://host/name` or `sqlite:jobs.db`, or set BULLRS_NO_STORE=true",
            "JOB_DEFAULT_ATTEMPTS: must be at least 1, got `0`",
            "JOB_MAX_CONCURRENCY: `-1` is not a whole number",
            "REDIS_URL: must start with `redis://`, `rediss://`, `unix://`, `redis+cluster://` or \
             `redis+sentinel://`, as in `redis://localhost:6379`",
            "bullrs.toml:1: `log_format`: `xml` is not `json` or `pretty`",
            "bullrs.toml:3: `worker.stalled_interval`: must be at least 1ms, got `0`",
            "bullrs.toml:4: unknown key `concurency` in `[worker]`; did you mean `concurrency`?",
        ]
    );
}

#[test]
fn without_any_queue_it_says_how_to_name_one() {
    assert_eq!(
        faults(&[], ""),
        [
            "no queue to serve; name them with `--queues content,fineTune` \
          or in `[queues.NAME]` tables"
        ]
    );
}

#[test]
fn the_store_is_the_default_file_until_someone_chooses() {
    use crate::config::StoreChoice;
    for (typed, expected) in [
        (&[][..], StoreChoice::Default("sqlite:bullrs.db".into())),
        (&["--no-store=true"], StoreChoice::Off),
        (
            &["DATABASE_URL=postgres://h/d"],
            StoreChoice::Configured("postgres://h/d".into()),
        ),
        (
            &["DATABASE_URL=postgres://h/d", "--database-url=sqlite:x.db"],
            StoreChoice::Configured("sqlite:x.db".into()),
        ),
    ] {
        let sources = sources(typed, "");
        let mut reader = Reader::new(&sources);
        assert_eq!(reader.store(), expected, "{typed:?}");
    }
}
