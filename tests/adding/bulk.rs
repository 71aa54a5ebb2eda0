//! Many jobs at once.

use std::time::Duration;

use bullrs::{Error, NewJob};
use redis::AsyncCommands;

use super::seen::scores;
use crate::support::{Rig, Server, within};

fn numbered(number: u32) -> NewJob {
    let job = NewJob::new(format!("n{number}"), number);
    match number % 4 {
        0 => job.priority(1 + number % 3),
        1 => job
            .delay(Duration::from_mins(1))
            .timestamp(1_790_000_000_000),
        _ => job,
    }
}

/// How often scripts ran on a server.
async fn script_calls(rig: &Rig) -> String {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let line = stats
        .lines()
        .find(|line| line.starts_with("cmdstat_evalsha:"));
    let calls = line.and_then(|line| line.split(['=', ',']).nth(1));
    calls.unwrap_or("0").to_owned()
}

#[tokio::test]
async fn thousands_are_added_in_their_order_in_a_few_calls() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let queue = rig.queue();
    queue.add_all([NewJob::new("first", ())]).await.unwrap();
    let before: u32 = script_calls(&rig).await.parse().unwrap();

    let jobs = queue.add_all((2..=3000).map(numbered)).await.unwrap();

    let after: u32 = script_calls(&rig).await.parse().unwrap();
    assert_eq!(after - before, 12);
    let ids: Vec<&str> = jobs.iter().map(bullrs::JobHandle::id).collect();
    let expected: Vec<String> = (2..=3000).map(|id| id.to_string()).collect();
    assert_eq!(ids, expected);
    let waiting: Vec<String> = (2..=3000)
        .rev()
        .filter(|n| n % 4 >= 2)
        .map(|n| n.to_string())
        .collect();
    assert_eq!(rig.list("wait").await[..waiting.len()], waiting);
    let delayed: Vec<String> = scores(&rig, "delayed")
        .await
        .into_iter()
        .map(|(id, _)| id)
        .collect();
    let expected: Vec<String> = (2..=3000)
        .filter(|n| n % 4 == 1)
        .map(|n| n.to_string())
        .collect();
    assert_eq!(delayed, expected);
    assert_eq!(queue.counts().await.unwrap().prioritized, 750);
    let events: u32 = rig.redis.clone().xlen(rig.key("events")).await.unwrap();
    assert_eq!(events, 2 * 3000);
    assert_eq!(rig.hash("1234").await["name"], "n1234");
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_gets_them_again() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.queue().add_all((1..=300).map(numbered)).await.unwrap();
    let () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let jobs = rig.queue().add_all((1..=600).map(numbered)).await.unwrap();
    let ids: Vec<u32> = jobs.iter().map(|job| job.id().parse().unwrap()).collect();
    assert_eq!(ids, (301..=900).collect::<Vec<_>>());
}

#[tokio::test]
async fn nothing_is_added_of_no_jobs() {
    let rig = Rig::start().await;
    assert!(rig.queue().add_all([]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_large_job_is_a_group_of_its_own() {
    let rig = Rig::start().await;
    let large = "x".repeat(3_000_000);
    let jobs = [
        NewJob::new("a", 1),
        NewJob::new("b", &large),
        NewJob::new("c", 3),
    ];
    let jobs = rig.queue().add_all(jobs).await.unwrap();
    assert_eq!(jobs.len(), 3);
    assert_eq!(rig.hash("2").await["data"].len(), 3_000_002);
    assert_eq!(rig.list("wait").await, ["3", "2", "1"]);
}

#[tokio::test]
async fn a_key_that_others_spoilt_stops_only_the_jobs_that_need_it() {
    let rig = Rig::start().await;
    let key = rig.key("prioritized");
    let () = rig.redis.clone().set(key, "text").await.unwrap();
    let Err(Error::NotAdded(outcome)) = rig.queue().add_all((4..=7).map(numbered)).await else {
        panic!("a priority was stored in a text");
    };
    assert_eq!(
        outcome.added.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let error = outcome.refused[0].error.to_string();
    assert!(error.contains("WRONGTYPE"), "{error}");
}

#[tokio::test]
async fn jobs_that_may_be_lost_with_the_connection_are_told() {
    let mut server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    server.kill();
    let queue = rig.queue();
    let adding = queue.add_all((1..=3).map(numbered));
    let Err(error) = within("the error", adding).await else {
        panic!("added without a server");
    };
    assert!(error.is_transient(), "{error}");
    let Error::NotAdded(outcome) = error else {
        panic!("{error}");
    };
    assert_eq!((outcome.added.len(), outcome.refused.len()), (0, 3));
}
