//! Random histories of a row, their writes delivered in any order that can happen.

use std::fmt;

use bullrs::store::{Change, Run, Settlement, Status, Store};
use proptest::{
    prelude::{Strategy as _, any},
    test_runner::{Config, TestRunner},
};

use crate::rig::{Rig, ended, new_job, run};

/// A write that someone makes, some time.
#[derive(Clone)]
enum Message {
    /// The app's own statement after `queue.add`, without a guard.
    AppQueued {
        job_id: String,
    },
    /// Our own client's.
    Queued {
        job_id: String,
        at: i64,
    },
    Start(Run),
    Progress(Run),
    Settle(Settlement),
    /// Someone asked for a retry.
    Retried {
        at: i64,
    },
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut of = |what: &str, run: &Run| {
            let Run {
                job_id,
                attempts_started,
                started_at,
                ..
            } = run;
            write!(
                f,
                "{what} of job {job_id} start {attempts_started} at {started_at}"
            )
        };
        match self {
            Self::Start(run) => of("start", run),
            Self::Progress(run) => of("progress", run),
            Self::Settle(end) => of(end.status.as_str(), &end.run),
            Self::AppQueued { job_id } => write!(f, "the app's queued of job {job_id}"),
            Self::Queued { job_id, at } => write!(f, "queued of job {job_id} at {at}"),
            Self::Retried { at } => write!(f, "retried at {at}"),
        }
    }
}

/// What Redis did, in the order in which it did it; the last run is the truth.
#[derive(Debug, Default)]
struct History {
    /// Streams of writes, each in its own order: one for each run, one for each lone write.
    streams: Vec<Vec<Message>>,
    /// Runs whose start was written before anything later: a handler runs only after that. Others
    /// come from a worker that hung until its job was taken from it.
    prompt: Vec<usize>,
    /// Writes that come before the next job exists.
    boundaries: Vec<usize>,
    last: Option<(Run, Option<Settlement>)>,
}

/// Turns random numbers into decisions.
struct Dice(std::vec::IntoIter<u16>);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        usize::from(self.0.next().unwrap_or(0)) % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == sides - 1
    }
}

fn history(id: &str, dice: &mut Dice) -> History {
    let mut history = History::default();
    let mut now: i64 = 10_000;
    for job in 1..=1 + dice.below(2) {
        let job_id = job.to_string();
        now += 100;
        history.streams.push(vec![if dice.one_in(3) {
            Message::Queued {
                job_id: job_id.clone(),
                at: now,
            }
        } else {
            Message::AppQueued {
                job_id: job_id.clone(),
            }
        }]);
        let mut starts = 0;
        let runs = 1 + dice.below(4);
        for number in 1..=runs {
            starts += 1;
            now += 1 + i64::try_from(dice.below(5)).unwrap();
            // Each run is on a machine whose clock is off by up to 20 ms.
            let skew = i64::try_from(dice.below(41)).unwrap() - 20;
            let this = run(id, &job_id, starts, now + skew);
            let ending = [
                Some(Status::Delayed),
                Some(Status::Queued),
                Some(Status::Failed),
                Some(Status::Succeeded),
                Some(Status::Cancelled),
                None,
            ][dice.below(6)]
            .clone();
            // A run lasts longer than clocks differ; the pause before the next may be shorter.
            let end = ending.map(|status| Settlement {
                at: this.started_at + 50,
                ..ended(&this, status)
            });
            let mut stream = Vec::new();
            let hung = dice.one_in(4);
            // Lost when the database was away until the job had to stop waiting for it; a run
            // that also left no outcome cannot be known, so it keeps its start.
            if end.is_none() || !dice.one_in(4) {
                stream.push(Message::Start(this.clone()));
            }
            if dice.one_in(2) {
                stream.push(Message::Progress(this.clone()));
            }
            stream.extend(end.clone().map(Message::Settle));
            if hung {
                // Until its lock ran out.
                now += 1_000;
            } else if matches!(stream.first(), Some(Message::Start(_))) {
                history.prompt.push(history.streams.len());
            }
            history.streams.push(stream);
            let terminal = end.as_ref().is_some_and(|end| end.status.is_terminal());
            history.last = Some((this, end));
            now += 50;
            if terminal {
                if number == runs || !dice.one_in(2) {
                    break;
                }
                // Retried by hand, which takes a while, or by a dashboard that tells nobody.
                now += 100;
                if dice.one_in(2) {
                    history.streams.push(vec![Message::Retried { at: now }]);
                    now += 100;
                }
                if dice.one_in(4) {
                    // With the count of starts reset, and that much later.
                    starts = 0;
                    now += 200_000;
                }
            }
        }
        history.boundaries.push(history.streams.len());
        now += 100;
    }
    history
}

