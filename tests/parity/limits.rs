//! How fast and how many at once, and jobs that are due later.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bullrs::{
    NewJob, Outcome,
    wire::Limiter,
    worker::{Fetched, RawJob},
};

use crate::{
    Any, Work,
    support::{Rig, eventually},
};

/// When handlers began, by a clock of one's own.
type Starts = Arc<Mutex<Vec<Instant>>>;

async fn add(rig: &Rig, queue: &str, jobs: usize) {
    let jobs = (0..jobs).map(|_| NewJob::new("x", ()));
    rig.client.queue(queue).add_all(jobs).await.unwrap();
}

async fn completed(rig: &Rig, queue: &str, jobs: u64) {
    eventually("the jobs to complete", || async {
        rig.client.queue(queue).counts().await.unwrap().completed == jobs
    })
    .await;
}

fn noting(starts: &Starts) -> Arc<dyn bullrs::worker::Processor> {
    let starts = Arc::clone(starts);
    Arc::new(Any(move |_: RawJob| {
        starts.lock().unwrap().push(Instant::now());
        async { Ok(Outcome::null()) }
    }))
}

#[tokio::test]
async fn a_worker_a_queue_and_a_call_limit_the_rate() {
    let rig = Rig::start().await;
    let (own, all) = (Starts::default(), Starts::default());
    add(&rig, "own", 4).await;
    add(&rig, "all", 4).await;
    let window = Duration::from_millis(500);
    let limit = Limiter {
        max: 2,
        duration: window,
    };
    rig.client
        .queue("all")
        .set_global_rate_limit(limit)
        .await
        .unwrap();
    let limited = rig.client.worker("own").fallback(noting(&own));
    let limited = limited.concurrency(4).limiter(2, window).build().unwrap();
    let open = rig.client.worker("all").fallback(noting(&all));
    let open = open.concurrency(4).build().unwrap();
    let workers = [Work::start(limited).await, Work::start(open).await];
    for (queue, starts) in [("own", own), ("all", all)] {
        completed(&rig, queue, 4).await;
        let starts = starts.lock().unwrap().clone();
        // The window begins with the first claim, a little before the first handler.
        let gap = starts[2] - starts[0];
        assert!(gap >= window * 8 / 10, "{queue}: {gap:?}");
    }
    for worker in workers {
        worker.stop().await;
    }

    let queue = rig.client.queue("held");
    let hour = Duration::from_hours(1);
    queue
        .set_global_rate_limit(Limiter {
            max: 1,
            duration: hour,
        })
        .await
        .unwrap();
    assert_eq!(queue.rate_limit_ttl(None).await.unwrap(), None);
    queue.rate_limit(hour).await.unwrap();
    let left = queue.rate_limit_ttl(None).await.unwrap().unwrap();
    assert!(left > hour / 2 && left <= hour, "{left:?}");
    add(&rig, "held", 1).await;
    let mut fetcher = rig.client.fetcher("held").open().await.unwrap();
    let held = fetcher.try_next().await.unwrap();
    assert!(matches!(held, Fetched::RateLimited(_)), "{held:?}");
    assert!(queue.remove_rate_limit().await.unwrap());
    assert!(!queue.remove_rate_limit().await.unwrap());
    let job = fetcher.try_next().await.unwrap().into_job();
    job.unwrap().move_to_completed(&()).await.unwrap();
}

#[tokio::test]
async fn a_global_concurrency_holds_over_all_workers_until_it_is_taken_away() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    for (limit, jobs) in [(Some(1), 6), (Some(3), 12), (None, 12)] {
        match limit {
            Some(limit) => queue.set_global_concurrency(limit).await.unwrap(),
            None => queue.remove_global_concurrency().await.unwrap(),
        }
        let before = queue.counts().await.unwrap().completed;
        add(&rig, "q", jobs).await;
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let most = Arc::new(AtomicU64::new(0));
        let now = Arc::new(AtomicU64::new(0));
        let mut workers = Vec::new();
        for _ in 0..2 {
            let (gate, most, now) = (gate.clone(), most.clone(), now.clone());
            let handler = move |_: RawJob| {
                let (gate, most, now) = (gate.clone(), most.clone(), now.clone());
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(Outcome::null())
                }
            };
            let worker = rig.client.worker("q").fallback(Arc::new(Any(handler)));
            workers.push(Work::start(worker.concurrency(5).build().unwrap()).await);
        }
        let expected = limit.map_or(10, u64::from);
        eventually("as many to run as may", || async {
            now.load(Ordering::SeqCst) == expected
        })
        .await;
        assert_eq!(queue.is_maxed().await.unwrap(), limit.is_some());
        gate.add_permits(jobs);
        completed(&rig, "q", before + jobs as u64).await;
        assert_eq!(most.load(Ordering::SeqCst), expected);
        for worker in workers {
            worker.stop().await;
        }
    }
}

#[tokio::test]
async fn delayed_jobs_run_in_the_order_of_their_times_and_never_before() {
    let rig = Rig::start().await;
    let begin = Instant::now();
    let (seconds, micros): (i64, i64) = redis::cmd("TIME")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let added_at = seconds * 1000 + micros / 1000;
    for (name, delay) in [("late", 300), ("soon", 100), ("then", 200)] {
        let delay = Duration::from_millis(delay);
        let job = rig.queue().add(name, ()).delay(delay);
        job.timestamp(added_at).await.unwrap();
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let worker = Work::on(&rig, "q", move |job| {
        let name = job.name().to_owned();
        see.lock().unwrap().push((name, begin.elapsed()));
        async { Ok(Outcome::null()) }
    })
    .await;
    completed(&rig, "q", 3).await;
    worker.stop().await;
    let seen = seen.lock().unwrap().clone();
    for ((name, at), (expected, due)) in
        seen.iter()
            .zip([("soon", 100), ("then", 200), ("late", 300)])
    {
        assert_eq!(name, expected);
        // A ms was cut off the time of adding.
        assert!(*at >= Duration::from_millis(due - 1), "{name} at {at:?}");
    }
}
