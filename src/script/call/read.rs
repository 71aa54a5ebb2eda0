//! Plain commands that read jobs, and the lists and sorted sets that hold their ids.

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::reply,
    wire::{QueueKeys, StateKey},
};

/// An id, and its score where its state is a sorted set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub(crate) id: String,
    pub(crate) score: Option<f64>,
}

/// A command of the words given.
pub(super) fn command(words: &[&str]) -> Cmd {
    let mut command = Cmd::new();
    for word in words {
        command.arg(*word);
    }
    command
}

/// Pairs, however the protocol has them: flat, nested, or as a map.
pub(super) fn pairs(operation: &'static str, value: Value) -> Result<Vec<(String, String)>> {
    let items = match value {
        Value::Map(pairs) => {
            return pairs
                .into_iter()
                .map(|(key, value)| Ok((word(operation, key)?, word(operation, value)?)))
                .collect();
        }
        other => reply::array(operation, other)?,
    };
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Array(pair) => flat.extend(pair),
            item => flat.push(item),
        }
    }
    let mut found = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
        found.push((word(operation, key)?, word(operation, value)?));
    }
    Ok(found)
}

fn word(operation: &'static str, value: Value) -> Result<String> {
    match value {
        Value::Double(score) => Ok(score.to_string()),
        other => reply::text(operation, other),
    }
}

fn count(operation: &'static str, value: &Value) -> Result<u64> {
    reply::int(operation, value).map(|count| u64::try_from(count).unwrap_or(0))
}

/// How many ids a state's key holds.
pub(crate) async fn state_length(conn: &Conn, keys: &QueueKeys, at: StateKey) -> Result<u64> {
    let length = if at.is_list { "LLEN" } else { "ZCARD" };
    let command = command(&[length, &keys.key(at.suffix)]);
    count(length, &conn.call(length, &command).await?)
}

/// The ids at the places `first` to `last`, counted from the oldest (or most urgent) when
/// ascending, else from the newest.
pub(crate) async fn state_page(
    conn: &Conn,
    keys: &QueueKeys,
    at: StateKey,
    (first, last): (u64, u64),
    ascending: bool,
) -> Result<Vec<Placed>> {
    let place = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
    let (first, last) = (place(first), place(last));
    let key = keys.key(at.suffix);
    if at.is_list {
        // The oldest id is at the right end, so the page is counted from there.
        let (from, to) = if ascending {
            (-1 - last, -1 - first)
        } else {
            (first, last)
        };
        let mut page = command(&["LRANGE", &key]);
        page.arg(from).arg(to);
        let mut ids = reply::fields("LRANGE", conn.call("LRANGE", &page).await?)?;
        if ascending {
            ids.reverse();
        }
        return Ok(ids
            .into_iter()
            .map(|id| Placed { id, score: None })
            .collect());
    }
    let operation = if ascending { "ZRANGE" } else { "ZREVRANGE" };
    let mut page = command(&[operation, &key]);
    page.arg(first).arg(last).arg("WITHSCORES");
    let placed = pairs(operation, conn.call(operation, &page).await?)?;
    Ok(placed
        .into_iter()
        .map(|(id, score)| Placed {
            id,
            score: score.parse().ok(),
        })
        .collect())
}

/// Where the first of `ids` that is still there stands now: its position among `ids`, and its place.
pub(crate) async fn state_place(
    conn: &Conn,
    keys: &QueueKeys,
    at: StateKey,
    ids: &[&str],
    ascending: bool,
) -> Result<Option<(usize, u64)>> {
    let key = keys.key(at.suffix);
    let mut commands: Vec<Cmd> = ids
        .iter()
        .map(|id| match (at.is_list, ascending) {
            (true, true) => command(&["LPOS", &key, id, "RANK", "-1"]),
            (true, false) => command(&["LPOS", &key, id]),
            (false, true) => command(&["ZRANK", &key, id]),
            (false, false) => command(&["ZREVRANK", &key, id]),
        })
        .collect();
    commands.push(command(&[if at.is_list { "LLEN" } else { "ZCARD" }, &key]));
    let mut places = conn.call_all("LPOS", &commands).await?;
    let length = match places.pop() {
        Some(length) => count("LLEN", &length?)?,
        None => 0,
    };
    for (index, place) in places.into_iter().enumerate() {
        let place = place?;
        if place == Value::Nil {
            continue;
        }
        let place = count("LPOS", &place)?;
        let from_the_right = at.is_list && ascending;
        let place = if from_the_right {
            length.saturating_sub(place + 1)
        } else {
            place
        };
        return Ok(Some((index, place)));
    }
    Ok(None)
}

