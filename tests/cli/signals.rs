//! What signals do to a worker with jobs.

use std::time::Instant;

use serde_json::json;

use super::{
    serving::worker,
    support::{DEADLINE, Rig, eventually},
};

const STOPPING: &str = "stopping: no new jobs, running ones may end";

/// A worker whose only job runs for ten minutes.
async fn busy(rig: &Rig, flags: &str) -> super::process::Started {
    let job = rig.queue().add("long", json!({})).await.unwrap();
    let command = format!("bench worker --queues q --mode sleep:10m {flags}");
    let mut started = worker(&command, rig).start();
    started.logged("bench worker is ready");
    rig.wait_for_state(job.id(), "active").await;
    started
}

async fn is_handed_back(rig: &Rig) {
    assert_eq!(rig.list("wait").await, ["1"]);
    let hash = rig.hash("1").await;
    assert_eq!(hash.get("atm"), None, "no attempt was used: {hash:?}");
}

#[tokio::test]
async fn a_signal_drains_and_hands_back_what_does_not_end() {
    for signal in ["TERM", "INT"] {
        let rig = Rig::start().await;
        let mut started = busy(&rig, "--drain 100ms").await;
        started.signal(signal);
        started.logged(STOPPING);
        let (code, log) = started.end();
        assert_eq!(code, Some(0), "{log:?}");
        is_handed_back(&rig).await;
    }
}

#[tokio::test]
async fn a_second_signal_ends_the_drain_at_once() {
    let rig = Rig::start().await;
    let mut started = busy(&rig, "--drain 10m").await;
    started.signal("TERM");
    started.logged(STOPPING);
    started.signal("TERM");
    started.logged("stopping now: running jobs are handed back");
    let (code, log) = started.end();
    assert_eq!(code, Some(0), "{log:?}");
    is_handed_back(&rig).await;
}

#[tokio::test]
async fn the_echo_of_a_signal_is_not_a_second_one() {
    let rig = Rig::start().await;
    rig.queue().add("short", json!({})).await.unwrap();
    let mut started = worker("bench worker --queues q --mode sleep:400 --drain 10m", &rig).start();
    started.logged("bench worker is ready");
    rig.wait_for_state("1", "active").await;
    started.signal("TERM");
    started.signal("TERM");
    let (code, log) = started.end();
    assert_eq!(code, Some(0), "{log:?}");
    assert_eq!(rig.state("1").await, "completed", "{log:?}");
}

#[tokio::test]
async fn usr1_lists_what_runs() {
    let rig = Rig::start().await;
    let mut started = busy(&rig, "").await;
    // Redis knows that the job is active a moment before the worker knows that it has it.
    let end = Instant::now() + DEADLINE;
    let job = loop {
        assert!(Instant::now() < end, "the job is never listed");
        started.signal("USR1");
        let running = started.logged("running jobs")["running"].clone();
        if running == 1 {
            let job = started.logged("running");
            if job["job_name"] == "long" {
                break job;
            }
        }
    };
    assert_eq!(
        [&job["queue"], &job["job_id"], &job["attempt"]],
        [&json!("q"), &json!("1"), &json!(1)]
    );
    assert!(job["elapsed_ms"].is_u64());
}

#[tokio::test]
async fn tstp_quietens_and_cont_resumes() {
    let rig = Rig::start().await;
    let command = "bench worker --queues q --mode noop --name sleeper";
    let mut started = worker(command, &rig).start();
    started.logged("bench worker is ready");
    eventually("the worker to wait for work", || async {
        let clients: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut rig.redis.clone())
            .await
            .unwrap();
        let is_waiting =
            |client: &str| client.contains(":w:sleeper ") && client.contains("cmd=bzpopmin");
        clients.lines().any(is_waiting)
    })
    .await;
    started.signal("TSTP");
    started.logged("quiet: no new jobs until SIGCONT");
    rig.queue().add("any", json!({})).await.unwrap();
    // A worker that still fetched would have run the job long before it answers this.
    started.signal("USR1");
    started.logged("running jobs");
    assert_eq!(rig.state("1").await, "waiting");
    started.signal("CONT");
    started.logged("fetching again");
    rig.wait_for_state("1", "completed").await;
    started.signal("TERM");
    assert_eq!(started.end().0, Some(0));
}

#[tokio::test]
async fn hup_takes_over_the_log_level_and_names_the_rest() {
    let rig = Rig::start().await;
    let run = worker("bench worker --mode noop", &rig);
    let file = "log_level = 'info'\n[queues.q]\ntimeout = '1m'\n";
    let mut started = run.file("bullrs.toml", file).start();
    started.logged("bench worker is ready");
    let path = started.path("bullrs.toml");

    started.signal("HUP");
    started.logged("configuration read again: nothing changed");

    std::fs::write(&path, "log_level = 'loud'\n[queues.q]\n").unwrap();
    started.signal("HUP");
    let refused = started.logged("the configuration is wrong; the old one stays");
    assert_eq!(
        refused["fault"],
        "bullrs.toml:1: `log_level`: `loud` is no level; \
         there are off, error, warn, info, debug, trace"
    );

    std::fs::write(&path, "log_level = 'warn'\n[queues.q]\ntimeout = '2m'\n").unwrap();
    started.signal("HUP");
    let later = started.logged("configuration read again: these changes need a restart");
    assert_eq!(later["settings"], "queues.q.timeout");

    // Now only warnings are shown: a completed job is none.
    rig.queue().add("any", json!({})).await.unwrap();
    eventually("the job to complete", || async {
        rig.state("1").await == "completed"
    })
    .await;
    started.signal("TERM");
    let (code, log) = started.end();
    assert_eq!(code, Some(0), "{log:?}");
    assert!(
        !log.iter().any(|line| line.contains("\"completed\"")),
        "{log:?}"
    );
}

#[tokio::test]
async fn a_signal_before_the_start_ends_it_too() {
    // Someone listens and never says a word: the worker waits for Redis.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let run = super::process::Run::line("bench worker --queues q").args(&["--redis-url", &url]);
    let started = run.start();
    let (_connected, _) = silent.accept().unwrap();
    started.signal("TERM");
    let (code, log) = started.end();
    assert_eq!(code, Some(0), "{log:?}");
    assert!(
        log.concat().contains("stopped before it had started"),
        "{log:?}"
    );
}
