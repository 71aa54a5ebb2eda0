//! The methods that every builder of a job shares, in one list.

/// Adds the setters of job options to a type with `fn options_mut(&mut self) -> &mut JobOptions`.
macro_rules! job_option_setters {
    () => {
        /// Names the job; adding the same id again adds nothing. Not `0`, not a whole number, no
        /// `:`.
        pub fn id(mut self, id: impl Into<String>) -> Self {
            self.options_mut().set("jobId", id.into());
            self
        }

        /// Runs the job no earlier than so long (whole ms) after its timestamp.
        pub fn delay(mut self, delay: std::time::Duration) -> Self {
            let delay = $crate::job::options::millis(delay);
            self.options_mut().set("delay", delay);
            self
        }

        /// Runs the job after those without a priority and before those with a higher number;
        /// 1 to 2097151, 0 for none.
        pub fn priority(mut self, priority: u32) -> Self {
            self.options_mut().set("priority", u64::from(priority));
            self
        }

        /// Puts the job at the front.
        pub fn lifo(mut self) -> Self {
            self.options_mut().set("lifo", true);
            self
        }

        /// Makes up to so many attempts. One by default.
        pub fn attempts(mut self, attempts: u32) -> Self {
            self.options_mut().set("attempts", u64::from(attempts));
            self
        }

        /// Waits between attempts. At once by default.
        pub fn backoff(mut self, backoff: impl Into<$crate::job::Backoff>) -> Self {
            self.options_mut().set_backoff(&backoff.into());
            self
        }

        /// What to keep of completed jobs (`removeOnComplete`). Everything by default.
        pub fn keep_completed(mut self, keep: $crate::job::Keep) -> Self {
            self.options_mut().set_keep("removeOnComplete", keep);
            self
        }

        /// What to keep of failed jobs (`removeOnFail`). Everything by default.
        pub fn keep_failed(mut self, keep: $crate::job::Keep) -> Self {
            self.options_mut().set_keep("removeOnFail", keep);
            self
        }

        /// Keeps the newest so many rows of the job's log. All by default.
        pub fn keep_logs(mut self, rows: u64) -> Self {
            self.options_mut().set("keepLogs", rows);
            self
        }

        /// Keeps the newest so many entries of the job's stack trace. All by default.
        pub fn stack_trace_limit(mut self, entries: u64) -> Self {
            self.options_mut().set("stackTraceLimit", entries);
            self
        }

        /// Refuses to add the job when its data has more than so many bytes as JSON.
        pub fn size_limit(mut self, bytes: u64) -> Self {
            self.options_mut().set("sizeLimit", bytes);
            self
        }

        /// When the job counts as added, in unix ms; now by default. Delays count from here.
        pub fn timestamp(mut self, unix_millis: i64) -> Self {
            self.options_mut().set("timestamp", unix_millis);
            self
        }

        /// Lets one job stand for all with the same deduplication id; an id alone is
        /// [`Deduplication::simple`]($crate::job::Deduplication::simple).
        pub fn deduplicate(mut self, deduplication: impl Into<$crate::job::Deduplication>) -> Self {
            self.options_mut().set_deduplication(&deduplication.into());
            self
        }

        /// Makes the job a child of an existing one, which will wait for it.
        pub fn parent(mut self, parent: impl Into<$crate::job::Parent>) -> Self {
            self.options_mut().set_parent(&parent.into());
            self
        }

        /// Fails the parent when this job fails. One of the four rules at most.
        pub fn fail_parent_on_failure(mut self) -> Self {
            self.options_mut().set("failParentOnFailure", true);
            self
        }

        /// Lets the parent run at once when this job fails. One of the four rules at most.
        pub fn continue_parent_on_failure(mut self) -> Self {
            self.options_mut().set("continueParentOnFailure", true);
            self
        }

        /// Lets the parent run although this job failed, and know of it, once no other child is
        /// pending. One of the four rules at most.
        pub fn ignore_dependency_on_failure(mut self) -> Self {
            self.options_mut().set("ignoreDependencyOnFailure", true);
            self
        }

        /// Lets the parent run as if this job had never been its child, once no other child is
        /// pending. One of the four rules at most.
        pub fn remove_dependency_on_failure(mut self) -> Self {
            self.options_mut().set("removeDependencyOnFailure", true);
            self
        }

        /// The trace that the job belongs to: by custom the JSON of a W3C trace context.
        pub fn telemetry(mut self, metadata: impl Into<String>) -> Self {
            self.options_mut()
                .set_telemetry("metadata", metadata.into());
            self
        }

        /// Keeps the job out of the trace of whoever adds it.
        pub fn omit_telemetry_context(mut self) -> Self {
            self.options_mut().set_telemetry("omitContext", true);
            self
        }

        /// Longest time one attempt may take in a bullrs worker.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            let timeout = $crate::job::options::millis(timeout);
            self.options_mut().set("timeout", timeout);
            self
        }

        /// Age from which on the job is no longer worth running in a bullrs worker.
        pub fn ttl(mut self, ttl: std::time::Duration) -> Self {
            let ttl = $crate::job::options::millis(ttl);
            self.options_mut().set("ttl", ttl);
            self
        }

        /// Sets all that these options set.
        pub fn options(mut self, options: $crate::job::JobOptions) -> Self {
            self.options_mut().merge(options);
            self
        }

        /// Any option by the name that a Node app uses. What BullMQ does not know is stored with
        /// the job as it is; null unsets.
        pub fn option(mut self, name: impl Into<String>, value: impl serde::Serialize) -> Self {
            self.options_mut().set_any(name.into(), &value);
            self
        }
    };
}

pub(crate) use job_option_setters;