/// How many ids of a sorted set stand before those with this score.
pub(crate) async fn state_before(
    conn: &Conn,
    keys: &QueueKeys,
    at: StateKey,
    score: f64,
    ascending: bool,
) -> Result<u64> {
    let mut before = command(&["ZCOUNT", &keys.key(at.suffix)]);
    if ascending {
        before.arg("-inf").arg(format!("({score}"));
    } else {
        before.arg(format!("({score}")).arg("+inf");
    }
    count("ZCOUNT", &conn.call("ZCOUNT", &before).await?)
}

/// Whether the id is in the state's key.
pub(crate) async fn is_in_state(
    conn: &Conn,
    keys: &QueueKeys,
    at: &[StateKey],
    id: &str,
) -> Result<bool> {
    let commands: Vec<Cmd> = at
        .iter()
        .map(|at| {
            let search = if at.is_list { "LPOS" } else { "ZSCORE" };
            command(&[search, &keys.key(at.suffix), id])
        })
        .collect();
    for found in conn.call_all("ZSCORE", &commands).await? {
        if found? != Value::Nil {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The fields of hashes, in the order of the keys; none of a hash that is not there.
pub(crate) async fn hashes(conn: &Conn, keys: &[String]) -> Result<Vec<Vec<(String, String)>>> {
    let commands: Vec<Cmd> = keys.iter().map(|key| command(&["HGETALL", key])).collect();
    let replies = conn.call_all("HGETALL", &commands).await?;
    replies
        .into_iter()
        .map(|fields| pairs("HGETALL", fields?))
        .collect()
}

/// A hash's fields.
pub(crate) async fn hash(conn: &Conn, key: &str) -> Result<Vec<(String, String)>> {
    pairs(
        "HGETALL",
        conn.call("HGETALL", &command(&["HGETALL", key])).await?,
    )
}

/// Some fields of a hash, in the order asked for.
pub(crate) async fn hash_fields(
    conn: &Conn,
    key: &str,
    fields: &[&str],
) -> Result<Vec<Option<String>>> {
    let mut some = command(&["HMGET", key]);
    some.arg(fields);
    reply::array("HMGET", conn.call("HMGET", &some).await?)?
        .into_iter()
        .map(|value| match value {
            Value::Nil => Ok(None),
            value => reply::text("HMGET", value).map(Some),
        })
        .collect()
}

/// Whether there is such a key.
pub(crate) async fn exists(conn: &Conn, key: &str) -> Result<bool> {
    let found = conn.call("EXISTS", &command(&["EXISTS", key])).await?;
    Ok(count("EXISTS", &found)? > 0)
}

/// The text at a key, if there is one.
pub(crate) async fn text_at(conn: &Conn, key: &str) -> Result<Option<String>> {
    match conn.call("GET", &command(&["GET", key])).await? {
        Value::Nil => Ok(None),
        text => reply::text("GET", text).map(Some),
    }
}

/// Log rows at the places `first` to `last`, from the oldest when ascending, else from the newest;
/// and how many there are.
pub(crate) async fn log_rows(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    (first, last): (u64, u64),
    ascending: bool,
) -> Result<(Vec<String>, u64)> {
    let place = |index: u64| i64::try_from(index).unwrap_or(i64::MAX);
    let (first, last) = (place(first), place(last));
    let key = keys.job_part(id, "logs");
    let (from, to) = if ascending {
        (first, last)
    } else {
        (-1 - last, -1 - first)
    };
    let mut page = command(&["LRANGE", &key]);
    page.arg(from).arg(to);
    let replies = conn
        .call_all("LRANGE logs", &[page, command(&["LLEN", &key])])
        .await?;
    let mut replies = replies.into_iter();
    let mut next = || replies.next().unwrap_or(Ok(Value::Nil));
    let mut rows = reply::fields("LRANGE logs", next()?)?;
    if !ascending {
        rows.reverse();
    }
    let length = count("LLEN logs", &next()?)?;
    Ok((rows, length))
}
