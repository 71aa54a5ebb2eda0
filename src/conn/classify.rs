//! Which errors ask for a new connection, which for patience, and which for neither.

use redis::{ErrorKind, RedisError};

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
const HALFWAY: Verdict = Verdict {
    reconnect: false,
    transient: true,
    ambiguous: true,
};
const REFUSED: Verdict = Verdict {
    reconnect: false,
    transient: false,
    ambiguous: false,
};

pub(super) fn classify(error: &RedisError) -> Verdict {
    match error.kind() {
        ErrorKind::Io | ErrorKind::Parse => return BROKEN,
        _ if error.is_io_error() || error.is_timeout() => return BROKEN,
        _ => {}
    }
    let detail = error.detail().unwrap_or_default();
    match error.code().unwrap_or_default() {
        "ERR" => without_code(detail),
        code => by_code(code, detail),
    }
}

fn by_code(code: &str, detail: &str) -> Verdict {
    match code {
        // A demoted or orphaned node: its name, its sentinels or its cluster may know the
        // successor by now. Or the user was changed or removed: the new credentials count from the
        // next connection on.
        "READONLY" | "MASTERDOWN" | "UNBLOCKED" | "NOAUTH" | "WRONGPASS" => ELSEWHERE,
        // Refused before anything was done. A redirection ends here only if it went in circles.
        "LOADING" | "BUSY" | "OOM" | "MISCONF" | "NOREPLICAS" | "TRYAGAIN" | "CLUSTERDOWN"
        | "MOVED" | "ASK" | "NOSCRIPT" => LATER,
        // Someone took a right away, and may give it back. From within a script it may come late.
        "NOPERM" if !detail.contains("script") => LATER,
        _ => REFUSED,
    }
}

fn without_code(detail: &str) -> Verdict {
    if detail.contains("max number of clients") {
        return ELSEWHERE;
    }
    // A slot is on its way to another node and the key that a script asks for has left already.
    if detail.contains("access a non local key") {
        return HALFWAY;
    }
    // Only a script that has not written yet can be killed.
    if detail.contains("Script killed by user") {
        return LATER;
    }
    // Before version 7, Redis wrapped what went wrong inside a script.
    for code in [
        "READONLY",
        "OOM",
        "MISCONF",
        "NOREPLICAS",
        "LOADING",
        "MASTERDOWN",
    ] {
        if detail.contains(&format!("-{code} ")) {
            return by_code(code, detail);
        }
    }
    REFUSED
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
            (
                "ERR Error running script (call to f_ab): @user_script:5: @user_script: 5: \
                 -READONLY You can't write against a read only replica.",
                ELSEWHERE,
            ),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                ELSEWHERE,
            ),
            (
                "UNBLOCKED force unblock from blocking operation, instance state changed",
                ELSEWHERE,
            ),
            ("NOAUTH Authentication required.", ELSEWHERE),
            ("WRONGPASS invalid username-password pair", ELSEWHERE),
            ("ERR max number of clients reached", ELSEWHERE),
            ("LOADING Redis is loading the dataset in memory", LATER),
            (
                "OOM command not allowed when used memory > 'maxmemory'.",
                LATER,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", LATER),
            ("NOREPLICAS Not enough good replicas to write.", LATER),
            ("BUSY Redis is busy running a script.", LATER),
            ("TRYAGAIN Multiple keys request during rehashing", LATER),
            ("CLUSTERDOWN Hash slot not served", LATER),
            ("NOSCRIPT No matching script. Please use EVAL.", LATER),
            (
                "ERR Error running script: Script killed by user with SCRIPT KILL.",
                LATER,
            ),
            (
                "NOPERM this user has no permissions to run the 'evalsha' command",
                LATER,
            ),
            (
                "NOPERM ACL failure in script: this user has no permissions",
                REFUSED,
            ),
            (
                "ERR Script attempted to access a non local key in a cluster node",
                HALFWAY,
            ),
            ("ERR wrong number of arguments", REFUSED),
            ("WRONGTYPE Operation against a key", REFUSED),
            (
                "CROSSSLOT Keys in request don't hash to the same slot",
                REFUSED,
            ),
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
