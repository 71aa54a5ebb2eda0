//! What the peers get wrong (`docs/reliability.md` has the list): each event is caused for real.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bullrs::{
    BoxError, Job, JobResult, Keep, Outcome,
    worker::{Processor, QueueOptions, RawJob, Running, Worker, WorkerOptions},
};
use futures_util::future::BoxFuture;
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, Server, elapse, eventually, proxy::Proxy, throughout, within};
use tokio::sync::Semaphore;

/// Runs jobs until it is opened, and counts them.
#[derive(Default)]
struct Held {
    running: AtomicUsize,
    most: AtomicUsize,
    started: AtomicUsize,
    open: Opening,
}

struct Opening(Semaphore);

impl Default for Opening {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Held {
    fn open(&self) {
        self.open.0.add_permits(1_000_000);
    }
}

impl Processor for Held {
    fn process(&self, _job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async {
            self.started.fetch_add(1, Ordering::SeqCst);
            let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            self.open.0.acquire().await?.forget();
            self.running.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::null())
        })
    }
}

fn options(rig: &Rig, concurrency: usize) -> WorkerOptions {
    let mut queue = QueueOptions::new("q");
    queue.concurrency = concurrency;
    let mut options = WorkerOptions::new([queue]);
    options.prefix.clone_from(&rig.prefix);
    options
}

async fn stopped(running: Running) -> bullrs::Report {
    running.control().stop_now();
    within("the worker to stop", running.finished()).await
}

async fn add(rig: &Rig, count: usize) {
    for _ in 0..count {
        rig.queue().add("x", json!({})).await.unwrap();
    }
}

async fn info(rig: &Rig, section: &str) -> String {
    redis::cmd("INFO")
        .arg(section)
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap()
}

/// Ids of the connections, without the one that asks.
async fn connections(rig: &Rig) -> BTreeSet<String> {
    let mut redis = rig.redis.clone();
    let own: i64 = redis::cmd("CLIENT")
        .arg("ID")
        .query_async(&mut redis)
        .await
        .unwrap();
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut redis)
        .await
        .unwrap();
    let ids = list.lines().filter_map(|line| line.split(' ').next());
    ids.map(str::to_owned)
        .filter(|id| *id != format!("id={own}"))
        .collect()
}

