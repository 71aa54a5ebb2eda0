//! Flags, environment and file together.

use serde_json::Value;

use super::process::Run;

/// What `config show` says of a setting: its value and where it comes from.
fn shown(run: Run, key: &str) -> (String, String) {
    let ended = run.args(&["--json"]).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let settings: Vec<Value> = serde_json::from_str(&ended.stdout).unwrap();
    let setting = settings.iter().find(|one| one["key"] == key).unwrap();
    let text = |name: &str| setting[name].as_str().unwrap().to_owned();
    (text("value"), text("origin"))
}

#[test]
fn the_strongest_source_wins() {
    let file = "redis_url = 'redis://file'\n[worker]\ndrain = '4s'\nmetrics = 7\n[queues.a]\n";
    let base = || Run::line("config show").file("bullrs.toml", file);
    for (run, key, value, origin) in [
        (base(), "worker.drain", "4s", "bullrs.toml:3"),
        (
            base().env("BULLRS_DRAIN", "3s"),
            "worker.drain",
            "3s",
            "BULLRS_DRAIN",
        ),
        (
            base().env("BULLRS_DRAIN", "3s").args(&["--drain", "2s"]),
            "worker.drain",
            "2s",
            "--drain",
        ),
        (
            base().env("BULLRS_DRAIN", ""),
            "worker.drain",
            "4s",
            "bullrs.toml:3",
        ),
        (
            Run::line("config show --queues a"),
            "worker.drain",
            "25s",
            "default",
        ),
        (
            base().env("BULLRS_STRICT", "yes").args(&["--strict=false"]),
            "worker.strict",
            "false",
            "--strict",
        ),
        (
            base().args(&["--strict"]),
            "worker.strict",
            "true",
            "--strict",
        ),
        (
            base().args(&["--queues", "a:3"]),
            "queues.a.concurrency",
            "3",
            "--queues",
        ),
        (
            base().env("BULLRS_CONCURRENCY", "9"),
            "queues.a.concurrency",
            "9",
            "BULLRS_CONCURRENCY",
        ),
    ] {
        assert_eq!(shown(run, key), (value.into(), origin.into()));
    }
}

#[test]
fn an_apps_own_variable_stands_between_bullrs_variables_and_the_file() {
    let file = "redis_url = 'redis://file'\n[queues.a]\n";
    let base = || Run::line("config show").file("bullrs.toml", file);
    for (run, key, value, origin) in [
        (base(), "redis_url", "redis://file", "bullrs.toml:1"),
        (
            base().env("REDIS_URL", "redis://app"),
            "redis_url",
            "redis://app",
            "REDIS_URL",
        ),
        (
            base()
                .env("REDIS_URL", "redis://app")
                .env("BULLRS_REDIS_URL", "redis://own"),
            "redis_url",
            "redis://own",
            "BULLRS_REDIS_URL",
        ),
        (
            base()
                .env("REDIS_URL", "redis://app")
                .args(&["--redis-url", "redis://flag"]),
            "redis_url",
            "redis://flag",
            "--redis-url",
        ),
        (
            base().env("DATABASE_URL", "postgres://db/app"),
            "database_url",
            "postgres://db/app",
            "DATABASE_URL",
        ),
        (
            base().env("BULLMQ_METRICS_ENABLED", "true"),
            "worker.metrics",
            "true",
            "BULLMQ_METRICS_ENABLED",
        ),
        (
            base().env("JOB_DEFAULT_ATTEMPTS", "3"),
            "worker.default_attempts",
            "3",
            "JOB_DEFAULT_ATTEMPTS",
        ),
        (
            base().env("JOB_MAX_CONCURRENCY", "8"),
            "worker.max_concurrency",
            "8",
            "JOB_MAX_CONCURRENCY",
        ),
    ] {
        assert_eq!(shown(run, key), (value.into(), origin.into()));
    }
}

