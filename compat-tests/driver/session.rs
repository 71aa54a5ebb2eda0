//! What lasts from one step to the next: the client, and the jobs that were taken.

use std::collections::HashMap;

use bullrs::{Client, Queue, worker::HeldJob};

pub(crate) struct Session {
    pub(crate) client: Client,
    /// Jobs that were taken and not yet given back, by the token they were taken with.
    pub(crate) held: HashMap<String, HeldJob>,
}

impl Session {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            held: HashMap::new(),
        }
    }

    pub(crate) fn queue(&self, name: &str) -> Queue {
        self.client.queue(name)
    }

    /// A new sequence begins, on an empty database.
    pub(crate) fn forget(&mut self) {
        self.held.clear();
    }
}
