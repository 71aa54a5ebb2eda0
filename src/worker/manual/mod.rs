//! Taking jobs by hand: one at a time, without handlers.

mod builder;
mod fetcher;
mod held;

pub use builder::FetcherBuilder;
pub use fetcher::{Fetched, Fetcher};
pub use held::{AfterFailure, HeldJob};

use std::{fmt, sync::Arc, time::Duration};

use super::{JobPort, RawJob, ticker::Ticker, verdict::Rules};
use crate::{
    conn::Conn,
    script::call::{Claim, FetchReply},
    wire::{JobRecord, QueueKeys},
};

/// What a fetcher and the jobs that it gave share.
struct Post {
    conn: Conn,
    keys: QueueKeys,
    claim: Claim,
    rules: Rules,
    port: Arc<dyn JobPort>,
    ticker: Ticker,
}

impl Post {
    /// Makes of a claim's reply what users see. A scheduler's next job is armed before.
    async fn fetched(self: &Arc<Self>, reply: FetchReply, token: &str) -> Fetched {
        let Some((id, fields)) = reply.job else {
            return match (reply.rate_limited, reply.next_due) {
                (0, due) => Fetched::Nothing {
                    next_due: (due > 0).then_some(due),
                },
                (millis, _) => Fetched::RateLimited(Duration::from_millis(millis)),
            };
        };
        let pairs = fields.chunks_exact(2).filter_map(|pair| match pair {
            [field, value] => Some((field.as_str(), value.as_str())),
            _ => None,
        });
        let record = JobRecord::read(&id, pairs);
        self.ticker.tick(&record).await;
        let job = RawJob::new(
            self.keys.queue_name(),
            record,
            token.to_owned(),
            Arc::clone(&self.port),
            None,
        );
        Fetched::Job(HeldJob::new(job, Arc::clone(self)))
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("queue", &self.keys.queue())
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}
