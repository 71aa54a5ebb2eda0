//! Which errors ask for a new connection, which for patience, and which for neither.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What an error of Redis or of the connection means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The connection is of no more use.
    pub(super) reconnect: bool,
    /// The same call may succeed later.
    pub(super) transient: bool,
    /// The call may have been carried out although it failed.
    pub(super) ambiguous: bool,
}

const BROKEN: Verdict = Verdict {
    reconnect: true,
    transient: true,
    ambiguous: true,
};
const ELSEWHERE: Verdict = Verdict {
    reconnect: true,
    transient: true,
    ambiguous: false,
};
const LATER: Verdict = Verdict {
    reconnect: false,
    transient: true,
    ambiguous: false,
};
const REFUSED: Verdict = Verdict {
    reconnect: false,
    transient: false,
    ambiguous: false,
};

pub(super) fn classify(error: &RedisError) -> Verdict {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Parse => BROKEN,
        ErrorKind::AuthenticationFailed => ELSEWHERE,
        ErrorKind::Server(kind) => server(kind, error),
        _ if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() => BROKEN,
        _ => by_code(error.code().unwrap_or_default()),
    }
}

fn server(kind: ServerErrorKind, error: &RedisError) -> Verdict {
    match kind {
        // A demoted or orphaned node: the name may resolve to its successor by now.
        ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown => ELSEWHERE,
        ServerErrorKind::BusyLoading | ServerErrorKind::TryAgain | ServerErrorKind::ClusterDown => {
            LATER
        }
        ServerErrorKind::ResponseError => {
            let text = error.to_string();
            if text.contains("max number of clients") || text.contains("READONLY") {
                ELSEWHERE
            } else {
                REFUSED
            }
        }
        _ => REFUSED,
    }
}

fn by_code(code: &str) -> Verdict {
    match code {
        // The password or the user's rights were changed: dial anew, with the same credentials.
        "NOAUTH" | "WRONGPASS" | "UNBLOCKED" | "READONLY" | "MASTERDOWN" => ELSEWHERE,
        "OOM" | "BUSY" | "MISCONF" | "NOREPLICAS" | "LOADING" => LATER,
        _ => REFUSED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_says(line: &str) -> RedisError {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes())
            .and_then(redis::Value::extract_error)
            .unwrap_err()
    }

    #[test]
    fn each_answer_of_a_server_has_its_remedy() {
        for (line, verdict) in [
            (
                "READONLY You can't write against a read only replica.",
                ELSEWHERE,
            ),
            ("LOADING Redis is loading the dataset in memory", LATER),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                LATER,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", LATER),
            ("BUSY Redis is busy running a script.", LATER),
            ("NOAUTH Authentication required.", ELSEWHERE),
            ("ERR max number of clients reached", ELSEWHERE),
            ("ERR wrong number of arguments", REFUSED),
            ("NOPERM this user has no permissions", REFUSED),
        ] {
            assert_eq!(classify(&server_says(line)), verdict, "{line}");
        }
    }

    #[test]
    fn a_broken_socket_leaves_the_outcome_open() {
        let error = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(classify(&error), BROKEN);
    }
}
