//! What the client can read of a queue, on a real Redis whose state is made by plain commands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "reading/children.rs"]
mod children;
#[path = "reading/jobs.rs"]
mod jobs;
#[path = "reading/lists.rs"]
mod lists;
#[path = "reading/queue.rs"]
mod queue;
#[path = "reading/streams.rs"]
mod streams;
mod support;

use bullrs::JobSnapshot;
use support::Rig;

/// Jobs as an app leaves them, put where a test wants them.
impl Rig {
    async fn run(&self, words: &[&str]) {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let mut redis = self.redis.clone();
        command
            .query_async::<redis::Value>(&mut redis)
            .await
            .unwrap();
    }

    async fn store(&self, id: &str) {
        let key = self.key(id);
        let data = format!("{{\"id\":\"{id}\"}}");
        self.run(&[
            "HSET",
            &key,
            "name",
            "n",
            "data",
            &data,
            "opts",
            "{}",
            "timestamp",
            "1",
        ])
        .await;
    }

    /// New ids come at the left of a list.
    async fn list_jobs(&self, list: &str, ids: &[&str]) {
        for id in ids {
            self.store(id).await;
            self.run(&["LPUSH", &self.key(list), id]).await;
        }
    }

    async fn set_jobs(&self, set: &str, ids: &[(&str, i64)]) {
        for (id, score) in ids {
            self.store(id).await;
            self.run(&["ZADD", &self.key(set), &score.to_string(), id])
                .await;
        }
    }

    /// `count` jobs named `{start}{0..count}`, in one go.
    async fn many(&self, state: &str, start: &str, count: usize, same_score: bool) {
        let mut pipe = redis::pipe();
        for index in 0..count {
            let id = format!("{start}{index}");
            pipe.hset(self.key(&id), "name", "n").ignore();
            pipe.hset(self.key(&id), "data", "{}").ignore();
            if state == "wait" || state == "active" {
                pipe.lpush(self.key(state), id).ignore();
            } else {
                let score = if same_score { 7 } else { index };
                pipe.zadd(self.key(state), id, score).ignore();
            }
        }
        let mut redis = self.redis.clone();
        pipe.query_async::<()>(&mut redis).await.unwrap();
    }
}

fn ids(jobs: &[JobSnapshot]) -> Vec<&str> {
    jobs.iter().map(JobSnapshot::id).collect()
}

fn named(start: &str, places: impl Iterator<Item = usize>) -> Vec<String> {
    places.map(|index| format!("{start}{index}")).collect()
}
