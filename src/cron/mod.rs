//! Time rules of cron patterns.
