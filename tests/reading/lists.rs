//! Lists of jobs by state.

use bullrs::{JobSnapshot, JobState, queue::PAGE_IDS};
use redis::AsyncCommands;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::{
    ids, named,
    support::{Rig, Server, within},
};

#[tokio::test]
async fn lists_come_in_both_orders_and_in_ranges() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b", "c", "d"]).await;
    rig.set_jobs("completed", &[("x", 1), ("y", 2), ("z", 3)])
        .await;
    let queue = rig.queue();
    let waiting = || queue.jobs([JobState::Waiting]);
    assert_eq!(ids(&waiting().await.unwrap()), ["d", "c", "b", "a"]);
    assert_eq!(
        ids(&waiting().ascending().await.unwrap()),
        ["a", "b", "c", "d"]
    );
    assert_eq!(
        ids(&waiting().ascending().range(1..3).await.unwrap()),
        ["b", "c"]
    );
    assert_eq!(ids(&waiting().range(3..=9).await.unwrap()), ["a"]);
    assert_eq!(
        ids(&waiting().ascending().range(4..).await.unwrap()),
        [""; 0]
    );
    assert_eq!(
        ids(&waiting().ascending().range(0..0).await.unwrap()),
        [""; 0]
    );
    let completed = || queue.jobs([JobState::Completed]);
    assert_eq!(ids(&completed().await.unwrap()), ["z", "y", "x"]);
    assert_eq!(
        ids(&completed().ascending().range(..2).await.unwrap()),
        ["x", "y"]
    );
    assert_eq!(
        ids(&completed().descending().range(2..).await.unwrap()),
        ["x"]
    );
    // The range counts in each state, and states come in the order asked.
    let both = || {
        queue
            .jobs([JobState::Completed, JobState::Waiting])
            .range(0..2)
    };
    let found = both().await.unwrap();
    assert_eq!(ids(&found), ["z", "y", "d", "c"]);
    let states: Vec<_> = found.iter().filter_map(JobSnapshot::listed_in).collect();
    assert_eq!(states[1..3], [JobState::Completed, JobState::Waiting]);
    assert_eq!(both().ids().await.unwrap(), ["z", "y", "d", "c"]);
    let error = queue
        .jobs([JobState::Unknown])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "`states` must not contain `unknown`: such jobs are listed nowhere"
    );
}

#[tokio::test]
async fn gone_jobs_are_passed_over_and_later_ones_take_their_place() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b", "c", "d", "e"]).await;
    rig.run(&["DEL", &rig.key("b"), &rig.key("c")]).await;
    // A marker of the time before version 5 is no job.
    rig.run(&["RPUSH", &rig.key("wait"), "0:0"]).await;
    let waiting = || rig.client.queue("q").jobs([JobState::Waiting]).ascending();
    assert_eq!(ids(&waiting().range(0..2).await.unwrap()), ["a", "d"]);
    assert_eq!(ids(&waiting().await.unwrap()), ["a", "d", "e"]);
    assert_eq!(waiting().ids().await.unwrap(), ["a", "b", "c", "d", "e"]);
    // An id that stands in two states is listed once.
    rig.set_jobs("failed", &[("d", 1)]).await;
    let both = [JobState::Waiting, JobState::Failed];
    assert_eq!(ids(&rig.queue().jobs(both).await.unwrap()), ["e", "d", "a"]);
}

#[tokio::test]
async fn what_a_5x_app_parked_waits_too() {
    let rig = Rig::start().await;
    rig.list_jobs("paused", &["a", "b"]).await;
    rig.list_jobs("wait", &["c"]).await;
    rig.set_jobs("delayed", &[("d", 4_096_000)]).await;
    rig.run(&["HSET", &rig.key("meta"), "paused", "1"]).await;
    let queue = rig.queue();
    let waiting = queue
        .jobs([JobState::Waiting, JobState::Delayed])
        .ascending();
    assert_eq!(ids(&waiting.await.unwrap()), ["c", "d", "a", "b"]);
    assert_eq!(
        ids(&queue.jobs([JobState::Paused]).await.unwrap()),
        ["b", "a"]
    );
    let counts = queue.counts().await.unwrap();
    assert_eq!(
        (counts.wait, counts.paused, counts.of(JobState::Waiting)),
        (1, 2, 3)
    );
    assert_eq!(
        (counts.total(), counts.ahead(), queue.count().await.unwrap()),
        (4, 4, 4)
    );
    assert_eq!(
        queue
            .count_of([JobState::Waiting, JobState::Paused])
            .await
            .unwrap(),
        3
    );
    assert_eq!(queue.count_of([JobState::Paused]).await.unwrap(), 2);
    assert_eq!(queue.counts_per_priority(&[0]).await.unwrap(), [3]);
    let job = queue.job("a");
    assert_eq!(job.state().await.unwrap(), JobState::Waiting);
    assert!(job.is_waiting().await.unwrap() && job.is_in(JobState::Paused).await.unwrap());
    assert!(!queue.job("c").is_in(JobState::Paused).await.unwrap());
}

#[tokio::test]
async fn no_command_asks_for_more_than_a_page() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.many("wait", "w", 2500, false).await;
    rig.many("failed", "f", 2500, false).await;
    let mut redis = rig.redis.clone();
    let _length: u64 = redis
        .rpush(rig.key("1:logs"), named("row ", 0..3000))
        .await
        .unwrap();

    let socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let mut lines = BufReader::new(socket);
    lines.write_all(b"MONITOR\r\n").await.unwrap();
    let mut line = String::new();
    lines.read_line(&mut line).await.unwrap();
    assert_eq!(line, "+OK\r\n");

    let queue = rig.queue();
    let all = [JobState::Waiting, JobState::Failed];
    assert_eq!(queue.jobs(all).await.unwrap().len(), 5000);
    assert_eq!(queue.jobs(all).ascending().ids().await.unwrap().len(), 5000);
    assert_eq!(queue.job("1").logs().await.unwrap().rows.len(), 3000);
    rig.run(&["PING", "the end"]).await;

    let (mut reads, mut widest) = (0, 0);
    while !line.contains("the end") {
        line.clear();
        within("a line of MONITOR", lines.read_line(&mut line))
            .await
            .unwrap();
        let words: Vec<&str> = line.split('"').collect();
        if let [
            _,
            "LRANGE" | "ZRANGE" | "ZREVRANGE",
            _,
            _,
            _,
            from,
            _,
            to,
            ..,
        ] = words.as_slice()
        {
            let (from, to): (i64, i64) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(from < 0, to < 0, "an open end: {line}");
            widest = widest.max(to - from + 1);
            reads += 1;
        }
    }
    assert!(reads > 50, "{reads}");
    // One more than a page: the last id of the page before.
    assert_eq!(widest, i64::try_from(PAGE_IDS).unwrap() + 1);
}
