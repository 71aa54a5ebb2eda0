//! How many jobs run at once: by name, by queue, over all queues.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bullrs::{
    BoxError, Outcome,
    worker::{Processor, QueueOptions, RawJob, Running, Worker, WorkerOptions},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use support::{Rig, Server, eventually, within};
use tokio::sync::{Semaphore, watch};

/// Counts what runs under each label, and lets jobs end one by one.
struct Gate {
    label: fn(&RawJob) -> String,
    running: watch::Sender<BTreeMap<String, usize>>,
    most: Mutex<BTreeMap<String, usize>>,
    order: Mutex<Vec<String>>,
    open: Semaphore,
}

impl Gate {
    fn by(label: fn(&RawJob) -> String) -> Arc<Self> {
        Arc::new(Self {
            label,
            running: watch::Sender::new(BTreeMap::new()),
            most: Mutex::default(),
            order: Mutex::default(),
            open: Semaphore::new(0),
        })
    }

    async fn until(&self, what: &str, holds: impl Fn(&BTreeMap<String, usize>) -> bool) {
        let mut running = self.running.subscribe();
        let held = within(what, running.wait_for(|running| holds(running))).await;
        drop(held.unwrap());
    }

    fn running(&self, label: &str) -> usize {
        self.running.borrow().get(label).copied().unwrap_or(0)
    }

    fn most(&self, label: &str) -> usize {
        self.most.lock().unwrap().get(label).copied().unwrap_or(0)
    }

    fn order(&self) -> Vec<String> {
        self.order.lock().unwrap().clone()
    }
}

impl Processor for Gate {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            let label = (self.label)(&job);
            self.order
                .lock()
                .unwrap()
                .push(format!("{label} {}", job.id()));
            self.running.send_modify(|running| {
                let now = running.entry(label.clone()).or_default();
                *now += 1;
                let mut most = self.most.lock().unwrap();
                let most = most.entry(label.clone()).or_default();
                *most = (*most).max(*now);
            });
            self.open.acquire().await?.forget();
            self.running
                .send_modify(|running| *running.entry(label).or_default() -= 1);
            Ok(Outcome::null())
        })
    }
}

fn by_name(job: &RawJob) -> String {
    job.name().to_owned()
}

fn by_queue(job: &RawJob) -> String {
    job.queue().to_owned()
}

async fn stopped(running: Running) -> bullrs::Report {
    running.control().stop_now();
    within("the worker to stop", running.finished()).await
}

async fn add(rig: &Rig, queue: &str, names: &[&str]) {
    for name in names {
        rig.client.queue(queue).add(name, json!({})).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_with_a_limit_is_overtaken_and_keeps_its_order() {
    let rig = Rig::start().await;
    add(
        &rig,
        "q",
        &["slow", "slow", "slow", "quick", "slow", "quick"],
    )
    .await;
    rig.queue()
        .add("slow", json!({}))
        .priority(1)
        .await
        .unwrap();
    rig.queue()
        .add("quick", json!({}))
        .priority(2)
        .await
        .unwrap();
    let gate = Gate::by(by_name);
    let worker = rig
        .client
        .worker("q")
        .concurrency(5)
        .concurrency_of("slow", 1);
    let worker = worker.fallback(Arc::clone(&gate) as _).build().unwrap();
    let running = worker.start().await.unwrap();
    gate.until("all that may run", |running| {
        running.values().sum::<usize>() == 4
    })
    .await;
    assert_eq!((gate.running("slow"), gate.running("quick")), (1, 3));
    // What may not run yet is still waiting, where every dashboard shows it.
    assert_eq!(rig.list("wait").await, ["5", "3", "2"]);
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.active, counts.prioritized), (4, 1));

    // A job that may run is started at once, although others wait before it.
    add(&rig, "q", &["quick"]).await;
    gate.until("the new one", |running| running["quick"] == 4)
        .await;

    gate.open.add_permits(100);
    eventually("all to be completed", || async {
        rig.queue().counts().await.unwrap().completed == 9
    })
    .await;
    assert_eq!(gate.most("slow"), 1);
    let order = gate.order();
    let slow: Vec<&str> = order
        .iter()
        .filter_map(|line| line.strip_prefix("slow "))
        .collect();
    assert_eq!(slow, ["1", "2", "3", "5", "7"]);
    assert_eq!(stopped(running).await.completed, 9);
}

