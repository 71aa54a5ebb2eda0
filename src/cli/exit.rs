//! The exit codes, once. Scripts and orchestrators rely on them.

use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// All went well; a reader that closed the pipe early counts too.
    Fine = 0,
    /// The command could not do what it was asked to.
    Failed = 1,
    /// Wrong usage or configuration; nothing was tried.
    Usage = 2,
    /// Redis or the database cannot be reached.
    Unreachable = 3,
    /// A worker had to leave jobs behind; a stalled check will recover them.
    Abandoned = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