#[test]
fn a_file_may_have_another_name() {
    let run = Run::line("config show --config deploy.toml").file("deploy.toml", "[queues.a]\n");
    assert_eq!(shown(run, "worker.queues"), ("a".into(), "default".into()));
    Run::line("config show --config nowhere.toml").expect(
        2,
        "",
        "error: --config: cannot read `nowhere.toml`: no such file or directory\n\n\
         hint: `bullrs config show --help` explains every setting\n",
    );
    Run::line("worker")
        .env("BULLRS_CONFIG", "nowhere.toml")
        .expect(
            2,
            "",
            "error: BULLRS_CONFIG: cannot read `nowhere.toml`: no such file or directory\n\n\
         hint: `bullrs worker --help` explains every setting\n",
        );
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_a_suggestion() {
    Run::line("worker --queues a --no-store")
        .file("bullrs.toml", "[worker]\nstrict = true\nconcurency = 3\n")
        .expect(
            2,
            "",
            "error: bullrs.toml:3: unknown key `concurency` in `[worker]`; \
             did you mean `concurrency`?\n\n\
             hint: `bullrs worker --help` explains every setting\n",
        );
}

#[test]
fn all_mistakes_of_all_sources_are_told_at_once() {
    Run::line("worker --queues a:0,a,b:x --drain 5x --log-level loud")
        .env("BULLRS_LOCK_DURATION", "50ms")
        .env("JOB_MAX_CONCURRENCY", "many")
        .env("BULLMQ_METRICS_ENABLED", "often")
        .env("REDIS_URL", "http://app:canary@cache")
        .env("BULLRS_PAYLOAD_KEYS", "k1:canary")
        .file(
            "bullrs.toml",
            "log_format = 'xml'\n[queues.a]\ntimeout = '1w'\n[[schedules]]\nid = 'daily'\n",
        )
        .expect(
            2,
            "",
            "error: 13 settings are wrong\n\
             \x20 cause: --drain: `5x` is not a duration; write `500ms`, `5s`, `2m` or `1h`\n\
             \x20 cause: --log-level: `loud` is no level; there are off, error, warn, info, debug, \
             trace\n\
             \x20 cause: --queues: concurrency of queue `a`: must be at least 1, got `0`\n\
             \x20 cause: --queues: names queue `a` twice\n\
             \x20 cause: --queues: concurrency of queue `b`: `x` is not a whole number\n\
             \x20 cause: BULLMQ_METRICS_ENABLED: `often` is not `true`, `false` or a number of \
             minutes\n\
             \x20 cause: BULLRS_LOCK_DURATION: must be at least 100ms, got `50ms`\n\
             \x20 cause: JOB_MAX_CONCURRENCY: `many` is not a whole number\n\
             \x20 cause: REDIS_URL: must start with `redis://`, `rediss://`, `unix://`, \
             `redis+cluster://` or `redis+sentinel://`, as in `redis://localhost:6379`\n\
             \x20 cause: bullrs.toml:1: `log_format`: `xml` is not `json` or `pretty`\n\
             \x20 cause: bullrs.toml:3: `queues.a.timeout`: `1w` is not a duration; write `500ms`, \
             `5s`, `2m` or `1h`\n\
             \x20 cause: bullrs.toml:4: `[[schedules]]` is not supported by this version\n\
             \x20 cause: BULLRS_PAYLOAD_KEYS entry 1 (`k1`): the key must be 32 bytes in base64\n\n\
             hint: `bullrs worker --help` explains every setting\n",
        );
}

#[test]
fn a_syntax_error_of_the_file_never_quotes_the_line() {
    let ended = Run::line("worker --queues a")
        .file("bullrs.toml", "redis_url = 'redis://:canary@h\n")
        .end();
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.starts_with("error: bullrs.toml:1: "),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

#[test]
fn config_show_masks_credentials_and_lines_columns_up() {
    Run::line("config show --queues a:2")
        .env("REDIS_URL", "redis://app:canary@cache:6379/1")
        .env(
            "DATABASE_URL",
            "postgres://app:canary@db/app?password=canary",
        )
        .expect(
            0,
            "\
redis_url                    redis://***@cache:6379/1            REDIS_URL
redis_ca                     -
redis_cert                   -
redis_key                    -
database_url                 postgres://***@db/app?password=***  DATABASE_URL
worker.no_store              false
worker.content_job_field     contentJobId
log_format                   pretty on a terminal, else json
log_level                    info
prefix                       bull
worker.queues                a:2                                 --queues
worker.concurrency           1
worker.weights               -
queues.a.concurrency         2                                   --queues
worker.max_concurrency       -
worker.name                  -
burst                        false
worker.strict                false
worker.share_blocking        false
worker.drain                 25s
worker.cancel_grace          5s
worker.lock_duration         30s
worker.stalled_interval      30s
worker.drain_delay           5s
worker.max_stalled           1
worker.max_started_attempts  -
worker.default_attempts      -
worker.remove_on_complete    -
worker.remove_on_fail        -
worker.metrics               false
worker.http                  -
",
            "",
        );
}

#[test]
fn explain_says_what_runs_each_job_and_connects_to_nothing() {
    Run::line("worker --queues content,mail --explain --redis-url redis://127.0.0.1:1").expect(
        0,
        "\
queue content
  generate     built-in content.generate
  recap        built-in content.recap
  (any other)  fails; looked for a built-in (`content` has `generate`, `recap`)
queue mail
  (any other)  fails; looked for a built-in (queues `content` and `fineTune` have some)
",
        "",
    );
    let ended = Run::line("worker --queues fineTune --explain --json").end();
    let explained: Value = serde_json::from_str(&ended.stdout).unwrap();
    let names: Vec<&str> = explained[0]["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["cancel", "export", "start"]);
}