#[tokio::test]
async fn a_worker_without_room_under_a_name_leaves_the_wake_up_to_one_that_has() {
    let rig = Rig::start().await;
    let gates = [Gate::by(by_name), Gate::by(by_name)];
    let mut running = Vec::new();
    for gate in &gates {
        let mut options = WorkerOptions::new([QueueOptions::new("q")]);
        options.prefix.clone_from(&rig.prefix);
        options.queues[0].concurrency = 3;
        options.queues[0]
            .jobs
            .entry("slow".into())
            .or_default()
            .concurrency = Some(1);
        // Far longer than this test may take: only a marker wakes them.
        options.drain_delay = Duration::from_mins(5);
        let worker = Worker::new(rig.options(), options).processor("q", Arc::clone(gate) as _);
        running.push(worker.start().await.unwrap());
    }
    add(&rig, "q", &["slow", "slow"]).await;
    for gate in &gates {
        gate.until("one in each worker", |running| {
            running.get("slow") == Some(&1)
        })
        .await;
    }
    add(&rig, "q", &["slow", "quick"]).await;
    eventually("the quick one to run", || async {
        gates
            .iter()
            .map(|gate| gate.running("quick"))
            .sum::<usize>()
            == 1
    })
    .await;
    assert_eq!(rig.list("wait").await, ["3"]);
    for worker in running {
        stopped(worker).await;
    }
}

async fn calls(rig: &Rig, command: &str) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let start = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&start));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn while_names_are_full_a_worker_does_not_ask_again_and_again() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let gate = Gate::by(by_name);
    let worker = rig
        .client
        .worker("q")
        .concurrency(4)
        .concurrency_of("slow", 1);
    let worker = worker.fallback(Arc::clone(&gate) as _).build().unwrap();
    let running = worker.start().await.unwrap();
    add(&rig, "q", &["slow"; 20]).await;
    gate.until("the first", |running| running.get("slow") == Some(&1))
        .await;
    eventually("the marker to be used up", || async {
        let mut redis = rig.redis.clone();
        !redis::AsyncCommands::exists::<_, bool>(&mut redis, rig.key("marker"))
            .await
            .unwrap()
    })
    .await;
    // Cancellations are asked for at a steady pace, which tells the time.
    let (ticks, scripts) = (calls(&rig, "exists").await, calls(&rig, "evalsha").await);
    eventually("some time to pass", || async {
        calls(&rig, "exists").await >= ticks + 3
    })
    .await;
    let more = calls(&rig, "evalsha").await - scripts;
    assert!(more <= 4, "{more} scripts in about two seconds");

    gate.open.add_permits(20);
    eventually("all to be completed", || async {
        rig.queue().counts().await.unwrap().completed == 20
    })
    .await;
    assert_eq!(gate.most("slow"), 1);
    stopped(running).await;
}

/// A worker of queues with these weights, all of them with a backlog.
async fn sharing(rig: &Rig, gate: &Arc<Gate>, total: usize, weights: &[(&str, u32)]) -> Running {
    for (name, _) in weights {
        add(rig, name, &["x"; 40]).await;
    }
    let mut options = WorkerOptions::new(weights.iter().map(|(name, weight)| {
        let mut queue = QueueOptions::new(*name);
        queue.concurrency = 50;
        queue.weight = *weight;
        queue
    }));
    options.prefix.clone_from(&rig.prefix);
    options.total_concurrency = Some(total);
    let mut worker = Worker::new(rig.options(), options);
    for (name, _) in weights {
        worker = worker.processor(name, Arc::clone(gate) as _);
    }
    worker.start().await.unwrap()
}

