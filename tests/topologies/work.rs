//! Jobs that are added and run while things go wrong.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bullrs::{Client, Job, JobResult, worker::Running};
use serde_json::{Value, json};

/// A worker of queue `q` that counts how often each number was run.
pub(crate) struct Work {
    runs: Arc<Mutex<BTreeMap<u64, u32>>>,
    pub(crate) running: Running,
}

impl Work {
    /// Starts one whose jobs take this long.
    pub(crate) async fn start(client: &Client, takes: Duration) -> Self {
        let runs: Arc<Mutex<BTreeMap<u64, u32>>> = Arc::default();
        let counted = Arc::clone(&runs);
        let handler = move |job: Job<Value>| {
            let counted = Arc::clone(&counted);
            async move {
                tokio::time::sleep_until((Instant::now() + takes).into()).await;
                let number = job.data["i"].as_u64().unwrap();
                *counted.lock().unwrap().entry(number).or_default() += 1;
                JobResult::Ok(number)
            }
        };
        let worker = client
            .worker("q")
            .concurrency(4)
            .lock(Duration::from_secs(3))
            .stalled(Duration::from_millis(500), 10)
            .handle("x", handler)
            .build()
            .unwrap();
        let running = worker.start().await.unwrap();
        Self { runs, running }
    }

    /// How many numbers were run, and the most times that one was.
    pub(crate) fn counts(&self) -> (usize, u32) {
        let runs = self.runs.lock().unwrap();
        (runs.len(), runs.values().copied().max().unwrap_or(0))
    }

    pub(crate) async fn wait_for(&self, numbers: usize) {
        eventually(&format!("{numbers} jobs to run"), || async {
            self.counts().0 >= numbers
        })
        .await;
    }
}

/// Adds the job with this number as a producer would that must not lose it: again, for as long as
/// the error says that it may help. Its id makes a second add harmless.
pub(crate) async fn add(client: &Client, number: u64) {
    let id = format!("n{number}");
    eventually("the job to be added", || async {
        let added = client
            .queue("q")
            .add("x", json!({ "i": number }))
            .id(id.clone())
            .await;
        match added {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                false
            }
        }
    })
    .await;
}

/// Waits until every job with a number below `count` is completed.
pub(crate) async fn wait_for_completed(client: &Client, count: u64) {
    for number in 0..count {
        let job = client.queue("q").job(&format!("n{number}"));
        let last = Mutex::new(String::new());
        let completed = eventually("a job to be completed", || async {
            let state = job.state().await;
            *last.lock().unwrap() = format!("{state:?}");
            state.is_ok_and(|state| state == "completed")
        });
        let in_time = tokio::time::timeout(DEADLINE / 2, completed).await.is_ok();
        assert!(in_time, "job {number} is {}", last.into_inner().unwrap());
    }
}

/// Failovers take their time, the more so on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// Polls until `check` holds; fails the test after [`DEADLINE`].
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let end = Instant::now() + DEADLINE;
    loop {
        ticks.tick().await;
        if check().await {
            return;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
    }
}