/// A scheduler as stock leaves it, whose first iteration is ready.
async fn schedule(rig: &Rig, repeat: &Value, every: Option<i64>) {
    let mut redis = rig.redis.clone();
    let now: (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    let slot = now.0 * 1000;
    let id = format!("repeat:tick:{slot}");
    let () = redis.zadd(rig.key("repeat"), "tick", slot).await.unwrap();
    let () = redis
        .hset_multiple(rig.key("repeat:tick"), &[("name", "x"), ("ic", "1")])
        .await
        .unwrap();
    if let Some(every) = every {
        let () = redis
            .hset(rig.key("repeat:tick"), "every", every)
            .await
            .unwrap();
    }
    let opts = json!({"attempts": 0, "jobId": id, "prevMillis": slot, "repeat": repeat});
    let fields = [
        ("name", "x".to_owned()),
        ("data", "{}".into()),
        ("opts", opts.to_string()),
        ("timestamp", slot.to_string()),
        ("delay", "0".into()),
        ("priority", "0".into()),
        ("rjk", "tick".into()),
    ];
    let () = redis.hset_multiple(rig.key(&id), &fields).await.unwrap();
    let () = redis.lpush(rig.key("wait"), &id).await.unwrap();
}

#[tokio::test]
async fn a_scheduler_outlives_handlers_that_panic_and_keeps_its_pace() {
    let rig = Rig::start().await;
    schedule(&rig, &json!({"every": 200, "count": 1}), Some(200)).await;
    let (started, running) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most = Arc::new(AtomicUsize::new(0));
    let counts = (
        Arc::clone(&started),
        Arc::clone(&running),
        Arc::clone(&most),
    );
    let handler = move |_: Job<Value>| {
        let (started, running, most) = counts.clone();
        async move {
            started.fetch_add(1, Ordering::SeqCst);
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Longer than the interval: the next one must not wait for this one.
            let end = Instant::now() + Duration::from_secs(10);
            while started.load(Ordering::SeqCst) < 4 && Instant::now() < end {
                elapse(Duration::from_millis(5)).await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            panic!("on purpose");
            #[expect(unreachable_code, reason = "it says what the handler would return")]
            JobResult::Ok(())
        }
    };
    let worker = rig.client.worker("q").concurrency(8).handle("x", handler);
    let worker = worker.build().unwrap().start().await.unwrap();
    eventually("iterations after panics", || async {
        started.load(Ordering::SeqCst) >= 6
    })
    .await;
    assert!(
        most.load(Ordering::SeqCst) >= 4,
        "iterations wait for each other"
    );
    stopped(worker).await;
}

#[tokio::test]
async fn a_schedule_that_nobody_can_follow_does_not_keep_its_job_from_running() {
    let rig = Rig::start().await;
    schedule(&rig, &json!({"pattern": "on holidays", "count": 1}), None).await;
    add(&rig, 1).await;
    let held = Arc::new(Held::default());
    held.open();
    let worker = Worker::new(rig.options(), options(&rig, 1)).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    eventually("both to complete", || async {
        rig.queue().counts().await.unwrap().completed == 2
    })
    .await;
    stopped(worker).await;
}

#[tokio::test]
async fn a_backoff_that_nobody_knows_fails_the_job_and_says_so() {
    let rig = Rig::start().await;
    let opts = r#"{"attempts":3,"backoff":{"type":"by the moon","delay":5}}"#;
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let () = rig
        .redis
        .clone()
        .hset(rig.key(job.id()), "opts", opts)
        .await
        .unwrap();
    add(&rig, 1).await;
    let handler = async |_: Job<Value>| Err::<(), _>(std::io::Error::other("boom"));
    let worker = rig.client.worker("q").handle("x", handler).build().unwrap();
    let worker = worker.start().await.unwrap();
    rig.wait_for_state("2", "failed").await;
    let reason = &rig.hash(job.id()).await["failedReason"];
    assert_eq!(
        reason,
        "boom (no further attempt: this worker does not know the backoff type `by the moon` \
         (`fixed` and `exponential` are built in))"
    );
    stopped(worker).await;
}

#[tokio::test]
async fn two_thousand_jobs_behind_a_slow_network_keep_their_locks() {
    const JOBS: usize = 2000;
    const LOCK: Duration = Duration::from_secs(3);
    let server = Server::start(false);
    let direct = Rig::on(&server.url()).await;
    let slow = Proxy::start_slow(server.port, Duration::from_millis(50)).await;
    let held = Arc::new(Held::default());
    let mut options = options(&direct, JOBS);
    options.lock_duration = LOCK;
    options.stalled_interval = Duration::from_millis(500);
    let connection = bullrs::conn::ConnectionOptions::parse(&slow.url()).unwrap();
    let queue = direct.queue();
    for _ in 0..JOBS / 50 {
        let adds = (0..50).map(|_| async { queue.add("x", json!({})).await.unwrap() });
        futures_util::future::join_all(adds).await;
    }
    let worker = Worker::new(connection, options).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    eventually("all to run", || async {
        held.running.load(Ordering::SeqCst) == JOBS
    })
    .await;
    let locks: Vec<String> = (1..=JOBS)
        .map(|id| direct.key(&format!("{id}:lock")))
        .collect();
    // Any lock that is not extended runs out within this time.
    throughout(LOCK * 2, || async {
        let alive: usize = direct.redis.clone().exists(&locks).await.unwrap();
        assert_eq!(alive, JOBS);
    })
    .await;
    held.open();
    eventually("all to complete", || async {
        queue.counts().await.unwrap().completed == JOBS as u64
    })
    .await;
    let report = stopped(worker).await;
    assert_eq!((report.completed, report.lost), (JOBS as u64, 0));
    assert_eq!(held.started.load(Ordering::SeqCst), JOBS, "some ran twice");
}

#[tokio::test]
async fn what_jobs_return_is_not_kept_in_memory() {
    const JOBS: usize = 1000;
    const BYTES: usize = 60_000;
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let () = rig
        .redis
        .clone()
        .hset(rig.key("meta"), "opts.maxLenEvents", 50)
        .await
        .unwrap();
    let queue = rig.queue();
    for _ in 0..JOBS / 100 {
        let adds = (0..100).map(|_| {
            let job = queue.add("x", json!({})).keep_completed(Keep::none());
            async { job.await.unwrap() }
        });
        futures_util::future::join_all(adds).await;
    }
    let before = resident();
    let handler = async |_: Job<Value>| JobResult::Ok("x".repeat(BYTES));
    let worker = rig
        .client
        .worker("q")
        .concurrency(50)
        .handle("x", handler)
        .burst();
    let report = worker
        .build()
        .unwrap()
        .start()
        .await
        .unwrap()
        .finished()
        .await;
    assert_eq!(report.completed, JOBS as u64);
    let grown = resident().saturating_sub(before);
    // All results together are 60 MB. Other tests may run in this process, too.
    assert!(grown < 40_000_000, "grew by {grown} bytes");
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .unwrap()
        * 1000
}

#[tokio::test]
async fn an_idle_worker_stops_at_once() {
    let rig = Rig::start().await;
    let mut times = Vec::new();
    for _ in 0..10 {
        let mut options = options(&rig, 1);
        // Far longer than this test may take: nobody waits for it.
        options.drain_delay = Duration::from_mins(5);
        let worker = Worker::new(rig.options(), options).processor("q", Arc::new(Held::default()));
        let worker = worker.start().await.unwrap();
        eventually("it to wait", || async {
            let list: String = redis::cmd("CLIENT")
                .arg("LIST")
                .query_async(&mut rig.redis.clone())
                .await
                .unwrap();
            let name = format!("name={}:", rig.prefix);
            list.lines()
                .any(|line| line.contains(&name) && line.contains("cmd=bzpopmin"))
        })
        .await;
        let asked = Instant::now();
        worker.control().stop();
        within("it to stop", worker.finished()).await;
        times.push(asked.elapsed());
    }
    let best = times.iter().min().unwrap();
    assert!(*best < Duration::from_millis(50), "{times:?}");
}

#[tokio::test]
async fn a_demoted_server_is_dialled_anew_and_no_outcome_is_lost() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let before = connections(&rig).await;
    let held = Arc::new(Held::default());
    let worker = Worker::new(rig.options(), options(&rig, 1)).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    add(&rig, 2).await;
    rig.wait_for_state("1", "active").await;
    let first: BTreeSet<String> = &connections(&rig).await - &before;
    let mut redis = rig.redis.clone();
    let () = redis::cmd("REPLICAOF")
        .arg("127.0.0.1")
        .arg(1)
        .query_async(&mut redis)
        .await
        .unwrap();
    held.open();
    eventually("the command connection to be another one", || async {
        let now: BTreeSet<String> = &connections(&rig).await - &before;
        !now.is_subset(&first) && !worker.control().is_ready()
    })
    .await;
    let () = redis::cmd("REPLICAOF")
        .arg("NO")
        .arg("ONE")
        .query_async(&mut redis)
        .await
        .unwrap();
    rig.wait_for_state("1", "completed").await;
    rig.wait_for_state("2", "completed").await;
    assert_eq!(held.started.load(Ordering::SeqCst), 2, "one ran twice");
    assert_eq!(rig.hash("1").await["atm"], "1");
    assert_eq!(stopped(worker).await.completed, 2);
}

#[tokio::test]
async fn a_half_open_connection_is_given_up() {
    let server = Server::start(false);
    let proxy = Proxy::start(server.port).await;
    let direct = Rig::on(&server.url()).await;
    let held = Arc::new(Held::default());
    let connection = bullrs::conn::ConnectionOptions::parse(&proxy.url()).unwrap();
    let worker = Worker::new(connection, options(&direct, 1)).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    add(&direct, 1).await;
    direct.wait_for_state("1", "active").await;
    proxy.freeze_all();
    held.open();
    // The lock of 30 s outlives the 10 s after which silence counts as a broken connection.
    direct.wait_for_state("1", "completed").await;
    assert_eq!(held.started.load(Ordering::SeqCst), 1);
    stopped(worker).await;
}

#[tokio::test]
async fn a_worker_has_one_connection_for_commands_and_one_to_wait_for_each_queue() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let before = connections(&rig).await.len();
    for (share_blocking, wanted) in [(false, 11), (true, 2)] {
        let names: Vec<String> = (0..10).map(|at| format!("q{at}")).collect();
        let mut options = WorkerOptions::new(names.iter().map(QueueOptions::new));
        options.prefix.clone_from(&rig.prefix);
        options.share_blocking = share_blocking;
        let mut worker = Worker::new(rig.options(), options);
        for name in &names {
            worker = worker.processor(name, Arc::new(Held::default()));
        }
        let worker = worker.start().await.unwrap();
        assert_eq!(
            connections(&rig).await.len() - before,
            wanted,
            "{share_blocking}"
        );
        stopped(worker).await;
        eventually("they to be closed", || async {
            connections(&rig).await.len() == before
        })
        .await;
    }
}