#[tokio::test]
async fn the_total_is_shared_fairly_between_queues_with_a_backlog() {
    let rig = Rig::start().await;
    let gate = Gate::by(by_queue);
    let running = sharing(&rig, &gate, 6, &[("a", 1), ("b", 1), ("c", 1)]).await;
    let two_each = |running: &BTreeMap<String, usize>| {
        ["a", "b", "c"]
            .iter()
            .all(|name| running.get(*name) == Some(&2))
    };
    gate.until("two of each", two_each).await;
    for _ in 0..30 {
        gate.open.add_permits(1);
    }
    eventually("thirty to end", || async { gate.order().len() == 36 }).await;
    gate.until("two of each again", two_each).await;
    assert_eq!(["a", "b", "c"].map(|name| gate.most(name)), [2, 2, 2]);
    stopped(running).await;
}

#[tokio::test]
async fn one_slot_goes_round_and_weights_say_how_often() {
    let rig = Rig::start().await;
    let gate = Gate::by(by_queue);
    let running = sharing(&rig, &gate, 1, &[("a", 3), ("b", 1)]).await;
    gate.open.add_permits(40);
    eventually("all slots to be used", || async {
        gate.order().len() >= 40
    })
    .await;
    let order = gate.order();
    let of_a = order[..40]
        .iter()
        .filter(|line| line.starts_with("a "))
        .count();
    // The first look at each queue may come out either way.
    assert!((28..=32).contains(&of_a), "{of_a} of 40");
    stopped(running).await;
}

#[tokio::test]
async fn a_queue_that_gets_work_while_another_has_all_slots_is_next() {
    let rig = Rig::start().await;
    let gate = Gate::by(by_queue);
    let mut options = WorkerOptions::new(["a", "b"].map(|name| {
        let mut queue = QueueOptions::new(name);
        queue.concurrency = 4;
        queue
    }));
    options.prefix.clone_from(&rig.prefix);
    options.total_concurrency = Some(4);
    options.drain_delay = Duration::from_mins(5);
    add(&rig, "a", &["x"; 30]).await;
    let worker = Worker::new(rig.options(), options);
    let worker = worker.processor("a", Arc::clone(&gate) as _);
    let worker = worker.processor("b", Arc::clone(&gate) as _);
    let running = worker.start().await.unwrap();
    gate.until("a to have all", |running| running.get("a") == Some(&4))
        .await;
    add(&rig, "b", &["x"; 3]).await;
    // Slot by slot, so that the marker of `b` has been seen before `a` has used them all up.
    let mut ended = 0;
    while gate.running("b") == 0 {
        assert!(ended < 20, "`b` waits for ever: {:?}", gate.order());
        ended += 1;
        gate.open.add_permits(1);
        eventually("the slot to be used again", || async {
            gate.order().len() == 4 + ended
        })
        .await;
    }
    stopped(running).await;
}

#[tokio::test]
async fn weights_that_would_do_nothing_are_refused() {
    let mut options = WorkerOptions::new([QueueOptions::new("a")]);
    options.queues[0].weight = 3;
    options.strict = true;
    assert_eq!(
        options.validate().unwrap_err().to_string(),
        "`weight` and `strict` exclude each other; \
         `weight` shares out `total_concurrency` (`max_concurrency`), which is not set"
    );
    options.queues[0].weight = 0;
    options.queues[0]
        .jobs
        .entry("x".into())
        .or_default()
        .concurrency = Some(0);
    assert_eq!(
        options.validate().unwrap_err().to_string(),
        "`concurrency` of jobs `x` in queue `a` must be at least 1; \
         `weight` of queue `a` must be at least 1"
    );
}
