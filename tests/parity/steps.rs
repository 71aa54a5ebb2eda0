//! Jobs that make children of their own and wait for them as a step.

use std::time::Duration;

use bullrs::{BoxError, Flow, JobState, Outcome, Parent, worker::RawJob};
use serde_json::{Value, json};

use crate::{
    Work,
    support::{Rig, eventually},
};

/// Adds a child at the first step and waits for it; ends at the second.
async fn step(rig_client: bullrs::Client, job: RawJob, child: Flow) -> Result<Outcome, BoxError> {
    let data: Value = serde_json::from_str(job.data().get())?;
    if data["step"] == 1 {
        return Ok(Outcome::done(&"finished")?);
    }
    let parent = Parent::new(&rig_client.queue(job.queue()), job.id());
    rig_client.flow(child.parent(parent)).await?;
    job.update_data(&json!({"step": 1})).await?;
    Ok(Outcome::WaitChildren)
}

#[tokio::test]
async fn children_are_a_step_of_their_parent_however_fast_they_end() {
    let rig = Rig::start().await;
    let below = Work::idle(&rig, "c").await;
    let client = rig.client.clone();
    let above = Work::on(&rig, "q", move |job| {
        let child = Flow::new("c", "child", ())
            .children([Flow::new("c", "leaf", 0), Flow::new("c", "leaf", 1)]);
        step(client.clone(), job, child)
    })
    .await;
    for _ in 0..5 {
        let job = rig.queue().add("x", json!({"step": 0})).await.unwrap();
        rig.wait_for_state(job.id(), "completed").await;
        assert_eq!(rig.hash(job.id()).await["returnvalue"], "\"finished\"");
        assert_eq!(job.children_counts().await.unwrap().processed, 1);
    }
    above.stop().await;
    below.stop().await;
}

#[tokio::test]
async fn a_job_that_ends_before_its_children_fails_for_it() {
    let rig = Rig::start().await;
    let client = rig.client.clone();
    let worker = Work::on(&rig, "q", move |job| {
        let client = client.clone();
        async move {
            let parent = Parent::new(&client.queue("q"), job.id());
            let child = client.queue("c").add("child", ()).parent(parent);
            if job.name() == "strict" {
                child.fail_parent_on_failure().await?;
            } else {
                child.await?;
            }
            Ok(Outcome::null())
        }
    })
    .await;
    for name in ["plain", "strict"] {
        let job = rig.queue().add(name, ()).await.unwrap();
        rig.wait_for_state(job.id(), "failed").await;
        let reason = format!("Job {} has pending dependencies. moveToFinished", job.id());
        assert_eq!(rig.hash(job.id()).await["failedReason"], reason);
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_failed_child_fails_the_step_with_the_words_of_stock() {
    let rig = Rig::start().await;
    let below = Work::on(&rig, "c", |_| async { Err("fail".into()) }).await;
    let client = rig.client.clone();
    let above = Work::on(&rig, "q", move |job| {
        let client = client.clone();
        async move {
            let own = client.queue("q").job(job.id());
            let child = client.queue("c").add("child", ()).parent(&own);
            child.fail_parent_on_failure().await?;
            eventually("the child to fail", || async {
                own.children_counts().await.unwrap().failed == 1
            })
            .await;
            Ok(Outcome::WaitChildren)
        }
    })
    .await;
    let job = rig.queue().add("x", ()).attempts(3).await.unwrap();
    rig.wait_for_state(job.id(), "failed").await;
    assert_eq!(
        rig.hash(job.id()).await["failedReason"],
        format!(
            "Cannot complete job {} because it has at least one failed child. \
             moveToWaitingChildren",
            job.id()
        )
    );
    let counts = job.children_counts().await.unwrap();
    assert_eq!(
        (
            counts.failed,
            counts.processed,
            counts.unprocessed,
            counts.ignored
        ),
        (1, 0, 0, 0)
    );
    above.stop().await;
    below.stop().await;
}

#[tokio::test]
async fn a_parent_that_waits_elsewhere_fails_with_its_child() {
    let rig = Rig::start().await;
    let below = Work::on(&rig, "c", |job| async move {
        // The parent has left `active` before its child fails.
        if job.name() == "leaf" {
            return Err("failed".into());
        }
        Ok(Outcome::null())
    })
    .await;
    below.control().pause();
    let client = rig.client.clone();
    let above = Work::on(&rig, "q", move |job| {
        let delayed = job.name() == "delayed";
        let hold = Duration::from_millis(300);
        let client = client.clone();
        async move {
            if job.record().attempts_started > 1 {
                return Ok(Outcome::null());
            }
            let child = Flow::new("c", "child", ())
                .id(format!("child-{}", job.name()))
                .fail_parent_on_failure()
                .child(Flow::new("c", "leaf", ()).fail_parent_on_failure());
            let own = client.queue("q").job(job.id());
            client.flow(child.parent(&own)).await?;
            Ok(if delayed {
                Outcome::Delay(hold)
            } else {
                Outcome::RateLimited(hold)
            })
        }
    })
    .await;
    for (name, priority, state) in [
        ("delayed", 0, JobState::Delayed),
        ("urgent", 10, JobState::Prioritized),
    ] {
        below.control().pause();
        let job = rig.queue().add(name, ()).priority(priority).await.unwrap();
        eventually("the parent to be put off", || async {
            job.state().await.unwrap() == state
        })
        .await;
        below.control().resume();
        rig.wait_for_state(job.id(), "failed").await;
        assert_eq!(
            rig.hash(job.id()).await["failedReason"],
            format!("child {}:c:child-{name} failed", rig.prefix)
        );
    }
    above.stop().await;
    below.stop().await;
}
