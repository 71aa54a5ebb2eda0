//! Reading flows.

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{PAGINATE, reply},
    wire::QueueKeys,
};

const NAME: &str = "getFlow";
/// How many times one call scans on for a page; each time looks at about 100 children.
const MOST_SCANS: u32 = 100;

/// A job's hash and some of its children.
#[derive(Debug, Default)]
pub(crate) struct Relatives {
    /// Fields and values; empty when there is no such job.
    pub(crate) hash: Vec<(String, String)>,
    /// How many children there are: finished, pending, failed with the parent, failed and ignored.
    pub(crate) counts: [u64; 4],
    /// Job keys of children, in the same order, at most as many of each as were asked for.
    pub(crate) children: [Vec<String>; 4],
}

/// Reads jobs and at most `most` (1 or more) children of each kind of each, in one round trip.
pub(crate) async fn relatives(
    conn: &Conn,
    jobs: &[(QueueKeys, String)],
    most: u32,
) -> Result<Vec<Relatives>> {
    let questions: Vec<Cmd> = jobs
        .iter()
        .flat_map(|(keys, id)| questions(keys, id, most))
        .collect();
    let pages: Vec<Cmd> = jobs
        .iter()
        .flat_map(|(keys, id)| pages(keys, id, most))
        .collect();
    let (answers, pages) = tokio::try_join!(
        conn.call_all(NAME, &questions),
        PAGINATE.call_all(conn, &pages)
    )?;
    let mut answers = answers.into_iter();
    let mut pages = pages.into_iter();
    jobs.iter()
        .map(|_| read(&mut answers, &mut pages, most))
        .collect()
}

const QUESTIONS: usize = 6;

fn questions(keys: &QueueKeys, id: &str, most: u32) -> [Cmd; QUESTIONS] {
    let ask = |command: &str, key: String| {
        let mut ask = Cmd::new();
        ask.arg(command).arg(key);
        ask
    };
    let mut failed = ask("ZRANGE", keys.job_part(id, "unsuccessful"));
    failed.arg(0).arg(most.saturating_sub(1));
    [
        ask("HGETALL", keys.job(id)),
        ask("HLEN", keys.job_part(id, "processed")),
        ask("SCARD", keys.job_part(id, "dependencies")),
        ask("ZCARD", keys.job_part(id, "unsuccessful")),
        ask("HLEN", keys.job_part(id, "failed")),
        failed,
    ]
}

fn pages(keys: &QueueKeys, id: &str, most: u32) -> [Cmd; 3] {
    ["processed", "dependencies", "failed"].map(|part| {
        let mut page = PAGINATE.on(&[keys.job_part(id, part)]);
        page.arg(0)
            .arg(most.saturating_sub(1))
            .arg(0)
            .arg(0)
            .arg(MOST_SCANS);
        page
    })
}

fn read(
    answers: &mut impl Iterator<Item = Result<Value>>,
    pages: &mut impl Iterator<Item = Result<Value>>,
    most: u32,
) -> Result<Relatives> {
    let mut next = || answers.next().unwrap_or(Ok(Value::Nil));
    let hash = pairs(next()?)?;
    let mut counts = [0; 4];
    for count in &mut counts {
        *count = u64::try_from(reply::int(NAME, &next()?)?).unwrap_or(0);
    }
    let failed = reply::fields(NAME, next()?)?;
    let mut page = || -> Result<Vec<String>> {
        let mut keys = members(pages.next().unwrap_or(Ok(Value::Nil))?)?;
        keys.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(keys)
    };
    let (processed, pending, ignored) = (page()?, page()?, page()?);
    Ok(Relatives {
        hash,
        counts,
        children: [processed, pending, failed, ignored],
    })
}

/// The members in a page: of a hash only the fields.
fn members(page: Value) -> Result<Vec<String>> {
    let items = reply::array(NAME, page)?.into_iter().nth(2);
    reply::array(NAME, items.unwrap_or(Value::Nil))?
        .into_iter()
        .map(|item| match item {
            Value::Array(pair) => reply::text(NAME, pair.into_iter().next().unwrap_or(Value::Nil)),
            member => reply::text(NAME, member),
        })
        .collect()
}

fn pairs(hash: Value) -> Result<Vec<(String, String)>> {
    let flat = match hash {
        Value::Map(pairs) => pairs
            .into_iter()
            .flat_map(|(key, value)| [key, value])
            .collect(),
        other => reply::array(NAME, other)?,
    };
    let mut texts = flat.into_iter().map(|item| reply::text(NAME, item));
    std::iter::from_fn(|| {
        let (field, value) = (texts.next()?, texts.next()?);
        Some(field.and_then(|field| Ok((field, value?))))
    })
    .collect()
}
