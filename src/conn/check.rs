//! What is looked at before a worker starts, so that it does not fail with each job.

use redis::Cmd;

use super::{Conn, cluster::slot, options::invalid};
use crate::{Error, Result, wire::QueueKeys};

/// A digest that no script has.
const NO_SCRIPT: &str = "0000000000000000000000000000000000000000";

impl Conn {
    /// Refuses a queue whose keys a cluster keeps apart, and a user who may not serve it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what to change, on both sides.
    pub(crate) async fn check_queue(&self, keys: &QueueKeys) -> Result<()> {
        if self.is_cluster() && slot::tag(keys.base().as_bytes()).is_none() {
            let queue = keys.queue();
            return Err(slot::not_together(
                keys.prefix(),
                &format!("the keys of queue `{queue}` lie in different slots"),
            ));
        }
        // A key that does not exist and is not made by this.
        let nothing = keys.key("bullrs-may-i");
        let (mut script, mut pop) = (Cmd::new(), Cmd::new());
        script.arg("EVALSHA").arg(NO_SCRIPT).arg(1).arg(&nothing);
        // Refused for its timeout, but only after the user was judged: a real one would wait 100 ms.
        pop.arg("BZPOPMIN").arg(&nothing).arg("soon");
        for (operation, command) in [("EVALSHA", script), ("BZPOPMIN", pop)] {
            if let Err(Error::Redis { message, .. }) = self.call(operation, &command).await
                && message.starts_with("NOPERM")
            {
                return Err(invalid(format!(
                    "names a user who may not serve queue `{}` ({message}); \
                     docs/connections.md has the ACL of a worker",
                    keys.queue()
                )));
            }
        }
        Ok(())
    }
}
