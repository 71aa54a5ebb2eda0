//! The Rust client as one side of the differential tests: reads steps as JSON lines from stdin, does
//! each with the public API of the library, and answers on stdout.
//!
//! `compat_driver redis://host:port/database`; a step is `{"do": name, "now": unix ms, ...}`, see
//! `compat-tests/client/steps`. An answer is `{"answer": value}`, `{"error": kind, "message": text}`, or
//! `{"inexpressible": why}` for what the API has no way to say.

mod adding;
mod changing;
mod moving;
mod queues;
mod reading;
mod reply;
mod scheduling;
mod session;

use std::{
    error::Error as StdError,
    io::{BufRead, Write},
};

use bullrs::Client;
use serde::Deserialize;
use tokio::runtime::Runtime;

use reply::Reply;
use session::Session;

/// What every step has.
#[derive(Deserialize)]
struct Step {
    r#do: String,
    now: i64,
}

fn main() -> Result<(), Box<dyn StdError>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: compat_driver REDIS_URL")?;
    let runtime = Runtime::new()?;
    let mut session = Session::new(runtime.block_on(Client::connect(&url))?);
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let reply = runtime.block_on(play(&mut session, &line?));
        stdout.write_all(reply.to_line().as_bytes())?;
        stdout.flush()?;
    }
    Ok(())
}

async fn play(session: &mut Session, line: &str) -> Reply {
    let step: Step = match serde_json::from_str(line) {
        Ok(step) => step,
        Err(error) => return Reply::inexpressible(&error),
    };
    bullrs::stand_at(Some(step.now));
    let name = step.r#do.as_str();
    if name == "reset" {
        session.forget();
        return Reply::done();
    }
    match name {
        "add" | "addBulk" | "addFlow" | "addFlows" | "flow" => {
            adding::play(session, name, line).await
        }
        "take"
        | "takeLimited"
        | "complete"
        | "fail"
        | "moveToDelayed"
        | "moveToWait"
        | "moveToWaitingChildren"
        | "extendLock"
        | "checkStalled" => moving::play(session, name, line).await,
        "updateData"
        | "updateProgress"
        | "log"
        | "clearLogs"
        | "changeDelay"
        | "changePriority"
        | "promote"
        | "retry"
        | "remove"
        | "removeUnprocessedChildren"
        | "removeChildDependency"
        | "removeOwnDeduplicationKey" => changing::play(session, name, line).await,
        "job" | "state" | "logs" | "childrenValues" | "childrenFailures" | "dependenciesCount" => {
            reading::play_job(session, name, line).await
        }
        "counts" | "countsPerPriority" | "delayedCount" | "jobs" | "metrics" | "isPaused"
        | "isMaxed" | "settings" | "rateLimitTtl" | "deduplicationOwner" => {
            reading::play_queue(session, name, line).await
        }
        "upsertScheduler" | "removeScheduler" | "scheduler" | "schedulers" | "schedulersCount" => {
            scheduling::play(session, name, line).await
        }
        _ => queues::play(session, name, line).await,
    }
}
