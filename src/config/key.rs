//! Every setting once: its name, where it may stand, and its default.

/// A setting. Flag, variable and file key all follow from its name.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// In snake case, as the file has it.
    pub name: &'static str,
    /// Where the file has it.
    pub place: Place,
    /// The variable that apps already have for it; `BULLRS_*` beats it.
    pub shared_variable: Option<&'static str>,
    /// What holds when nobody says anything, as it would be written; empty for nothing.
    pub default: &'static str,
}

/// Where in `bullrs.toml` a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Above all tables; every command reads it.
    Top,
    /// In `[worker]`.
    Worker,
    /// Nowhere: it belongs to one run, not to a deployment.
    Run,
}

impl Key {
    /// The flag, such as `--lock-duration`.
    pub fn flag(&self) -> String {
        flag_of(self.name)
    }

    /// The variable, such as `BULLRS_LOCK_DURATION`.
    pub fn variable(&self) -> String {
        variable_of(self.name)
    }

    /// The path in the file, such as `worker.lock_duration`.
    pub fn path(&self) -> String {
        match self.place {
            Place::Top | Place::Run => self.name.to_owned(),
            Place::Worker => format!("worker.{}", self.name),
        }
    }
}

/// The flag of a setting or option by its name.
pub(crate) fn flag_of(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// The variable of a setting or option by its name.
pub(crate) fn variable_of(name: &str) -> String {
    format!("BULLRS_{}", name.to_ascii_uppercase())
}

macro_rules! keys {
    ($($constant:ident: $place:ident $name:literal $shared:expr, $default:literal;)*) => {
        $(pub(super) const $constant: Key = Key {
            name: $name,
            place: Place::$place,
            shared_variable: $shared,
            default: $default,
        };)*
        /// All settings, in the order in which they are documented.
        pub const KEYS: &[Key] = &[$($constant),*];
    };
}

keys! {
    REDIS_URL: Top "redis_url" Some("REDIS_URL"), "redis://127.0.0.1:6379";
    REDIS_CA: Top "redis_ca" None, "";
    REDIS_CERT: Top "redis_cert" None, "";
    REDIS_KEY: Top "redis_key" None, "";
    PREFIX: Top "prefix" None, "bull";
    DATABASE_URL: Top "database_url" Some("DATABASE_URL"), "sqlite:bullrs.db";
    LOG_FORMAT: Top "log_format" None, "pretty on a terminal, else json";
    LOG_LEVEL: Top "log_level" Some("BULLRS_LOG"), "info";
    QUEUES: Worker "queues" None, "the [queues.*] tables";
    CONCURRENCY: Worker "concurrency" None, "1";
    MAX_CONCURRENCY: Worker "max_concurrency" Some("JOB_MAX_CONCURRENCY"), "";
    WEIGHTS: Worker "weights" None, "";
    HTTP: Worker "http" None, "";
    BURST: Run "burst" None, "false";
    NAME: Worker "name" None, "";
    STRICT: Worker "strict" None, "false";
    SHARE_BLOCKING: Worker "share_blocking" None, "false";
    NO_STORE: Worker "no_store" None, "false";
    CONTENT_JOB_FIELD: Worker "content_job_field" None, "contentJobId";
    DRAIN: Worker "drain" None, "25s";
    CANCEL_GRACE: Worker "cancel_grace" None, "5s";
    LOCK_DURATION: Worker "lock_duration" None, "30s";
    STALLED_INTERVAL: Worker "stalled_interval" None, "30s";
    MAX_STALLED: Worker "max_stalled" None, "1";
    MAX_STARTED_ATTEMPTS: Worker "max_started_attempts" None, "";
    DRAIN_DELAY: Worker "drain_delay" None, "5s";
    DEFAULT_ATTEMPTS: Worker "default_attempts" Some("JOB_DEFAULT_ATTEMPTS"), "";
    REMOVE_ON_COMPLETE: Worker "remove_on_complete" None, "";
    REMOVE_ON_FAIL: Worker "remove_on_fail" None, "";
    METRICS: Worker "metrics" Some("BULLMQ_METRICS_ENABLED"), "false";
}

/// Keys and tables that later versions will read, by where they would stand. Refusing them is
/// better than a job that quietly runs without them.
pub(super) const LATER_TOP: [&str; 2] = ["schedules", "webhooks"];
/// As [`LATER_TOP`], in `[worker]`.
pub(super) const LATER_WORKER: [&str; 2] = ["scheduler", "processors"];
/// As [`LATER_TOP`], in `[queues.NAME]` and `[queues.NAME.jobs.NAME]`.
pub(super) const LATER_QUEUE: [&str; 4] = ["http", "node", "exec", "socket"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_variable_and_path_follow_from_the_name() {
        assert_eq!(LOCK_DURATION.flag(), "--lock-duration");
        assert_eq!(LOCK_DURATION.variable(), "BULLRS_LOCK_DURATION");
        assert_eq!(LOCK_DURATION.path(), "worker.lock_duration");
        assert_eq!(REDIS_URL.path(), "redis_url");
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