#[tokio::test]
async fn an_idle_queue_costs_less_than_a_command_a_second() {
    const QUEUES: usize = 4;
    const WINDOW: Duration = Duration::from_secs(6);
    tokio::join!(
        costs(QUEUES, WINDOW, false, false),
        costs(QUEUES, WINDOW, true, false),
        costs(QUEUES, WINDOW, false, true),
    );
}

async fn costs(queues: usize, window: Duration, share_blocking: bool, quiet: bool) {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let names: Vec<String> = (0..queues).map(|at| format!("q{at}")).collect();
    let mut options = WorkerOptions::new(names.iter().map(QueueOptions::new));
    options.prefix.clone_from(&rig.prefix);
    options.share_blocking = share_blocking;
    let mut worker = Worker::new(rig.options(), options);
    for name in &names {
        worker = worker.processor(name, Arc::new(Held::default()));
    }
    let worker = worker.start().await.unwrap();
    if quiet {
        worker.control().pause();
    }
    let blocked = match (quiet, share_blocking) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => queues,
    };
    let line = format!("blocked_clients:{blocked}\r");
    eventually("the worker to be idle", || async {
        let scripts_are_known = commands(&rig).await >= queues as u64;
        scripts_are_known && info(&rig, "clients").await.contains(&line)
    })
    .await;
    let (before, began) = (commands(&rig).await, Instant::now());
    // Not a wait for a state: the time over which is counted.
    elapse(window).await;
    let more = commands(&rig).await - before;
    let allowed = began.elapsed().as_secs() * queues as u64;
    assert!(more <= allowed, "{more} commands, allowed are {allowed}");
    stopped(worker).await;
}

