//! Schedulers whose jobs are run, retried, promoted and taken away while workers are at work.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bullrs::Outcome;

use crate::{
    Work,
    support::{Rig, eventually},
};

const FAR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn many_workers_make_exactly_as_many_jobs_as_the_limit() {
    let rig = Rig::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut workers = Vec::new();
    for _ in 0..3 {
        let seen = Arc::clone(&seen);
        let handler = move |job: bullrs::worker::RawJob| {
            let repeat = job.record().opts.repeat.clone();
            let count = repeat.and_then(|repeat| repeat.count);
            let key = job.record().repeat_job_key.clone();
            seen.lock().unwrap().push((count, key, job.id().to_owned()));
            async { Ok(Outcome::null()) }
        };
        workers.push(Work::on(&rig, "q", handler).await);
    }
    let scheduler = rig.queue().scheduler("org:team:project:env:task");
    scheduler
        .every(Duration::from_millis(50))
        .limit(6)
        .await
        .unwrap();
    eventually("the limit to be reached", || async {
        rig.queue().counts().await.unwrap().completed == 6
    })
    .await;
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.delayed, counts.wait), (0, 0));
    assert_eq!(scheduler.info().await.unwrap().unwrap().iterations, Some(6));
    for worker in workers {
        worker.stop().await;
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_by_key(|(_, _, id)| id.clone());
    for (index, (count, key, id)) in (1_u8..).zip(&seen) {
        assert_eq!(*count, Some(f64::from(index)));
        assert_eq!(key.as_deref(), Some(scheduler.id()));
        assert!(id.starts_with("repeat:org:team:project:env:task:"), "{id}");
    }
    assert!(scheduler.remove().await.unwrap());
    assert!(!scheduler.remove().await.unwrap());
}

#[tokio::test]
async fn a_job_that_is_promoted_or_retried_leaves_one_that_is_next() {
    let rig = Rig::start().await;
    let tries = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let worker = Work::on(&rig, "q", move |_| {
        let first = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        async move {
            if first {
                return Err("not yet".into());
            }
            Ok(Outcome::null())
        }
    })
    .await;
    let armed = rig.queue().scheduler("s").every(FAR).await.unwrap();
    let id = armed.job.id().to_owned();
    rig.wait_for_state(&id, "failed").await;
    assert_eq!(rig.queue().counts().await.unwrap().delayed, 1);
    rig.queue().job(&id).retry().await.unwrap();
    rig.wait_for_state(&id, "completed").await;
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.delayed, counts.wait, counts.active), (1, 0, 0));

    rig.queue().promote_all().await.unwrap();
    eventually("the promoted job to complete", || async {
        rig.queue().counts().await.unwrap().completed == 2
    })
    .await;
    assert_eq!(rig.queue().counts().await.unwrap().delayed, 1);
    // Removed and made again while the worker is at it, it starts anew.
    let scheduler = rig.queue().scheduler("s");
    assert!(scheduler.remove().await.unwrap());
    assert_eq!(rig.queue().counts().await.unwrap().delayed, 0);
    scheduler.cron("0 0 1 1 *").immediately().await.unwrap();
    eventually("the first of the new ones to complete", || async {
        rig.queue().counts().await.unwrap().completed == 3
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn jobs_of_schedulers_run_by_their_priority() {
    let rig = Rig::start().await;
    for (id, priority) in [("low", 10), ("high", 1)] {
        let scheduler = rig.queue().scheduler(id);
        scheduler
            .every(FAR)
            .job(id, ())
            .priority(priority)
            .await
            .unwrap();
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let worker = Work::on(&rig, "q", move |job| {
        seen.lock().unwrap().push(job.name().to_owned());
        async { Ok(Outcome::null()) }
    })
    .await;
    eventually("both to complete", || async {
        rig.queue().counts().await.unwrap().completed == 2
    })
    .await;
    worker.stop().await;
    assert_eq!(*order.lock().unwrap(), ["high", "low"]);
}
