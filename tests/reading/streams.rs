//! Streams of jobs, while jobs come and go.

use std::collections::BTreeSet;

use bullrs::{JobState, queue::PAGE_IDS};

use crate::{
    ids, named,
    support::{Rig, Server},
};

/// Reads a stream to its end; after `pause` items `meanwhile` happens.
async fn collect<F: Future<Output = ()>>(
    mut stream: bullrs::queue::JobStream<String>,
    pause: usize,
    meanwhile: impl FnOnce() -> F,
) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < pause {
        found.push(stream.next().await.unwrap().unwrap());
    }
    meanwhile().await;
    while let Some(id) = stream.next().await {
        found.push(id.unwrap());
    }
    found
}

#[tokio::test]
async fn a_stream_gives_every_job_once_in_order() {
    let rig = Rig::start().await;
    rig.many("wait", "w", 2500, false).await;
    rig.many("completed", "c", 2500, true).await;
    rig.many("failed", "f", 30, false).await;
    rig.run(&["DEL", &rig.key("w7"), &rig.key("w2000")]).await;
    let states = [JobState::Waiting, JobState::Failed];
    let mut found = Vec::new();
    let mut stream = rig.queue().jobs(states).ascending().stream();
    while let Some(job) = stream.next().await {
        found.push(job.unwrap().id().to_owned());
    }
    let mut expected = named("w", (0..2500).filter(|index| ![7, 2000].contains(index)));
    expected.extend(named("f", 0..30));
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    assert!(stream.next().await.is_none());

    let found = collect(
        rig.queue().jobs([JobState::Waiting]).stream_ids(),
        0,
        async || (),
    )
    .await;
    assert!(found == named("w", (0..2500).rev()), "{}", found.len());
    let all = rig.queue().jobs([JobState::Completed]).ids().await.unwrap();
    assert_eq!(
        (all.len(), all.iter().collect::<BTreeSet<_>>().len()),
        (2500, 2500)
    );
    let ranged = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .range(900..2100)
        .ids()
        .await
        .unwrap();
    assert!(ranged == named("w", 900..2100));
    let ranged = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .range(900..1100)
        .await
        .unwrap();
    assert!(ids(&ranged) == named("w", 900..1100));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_while_jobs_come_and_go() {
    let rig = Rig::start().await;
    let page = usize::try_from(PAGE_IDS).unwrap();
    let waiting = |client: &bullrs::Client| client.queue("q").jobs([JobState::Waiting]);

    // The oldest first, while workers take the oldest and new ones come.
    rig.many("wait", "w", 2500, false).await;
    let found = collect(
        waiting(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["LTRIM", &rig.key("wait"), "0", "-701"]).await;
            rig.many("wait", "new", 300, false).await;
        },
    );
    assert!(found.await == named("w", 0..2500));

    // All that was read has gone.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(
        waiting(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["LTRIM", &rig.key("wait"), "0", "-1201"]).await;
        },
    );
    let expected: Vec<String> = named("w", (0..1000).chain(1200..2500));
    assert!(found.await == expected);

    // The newest first, while new ones come and workers take the oldest.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(waiting(&rig.client).stream_ids(), page, async || {
        rig.many("wait", "new", 1700, false).await;
        rig.run(&["LTRIM", &rig.key("wait"), "0", "-101"]).await;
    });
    assert!(found.await == named("w", (100..2500).rev()));

    // Nothing that is older is left.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(waiting(&rig.client).stream_ids(), page, async || {
        rig.many("wait", "new", 1700, false).await;
        rig.run(&["LTRIM", &rig.key("wait"), "0", "1699"]).await;
    });
    assert!(found.await == named("w", (1500..2500).rev()));
}

#[tokio::test]
async fn a_stream_of_a_sorted_set_goes_on_where_it_was() {
    let rig = Rig::start().await;
    let page = usize::try_from(PAGE_IDS).unwrap();
    let completed = |client: &bullrs::Client| client.queue("q").jobs([JobState::Completed]);

    // The oldest are evicted, so that nothing of the page is left.
    rig.many("completed", "c", 2500, false).await;
    let found = collect(
        completed(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["ZREMRANGEBYRANK", &rig.key("completed"), "0", "1099"])
                .await;
            rig.run(&["ZADD", &rig.key("completed"), "9999", "new"])
                .await;
        },
    );
    let mut expected = named("c", (0..1000).chain(1100..2500));
    // It ends after as many ids as there were; 100 have gone, so there is room for a new one.
    expected.push("new".into());
    assert!(found.await == expected);

    // The newest first: new ones come, and the page itself is retried away.
    rig.run(&["DEL", &rig.key("completed")]).await;
    rig.many("completed", "c", 2500, false).await;
    let found = collect(completed(&rig.client).stream_ids(), page, async || {
        rig.run(&["ZREMRANGEBYSCORE", &rig.key("completed"), "1500", "2499"])
            .await;
        rig.many("completed", "new", 2400, false).await;
        let mut pipe = redis::pipe();
        for index in 0..2400 {
            pipe.zadd(rig.key("completed"), format!("new{index}"), 10_000 + index)
                .ignore();
        }
        pipe.query_async::<()>(&mut rig.redis.clone())
            .await
            .unwrap();
    });
    assert!(found.await == named("c", (0..2500).rev()));
}

#[tokio::test]
async fn a_stream_ends_after_an_error_and_a_bad_name_is_one() {
    let mut server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.many("wait", "w", 500, false).await;
    let mut stream = rig.queue().jobs([JobState::Waiting]).stream();
    assert_eq!(stream.next().await.unwrap().unwrap().id(), "w499");
    server.kill();
    let error = loop {
        match stream.next().await.expect("an error before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.is_transient(), "{error}");
    assert!(stream.next().await.is_none());
    server.restart();

    let colon = rig.client.queue("a:b");
    let error = colon.jobs([]).await.unwrap_err().to_string();
    assert_eq!(error, "`queue` must not contain `:`, got `a:b`");
    assert!(colon.jobs([]).stream().next().await.unwrap().is_err());
    assert!(colon.meta().await.is_err() && colon.job("1").snapshot().await.is_err());
}

#[tokio::test]
async fn a_stream_keeps_its_place_when_jobs_that_it_has_read_are_removed() {
    let rig = Rig::start().await;
    let second_page = usize::try_from(PAGE_IDS).unwrap() + 1;
    for state in [JobState::Active, JobState::Failed] {
        for ascending in [true, false] {
            let key = rig.key(state.as_str());
            rig.run(&["DEL", &key]).await;
            rig.many(state.as_str(), "j", 2500, false).await;
            let order: Vec<String> = if ascending {
                named("j", 0..2500)
            } else {
                named("j", (0..2500).rev())
            };
            let jobs = rig.client.queue("q").jobs([state]);
            let jobs = if ascending { jobs.ascending() } else { jobs };
            let found = collect(jobs.stream_ids(), second_page, async || {
                let mut pipe = redis::pipe();
                // Of the first page, and the last three of the second.
                for id in order[400..410].iter().chain(&order[1997..2000]) {
                    if state == JobState::Active {
                        pipe.lrem(&key, 1, id).ignore();
                    } else {
                        pipe.zrem(&key, id).ignore();
                    }
                }
                pipe.query_async::<()>(&mut rig.redis.clone())
                    .await
                    .unwrap();
            });
            assert!(found.await == order, "{state} {ascending}");
        }
    }
}
