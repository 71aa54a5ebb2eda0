//! Answers, line by line, when cron patterns are next due; `compat-tests/cron` compares the answers
//! with those of npm `cron-parser`.
//!
//!     echo '{"pattern":"*/5 * * * *","tz":"UTC","from":0,"count":2}' | cargo run --example cron_next
//!
//! A request has `pattern`, `tz` (the machine's own zone if absent), `from` (ms since 1970) and
//! `count`, and may have `seed` (for `H`), `startDate` and `endDate`. The answer is
//! `{"next":[ms, ..]}`, shorter than `count` when the pattern never fits again, or `{"error":".."}`.

use std::io::{self, BufRead as _, BufWriter, Write as _};

use bullrs::{
    cron::{Next, Pattern, Schedule, read_date, zone},
    wire::read_json,
};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    pattern: String,
    tz: Option<String>,
    from: i64,
    count: usize,
    seed: Option<String>,
    #[serde(default)]
    start_date: Value,
    #[serde(default)]
    end_date: Value,
}

fn main() -> io::Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let answer = match answer(&line?) {
            Ok(next) => json!({ "next": next }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{answer}")?;
    }
    output.flush()
}

fn answer(line: &str) -> bullrs::Result<Vec<i64>> {
    let request: Request = read_json(line, "the request")?;
    let seed = request.seed.as_deref().unwrap_or(&request.pattern);
    let pattern = Pattern::parse_seeded(&request.pattern, seed)?;
    let local = TimeZone::system();
    let tz = match &request.tz {
        Some(name) => zone(name, &local)?,
        None => local.clone(),
    };
    let mut schedule = Schedule::cron(pattern, tz);
    schedule.start_date = read_date(&request.start_date, "startDate", &local)?;
    schedule.end_date = read_date(&request.end_date, "endDate", &local)?;

    let mut times = Vec::new();
    let mut now = request.from;
    while times.len() < request.count {
        let Next::At(next) = schedule.next(0, now, None) else {
            break;
        };
        times.push(next);
        now = next;
    }
    Ok(times)
}