/// Delivers each stream in its own order, all of them interleaved, some writes twice.
fn deliveries(history: &History, dice: &mut Dice) -> Vec<Message> {
    let mut order = Vec::new();
    let mut left: Vec<std::collections::VecDeque<Message>> = history
        .streams
        .iter()
        .map(|stream| stream.iter().cloned().collect())
        .collect();
    let mut job = 0;
    while left.iter().any(|stream| !stream.is_empty()) {
        // An app awaits its own write for one job before it makes the next.
        let own = if job == 0 {
            0
        } else {
            history.boundaries[job - 1]
        };
        let open = history.boundaries[job];
        // A run whose start is still to come holds back whatever is later.
        let held = history
            .prompt
            .iter()
            .find(|stream| matches!(left[**stream].front(), Some(Message::Start(_))))
            .map_or(open, |stream| open.min(stream + 1));
        let choices: Vec<usize> = (0..held).filter(|i| !left[*i].is_empty()).collect();
        let next_job = job + 1 < history.boundaries.len() && left[own].is_empty();
        if choices.is_empty() || (next_job && dice.one_in(3)) {
            job += 1;
            continue;
        }
        let stream = choices[dice.below(choices.len())];
        let message = left[stream].pop_front().unwrap();
        if dice.one_in(4) {
            order.push(message.clone());
        }
        order.push(message);
    }
    order
}

async fn deliver(rig: &Rig, store: &Store, id: &str, message: &Message) {
    let change = match message {
        Message::AppQueued { job_id } => {
            rig.app(&format!(
                "update content_jobs set status = 'queued', job_id = '{job_id}' where id = '{id}'"
            ))
            .await;
            return;
        }
        Message::Queued { job_id, at } => {
            let queued = store.queued(id, "content", "generate", job_id, *at);
            queued.await.unwrap();
            return;
        }
        Message::Retried { at } => {
            store.retried(id, *at).await.unwrap();
            return;
        }
        Message::Start(run) => Change::Start {
            run: run.clone(),
            at: run.started_at,
        },
        Message::Progress(run) => Change::Progress {
            run: run.clone(),
            progress: format!("\"{}/{}\"", run.job_id, run.attempts_started),
            at: run.started_at,
        },
        Message::Settle(settlement) => Change::Settle(settlement.clone()),
    };
    store.apply(&[change], &[]).await.unwrap();
}

/// What the row must show in the end.
fn expected(last: &(Run, Option<Settlement>)) -> (Status, String, i64, i64, Option<i64>) {
    let (run, end) = last;
    let (status, made) = match end {
        Some(end) => (end.status.clone(), end.attempts_made),
        None => (Status::Active, run.attempts_made),
    };
    let finished = end
        .as_ref()
        .filter(|end| end.status.is_terminal())
        .map(|end| end.at);
    (
        status,
        run.job_id.clone(),
        i64::from(made),
        i64::from(run.attempts_started),
        finished,
    )
}

pub(crate) async fn whatever_the_order_of_writes_the_newest_run_stands(rig: Rig) {
    let cases = std::env::var("PROPTEST_CASES").map_or(200, |cases| cases.parse().unwrap());
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let handle = tokio::runtime::Handle::current();
    let number = std::sync::atomic::AtomicU32::new(0);
    let outcome = tokio::task::block_in_place(|| {
        let strategy = proptest::collection::vec(any::<u16>(), 0..200).prop_map(|dice| dice);
        runner.run(&strategy, |dice| {
            let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let id = format!("row-{number}");
            let mut dice = Dice(dice.into_iter());
            let history = history(&id, &mut dice);
            let order = deliveries(&history, &mut dice);
            let row = handle.block_on(async {
                assert!(rig.store.insert(&new_job(&id)).await.unwrap());
                for message in &order {
                    deliver(&rig, &rig.store, &id, message).await;
                }
                rig.row(&id).await
            });
            let shown = (
                row.status.clone(),
                row.job_id.clone().unwrap_or_default(),
                row.attempts_made,
                row.attempts_started,
                row.finished_at,
            );
            proptest::prop_assert_eq!(
                shown,
                expected(history.last.as_ref().unwrap()),
                "{:#?}",
                order
            );
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(number.load(std::sync::atomic::Ordering::Relaxed) >= cases);
}
