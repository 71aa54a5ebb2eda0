use std::time::Duration;

use super::*;
use crate::{config::key, wire::Limiter};

fn faults(text: &str) -> Vec<String> {
    let mut faults = Faults::default();
    let _file = File::read("bullrs.toml", text, &mut faults);
    faults
        .into_sorted()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn sound(text: &str) -> File {
    let mut faults = Faults::default();
    let file = File::read("bullrs.toml", text, &mut faults);
    assert_eq!(faults, Faults::default());
    file
}

#[test]
fn values_are_texts_with_their_lines() {
    let file = sound(
        "prefix = '{app}'\n\n[worker]\nconcurrency = 1_0\nlock_duration = \"1m\"\n\
         strict = true\nqueues = ['a:3', 'b']\nmax_stalled = 0x10\n",
    );
    let at = |line, text| Some((file.origin(line), text));
    assert_eq!(file.value(&key::PREFIX), at(1, "{app}"));
    assert_eq!(file.value(&key::CONCURRENCY), at(4, "10"));
    assert_eq!(file.value(&key::LOCK_DURATION), at(5, "1m"));
    assert_eq!(file.value(&key::STRICT), at(6, "true"));
    assert_eq!(file.value(&key::QUEUES), at(7, "a:3,b"));
    assert_eq!(file.value(&key::MAX_STALLED), at(8, "16"));
    assert_eq!(file.value(&key::DRAIN), None);
}

#[test]
fn queues_keep_the_order_of_the_file() {
    let file = sound(
        "[queues.zebra]\n[queues.ant]\nconcurrency = 5\ntimeout = '2m'\nttl = 500\n\
         limiter = { max = 100, duration = '1s' }\n[queues.ant.jobs.recap]\ntimeout = '90s'\n",
    );
    let names: Vec<&str> = file.queues().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["zebra", "ant"]);
    let ant = &file.queues()[1];
    assert_eq!(ant.concurrency, Some((5, 3)));
    assert_eq!(ant.timeout, Some(Duration::from_mins(2)));
    assert_eq!(ant.ttl, Some(Duration::from_millis(500)));
    assert_eq!(
        ant.limiter,
        Some(Limiter {
            max: 100,
            duration: Duration::from_secs(1)
        })
    );
    assert_eq!(ant.jobs["recap"].timeout, Some(Duration::from_secs(90)));
    assert_eq!(ant.jobs["recap"].ttl, None);
}

#[test]
fn an_unknown_key_is_a_fault_with_line_and_suggestion() {
    assert_eq!(
        faults(
            "prefx = 'a'\nconcurrency = 1\n[worker]\nconcurency = 1\nredis_url = 'redis://h'\n\
             whatever = 1\n[queues.a]\ntime_out = 1\n[queues.a.jobs.b]\nlimiter = 1\n\
             [queue.b]\n"
        ),
        [
            "bullrs.toml:1: unknown key `prefx` at the top; did you mean `prefix`?",
            "bullrs.toml:2: `concurrency` belongs in `[worker]`",
            "bullrs.toml:4: unknown key `concurency` in `[worker]`; did you mean `concurrency`?",
            "bullrs.toml:5: `redis_url` belongs at the top of the file, above all tables",
            "bullrs.toml:6: unknown key `whatever` in `[worker]`",
            "bullrs.toml:8: unknown key `time_out` in `[queues.a]`; did you mean `timeout`?",
            "bullrs.toml:10: unknown key `limiter` in `[queues.a.jobs.b]`",
            "bullrs.toml:11: unknown key `queue` at the top; did you mean `queues`?",
        ]
    );
}

#[test]
fn what_belongs_to_one_run_cannot_stand_in_the_file() {
    assert_eq!(
        faults("[worker]\nburst = true\n"),
        ["bullrs.toml:2: `burst` is a flag only: `--burst`"]
    );
}

#[test]
fn what_later_versions_read_is_refused_rather_than_ignored() {
    assert_eq!(
        faults(
            "[worker]\nprocessors = 'jobs'\n[queues.a]\nnode = { file = 'a.ts' }\n\
             [queues.a.jobs.b]\nhttp = { url = 'http://h' }\n[[schedules]]\nid = 'x'\n\
             [[webhooks]]\nurl = 'x'\n[http]\n"
        ),
        [
            "bullrs.toml:2: `processors` is not supported by this version",
            "bullrs.toml:4: `node` in `[queues.a]` is not supported by this version",
            "bullrs.toml:6: `http` in `[queues.a.jobs.b]` is not supported by this version",
            "bullrs.toml:7: `[[schedules]]` is not supported by this version",
            "bullrs.toml:9: `[[webhooks]]` is not supported by this version",
            "bullrs.toml:11: `http` belongs in `[worker]`",
        ]
    );
}

#[test]
fn values_of_the_wrong_kind_are_named_with_their_path() {
    assert_eq!(
        faults(
            "worker = 3\n[queues.a]\nconcurrency = 0\nlimiter = { max = 1 }\ntimeout = '5x'\n\
             ttl = 0\njobs = []\n[queues.b]\nlimiter = 5\nconcurrency = [1]\n[queues.'c:d']\n\
             [queues.e]\nlimiter = { max = 0, duration = '1s', per = 1 }\n"
        ),
        [
            "bullrs.toml:1: `[worker]` is a table, not a number",
            "bullrs.toml:3: `queues.a.concurrency`: must be at least 1, got `0`",
            "bullrs.toml:4: `queues.a.limiter` needs `duration`",
            "bullrs.toml:5: `queues.a.timeout`: `5x` is not a duration; \
             write `500ms`, `5s`, `2m` or `1h`",
            "bullrs.toml:6: `queues.a.ttl`: must be longer than `0`",
            "bullrs.toml:7: `[queues.a.jobs]` is a table, not a list",
            "bullrs.toml:9: `queues.b.limiter` is a table, not a number",
            "bullrs.toml:10: `queues.b.concurrency` is a single value, not a list",
            "bullrs.toml:11: `[queues.c:d]`: `queue` must not contain `:`, got `c:d`",
            "bullrs.toml:13: `queues.e.limiter.max`: must be at least 1, got `0`",
            "bullrs.toml:13: unknown key `per` in `[queues.e.limiter]`",
        ]
    );
}

#[test]
fn a_syntax_error_has_its_line_and_never_quotes_it() {
    let found = faults("prefix = 'a'\nredis_url = 'redis://:canary@h\n[worker]\ndrian = 1\n");
    assert!(found[0].starts_with("bullrs.toml:2: "), "{found:?}");
    assert!(!found.join("\n").contains("canary"), "{found:?}");
    assert_eq!(
        found.last().map(String::as_str),
        Some("bullrs.toml:4: unknown key `drian` in `[worker]`; did you mean `drain`?")
    );
}
