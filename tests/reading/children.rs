//! The children of a job.

use std::collections::{BTreeMap, BTreeSet};

use bullrs::job::ChildKind;
use serde_json::{Value, json};

use crate::support::Rig;

/// A parent `p` with children of all kinds in the queue `cq`.
async fn family() -> (Rig, impl Fn(&str) -> String) {
    let rig = Rig::start().await;
    let prefix = rig.prefix.clone();
    let child = move |id: &str| format!("{prefix}:cq:{id}");
    rig.run(&[
        "HSET",
        &rig.key("p:processed"),
        &child("a"),
        r#"{"n":1}"#,
        &child("b"),
        "2",
    ])
    .await;
    rig.run(&[
        "SADD",
        &rig.key("p:dependencies"),
        &child("repeat:s:7"),
        "{other}:far:c",
    ])
    .await;
    rig.run(&["HSET", &rig.key("p:failed"), &child("d"), "bad luck"])
        .await;
    rig.run(&[
        "ZADD",
        &rig.key("p:unsuccessful"),
        "1700000000000",
        &child("e"),
    ])
    .await;
    rig.run(&["HSET", &child("a"), "name", "child", "data", "{}"])
        .await;
    (rig, child)
}

#[tokio::test]
async fn children_are_counted_and_read_by_how_they_ended() {
    let (rig, child) = family().await;
    let parent = rig.queue().job("p");
    let counts = parent.children_counts().await.unwrap();
    assert_eq!(
        (
            counts.processed,
            counts.unprocessed,
            counts.ignored,
            counts.failed
        ),
        (2, 2, 1, 1)
    );

    let page = parent
        .children(ChildKind::Processed)
        .with_jobs()
        .await
        .unwrap();
    assert_eq!((page.total, page.next, page.children.len()), (2, None, 2));
    let a = page.children.iter().find(|each| each.id() == "a").unwrap();
    assert_eq!(
        (a.queue(), a.key(), a.value()),
        ("cq", child("a").as_str(), Some(r#"{"n":1}"#))
    );
    assert_eq!(a.read_value::<Value>().unwrap(), json!({"n": 1}));
    let job = a.job().unwrap();
    assert_eq!(
        (job.name(), job.queue(), job.key()),
        (Some("child"), "cq", child("a"))
    );
    let b = page.children.iter().find(|each| each.id() == "b").unwrap();
    assert!(b.job().is_none() && b.failed_reason().is_none() && b.failed_on().is_none());

    let childless = rig
        .queue()
        .job("none")
        .children(ChildKind::Failed)
        .await
        .unwrap();
    assert_eq!(
        (childless.children.len(), childless.next, childless.total),
        (0, None, 0)
    );
}

#[tokio::test]
async fn what_children_left_is_read_with_their_keys() {
    let (rig, child) = family().await;
    let parent = rig.queue().job("p");
    let values: BTreeMap<_, Value> = parent
        .children_values()
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(
        values,
        [(child("a"), json!({"n": 1})), (child("b"), json!(2))].into()
    );
    let error = parent
        .children_values::<u8>()
        .await
        .unwrap_err()
        .to_string();
    let a = child("a");
    assert_eq!(
        error,
        format!(
            "cannot read the value of child `{a}`: invalid type, expected u8 at line 1 column 0"
        )
    );
    let ignored = parent.ignored_children_failures().await.unwrap();
    assert_eq!(ignored, [(child("d"), "bad luck".to_owned())]);
    let pending = parent.children(ChildKind::Unprocessed).all().await.unwrap();
    let pending: BTreeSet<_> = pending
        .iter()
        .map(|each| (each.queue(), each.id()))
        .collect();
    assert_eq!(pending, [("cq", "repeat:s:7"), ("far", "c")].into());
    let failed = parent.children(ChildKind::Failed).all().await.unwrap();
    assert_eq!(
        (failed[0].id(), failed[0].failed_on()),
        ("e", Some(1_700_000_000_000))
    );
    assert!(failed[0].read_value::<Value>().is_err());
}

#[tokio::test]
async fn many_children_come_in_pages_and_each_once() {
    let rig = Rig::start().await;
    let keys: BTreeSet<String> = (0..1500)
        .map(|id| format!("{}:cq:{id}", rig.prefix))
        .collect();
    let mut pipe = redis::pipe();
    for (index, key) in keys.iter().enumerate() {
        pipe.hset(rig.key("p:processed"), key, index).ignore();
        pipe.hset(rig.key("p:failed"), key, "reason").ignore();
        pipe.sadd(rig.key("p:dependencies"), key).ignore();
        pipe.zadd(rig.key("p:unsuccessful"), key, index).ignore();
    }
    pipe.query_async::<()>(&mut rig.redis.clone())
        .await
        .unwrap();
    let parent = rig.queue().job("p");
    for kind in [
        ChildKind::Processed,
        ChildKind::Unprocessed,
        ChildKind::Ignored,
        ChildKind::Failed,
    ] {
        let all = parent.children(kind).all().await.unwrap();
        assert_eq!(all.len(), 1500);
        let all: BTreeSet<String> = all.iter().map(|child| child.key().to_owned()).collect();
        assert_eq!(all, keys);

        let (mut cursor, mut paged, mut count) = (Some(0), BTreeSet::new(), 0);
        while let Some(at) = cursor {
            let page = parent
                .children(kind)
                .after(at)
                .page_size(100)
                .await
                .unwrap();
            assert!(
                page.children.len() <= 200,
                "{kind:?}: {}",
                page.children.len()
            );
            assert_eq!(page.total, 1500);
            paged.extend(page.children.iter().map(|child| child.key().to_owned()));
            (cursor, count) = (page.next, count + 1);
        }
        assert_eq!(paged, keys);
        assert!(count > 7, "{kind:?}: {count}");

        let mut streamed = BTreeSet::new();
        let mut stream = parent.children(kind).page_size(1000).stream();
        while let Some(child) = stream.next().await {
            streamed.insert(child.unwrap().key().to_owned());
        }
        assert_eq!(streamed, keys);
    }
    let failed = parent
        .children(ChildKind::Failed)
        .page_size(2)
        .after(2)
        .await
        .unwrap();
    let times: Vec<_> = failed
        .children
        .iter()
        .map(|child| child.failed_on().unwrap())
        .collect();
    assert_eq!((times, failed.next), (vec![2, 3], Some(4)));
    let last = parent
        .children(ChildKind::Failed)
        .page_size(2)
        .after(1498)
        .await
        .unwrap();
    assert_eq!((last.children.len(), last.next), (2, None));
}