/// How many commands came over connections, but for those of the tests themselves.
async fn commands(rig: &Rig) -> u64 {
    let stats = info(rig, "commandstats").await;
    let counted = ["evalsha", "bzpopmin", "exists", "client|unblock"];
    let calls = |line: &str| -> Option<u64> {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = rest.split(',').next()?.parse().ok()?;
        counted.contains(&name).then_some(calls)
    };
    stats.lines().filter_map(calls).sum()
}

#[tokio::test]
async fn jobs_of_a_dead_worker_are_recovered_at_the_start() {
    let rig = Rig::start().await;
    add(&rig, 1).await;
    let mut redis = rig.redis.clone();
    // As an earlier check has left it: active, without a lock, and marked.
    let () = redis
        .rpoplpush(rig.key("wait"), rig.key("active"))
        .await
        .unwrap();
    let () = redis.sadd(rig.key("stalled"), "1").await.unwrap();
    let held = Arc::new(Held::default());
    held.open();
    let mut options = options(&rig, 1);
    options.stalled_interval = Duration::from_hours(1);
    let worker = Worker::new(rig.options(), options).processor("q", held);
    let worker = worker.start().await.unwrap();
    rig.wait_for_state("1", "completed").await;
    assert_eq!(rig.hash("1").await["stc"], "1");
    let events = rig.events("1").await;
    assert!(events.contains(&"stalled".to_owned()), "{events:?}");
    stopped(worker).await;
}

#[tokio::test]
async fn nothing_is_claimed_before_there_is_a_slot_for_it() {
    let rig = Rig::start().await;
    add(&rig, 5).await;
    let held = Arc::new(Held::default());
    let mut options = options(&rig, 2);
    options.lock_duration = Duration::from_millis(400);
    options.stalled_interval = Duration::from_millis(50);
    let worker = Worker::new(rig.options(), options).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    rig.wait_for_state("2", "active").await;
    let mut redis = rig.redis.clone();
    let locks: (String, String) = redis
        .mget(&[rig.key("1:lock"), rig.key("2:lock")])
        .await
        .unwrap();
    assert_ne!(locks.0, locks.1, "one lock for two jobs");
    throughout(Duration::from_millis(1200), || async {
        assert_eq!(rig.list("wait").await, ["5", "4", "3"]);
    })
    .await;
    held.open();
    rig.wait_for_state("5", "completed").await;
    assert_eq!(held.started.load(Ordering::SeqCst), 5);
    assert_eq!(stopped(worker).await.completed, 5);
}

