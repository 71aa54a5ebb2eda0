//! A setting as it ended up, for people who wonder where a value comes from.

use super::Origin;

/// One setting: its path in the file, its value, and who set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Such as `worker.drain`.
    pub path: String,
    /// As it was written; credentials are masked.
    pub value: String,
    /// Who said so.
    pub origin: Origin,
}
