//! Flows that workers run.

use std::sync::{Arc, Mutex};

use bullrs::{Failure, Flow, Job, JobResult, worker::Running};
use serde_json::{Value, json};

use super::trees::{hash, members, named, sorted};
use crate::support::{Rig, within};

type Order = Arc<Mutex<Vec<String>>>;

/// Runs the jobs of a queue, whatever their names: a job fails when its name starts with `bad`, and
/// else returns its name and its children's values.
async fn work(rig: &Rig, queue: &str, order: &Order) -> Running {
    let order = Arc::clone(order);
    let handler = move |job: Job<Value>| {
        let order = Arc::clone(&order);
        async move {
            order.lock().unwrap().push(job.name.clone());
            if job.name.starts_with("bad") {
                return Err(Failure::unrecoverable(format!("{} failed", job.name)).into());
            }
            let mut below: Vec<Value> = Vec::new();
            for (_, value) in job.children::<Value>().await? {
                below.push(value);
            }
            below.sort_by_key(ToString::to_string);
            JobResult::Ok(json!([job.name, below]))
        }
    };
    let mut worker = rig.client.worker(queue);
    for name in [
        "root", "mid", "leaf", "bad", "bad-1", "bad-2", "bad-3", "fine",
    ] {
        worker = worker.handle(name, handler.clone());
    }
    worker.build().unwrap().start().await.unwrap()
}

async fn stop(running: Running) {
    running.control().stop();
    within("the worker to stop", running.finished()).await;
}

#[tokio::test]
async fn children_run_before_their_parents_and_hand_up_their_values() {
    let rig = Rig::start().await;
    let leaf = |n: u32| Flow::new("c", "leaf", n);
    let flow = Flow::new("q", "root", ()).id("root").children([
        Flow::new("c", "mid", ()).children([leaf(1), leaf(2)]),
        leaf(3),
    ]);
    rig.client.flow(flow).await.unwrap();
    let order = Order::default();
    let (above, below) = (work(&rig, "q", &order).await, work(&rig, "c", &order).await);
    rig.wait_for_state("root", "completed").await;
    stop(above).await;
    stop(below).await;

    let order = order.lock().unwrap().clone();
    assert_eq!((order.len(), order.last().unwrap().as_str()), (5, "root"));
    let value: Value = serde_json::from_str(&rig.hash("root").await["returnvalue"]).unwrap();
    assert_eq!(
        value,
        json!([
            "root",
            [["leaf", []], ["mid", [["leaf", []], ["leaf", []]]]]
        ])
    );
}

#[tokio::test]
async fn each_rule_decides_what_a_failure_does_to_the_parent() {
    let rig = Rig::start().await;
    let bad = |id: &str| Flow::new("c", "bad", ()).id(id);
    let parents = [
        named("q", "fails").child(bad("b1").fail_parent_on_failure()),
        named("q", "ignores").child(bad("b2").ignore_dependency_on_failure()),
        named("q", "removes").child(bad("b3").remove_dependency_on_failure()),
        named("q", "waits").child(bad("b4")),
        named("q", "continues").children([
            bad("b5").continue_parent_on_failure(),
            named("d", "never-run"),
        ]),
    ];
    rig.client.flows(parents).await.unwrap();
    let order = Order::default();
    let below = work(&rig, "c", &order).await;
    for parent in ["fails", "ignores", "removes", "continues"] {
        rig.wait_for_state(parent, "waiting").await;
    }
    stop(below).await;

    let child = |id: &str| format!("{}:c:{id}", rig.prefix);
    assert_eq!(
        rig.hash("fails").await["defa"],
        format!("child {} failed", child("b1"))
    );
    assert_eq!(sorted(&rig, "q:fails:unsuccessful").await, [child("b1")]);
    assert_eq!(
        hash(&rig, "q:ignores:failed").await[&child("b2")],
        "bad failed"
    );
    assert_eq!(
        members(&rig, "q:removes:dependencies").await,
        [] as [&str; 0]
    );
    assert_eq!(
        hash(&rig, "q:continues:failed").await[&child("b5")],
        "bad failed"
    );
    assert_eq!(
        members(&rig, "q:continues:dependencies").await,
        ["d:never-run"]
    );
    assert_eq!(rig.state("waits").await, "waiting-children");
}