#[tokio::test]
async fn a_draining_worker_keeps_the_locks_of_what_still_runs() {
    const LOCK: Duration = Duration::from_millis(400);
    let rig = Rig::start().await;
    add(&rig, 1).await;
    let held = Arc::new(Held::default());
    let mut options = options(&rig, 1);
    options.lock_duration = LOCK;
    options.drain = Duration::from_mins(5);
    let worker = Worker::new(rig.options(), options).processor("q", held.clone());
    let worker = worker.start().await.unwrap();
    rig.wait_for_state("1", "active").await;
    worker.control().stop();
    throughout(LOCK * 3, || async {
        let locked: bool = rig.redis.clone().exists(rig.key("1:lock")).await.unwrap();
        assert!(locked, "the lock is gone");
    })
    .await;
    held.open();
    let report = within("the worker to stop", worker.finished()).await;
    assert_eq!((report.completed, report.lost, report.abandoned), (1, 0, 0));
    assert_eq!(rig.state("1").await, "completed");
}

#[tokio::test]
async fn a_deploy_that_replaces_ten_workers_spends_no_attempt_and_no_stall() {
    const JOBS: usize = 400;
    let rig = Rig::start().await;
    let worker = |rig: &Rig| {
        let mut options = options(rig, 5);
        options.stalled_interval = Duration::from_millis(200);
        options.drain = Duration::ZERO;
        options.cancel_grace = Duration::from_millis(10);
        Worker::new(rig.options(), options).processor("q", Arc::new(Slow))
    };
    add(&rig, JOBS).await;
    let mut fleet = Vec::new();
    for _ in 0..10 {
        fleet.push(worker(&rig).start().await.unwrap());
    }
    let (mut released, mut abandoned) = (0, 0);
    for _ in 0..10 {
        let old = fleet.remove(0);
        fleet.push(worker(&rig).start().await.unwrap());
        old.control().stop();
        let report = within("the old one to stop", old.finished()).await;
        released += report.released;
        abandoned += report.abandoned + report.lost + report.failed;
    }
    eventually("all to complete", || async {
        rig.queue().counts().await.unwrap().completed == JOBS as u64
    })
    .await;
    for id in 1..=JOBS {
        let hash = rig.hash(&id.to_string()).await;
        assert_eq!(hash["atm"], "1", "job {id} lost an attempt");
        assert!(!hash.contains_key("stc"), "job {id} stalled");
    }
    assert!(
        released > 0,
        "nothing was handed back, so nothing was tried"
    );
    assert_eq!(abandoned, 0);
    for old in fleet {
        stopped(old).await;
    }
}

/// Takes some time.
struct Slow;

impl Processor for Slow {
    fn process(&self, _job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async {
            elapse(Duration::from_millis(60)).await;
            Ok(Outcome::null())
        })
    }
}

/// The handbook links each event to a test; a link that leads nowhere would be a false promise.
#[test]
fn the_handbook_names_only_tests_that_there_are() {
    fn read(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    read(&root.join("src"), &mut sources);
    read(&root.join("tests"), &mut sources);
    let page = include_str!("../docs/reliability.md");
    let named = page.split('`').skip(1).step_by(2);
    let named = named.filter(|name| {
        let is_a_name = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_a_name && name.matches('_').count() >= 3
    });
    let missing: Vec<&str> = named
        .filter(|name| !sources.contains(&format!("fn {name}(")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_package_names_its_files_from_the_root() {
    let manifest = include_str!("../Cargo.toml");
    let line = manifest
        .lines()
        .find(|line| line.starts_with("include = "))
        .unwrap();
    let globs: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    assert!(
        globs.len() > 3 && globs.iter().all(|glob| glob.starts_with('/')),
        "{line}"
    );
}
