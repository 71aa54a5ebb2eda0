//! What the tables must have, what an app's own tables have, and statements that suit either.
//!
//! An app may have made `content_jobs` with the types its ORM likes: `uuid` ids, an enum for
//! `status`, `timestamp` without zone, `jsonb`. The statements name columns through marks, which are
//! filled with the casts that the columns at hand need:
//!
//! | mark | becomes |
//! |---|---|
//! | `{c.started_at}` | the column as a text or an integer (times: unix ms) |
//! | `{started_at=$1}` | a text or an integer as the column's type |
//! | `{c.created_at#}`, `{created_at#=$1}` | the same, without losing precision: for sorting |
//! | `{c.started_at within $1 $2}` | whether a time is in a half-open window, by its index |
//! | `{set id:text at:int}` | rows that are passed as parameters |

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

/// The databases' dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// What a column is for, and so which types will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Something to find rows by: never cut to the column's length.
    Key,
    Status,
    Text,
    Json,
    Count,
    Time,
}

/// A table's columns: name, role, and the definition that adds it.
type Expected = &'static [(&'static str, Role, &'static str)];

const CONTENT_JOBS: Expected = &[
    ("id", Role::Key, "text primary key"),
    ("queue", Role::Key, "text"),
    ("name", Role::Text, "text"),
    ("job_id", Role::Key, "text"),
    ("status", Role::Status, "text not null default 'pending'"),
    ("payload", Role::Text, "text"),
    ("result", Role::Json, "json"),
    ("error", Role::Text, "text"),
    ("progress", Role::Json, "json"),
    ("attempts_made", Role::Count, "integer not null default 0"),
    (
        "attempts_started",
        Role::Count,
        "integer not null default 0",
    ),
    ("max_attempts", Role::Count, "integer not null default 1"),
    (
        "created_at",
        Role::Time,
        "timestamptz not null default now()",
    ),
    ("queued_at", Role::Time, "timestamptz"),
    ("started_at", Role::Time, "timestamptz"),
    ("finished_at", Role::Time, "timestamptz"),
    ("updated_at", Role::Time, "timestamptz"),
];

const JOB_EVENTS: Expected = &[
    ("id", Role::Count, "bigint generated always as identity"),
    ("content_job_id", Role::Key, "text"),
    ("queue", Role::Key, "text"),
    ("job_id", Role::Key, "text"),
    ("stream_id", Role::Key, "text"),
    ("event", Role::Text, "text"),
    ("attempt", Role::Count, "integer"),
    ("message", Role::Text, "text"),
    ("data", Role::Json, "json"),
    ("at", Role::Time, "timestamptz"),
];

/// The statuses that the worker writes.
const STATUSES: [&str; 7] = [
    "pending",
    "queued",
    "active",
    "delayed",
    "succeeded",
    "failed",
    "cancelled",
];

/// A column as the database has it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: String,
    /// The type with its length or precision, as Postgres writes it; SQLite's declared type.
    pub(super) full_type: String,
    /// The type without them.
    pub(super) bare_type: String,
    /// Postgres' category of types (`S` text, `N` numbers, `E` enums, `D` times, `U` the rest).
    pub(super) category: String,
    /// An enum's labels, joined by commas.
    pub(super) labels: String,
}

/// The casts that the columns of one table need.
#[derive(Debug)]
pub(super) struct Columns {
    dialect: Dialect,
    roles: BTreeMap<&'static str, (Role, String)>,
    /// Whether JSON goes through `jsonb`, which refuses some of what `json` takes.
    pub(super) jsonb: bool,
}

impl Columns {
    pub(super) fn content_jobs(dialect: Dialect, found: &[Found]) -> Result<Self, Vec<String>> {
        Self::check(dialect, "content_jobs", CONTENT_JOBS, found)
    }

    pub(super) fn job_events(dialect: Dialect, found: &[Found]) -> Result<Self, Vec<String>> {
        Self::check(dialect, "job_events", JOB_EVENTS, found)
    }

    /// Compares a table with what it must have; every fault says how to mend it.
    fn check(
        dialect: Dialect,
        table: &str,
        expected: Expected,
        found: &[Found],
    ) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut roles = BTreeMap::new();
        for (name, role, definition) in expected {
            let Some(column) = found.iter().find(|column| column.name == *name) else {
                let definition = in_dialect(dialect, *role, definition);
                faults.push(format!(
                    "table `{table}` has no column `{name}`; \
                     add it: `alter table {table} add column {name} {definition}`"
                ));
                continue;
            };
            if let Some(rule) = broken_rule(dialect, *role, column) {
                faults.push(format!(
                    "`{table}.{name}` is `{}`; {rule}",
                    column.full_type
                ));
            }
            let cast = match role {
                Role::Text | Role::Time => &column.full_type,
                _ => &column.bare_type,
            };
            roles.insert(*name, (*role, cast.clone()));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let jsonb = dialect == Dialect::Postgres
            && roles
                .values()
                .any(|(role, cast)| *role == Role::Json && cast == "jsonb");
        Ok(Self {
            dialect,
            roles,
            jsonb,
        })
    }

    /// Fills the marks of a statement.
    pub(super) fn fill(&self, sql: &str) -> Arc<str> {
        let mut filled = String::with_capacity(sql.len() * 2);
        let mut rest = sql;
        while let Some((before, mark)) = rest.split_once('{') {
            filled.push_str(before);
            let (mark, after) = mark.split_once('}').unwrap_or((mark, ""));
            if let Some(columns) = mark.strip_prefix("set ") {
                self.set(&mut filled, columns);
            } else if let Some((column, window)) = mark.split_once(" within ") {
                filled.push_str(&self.within(column, window));
            } else if let Some((column, value)) = mark.split_once('=') {
                filled.push_str(&self.write(column, value));
            } else {
                filled.push_str(&self.read(mark));
            }
            rest = after;
        }
        filled.push_str(rest);
        filled.into()
    }

    fn role(&self, column: &str) -> (Role, &str) {
        let name = column.rsplit('.').next().unwrap_or(column);
        self.roles
            .get(name)
            .map_or((Role::Text, "text"), |(role, cast)| (*role, cast.as_str()))
    }

    fn read(&self, mark: &str) -> String {
        let exact = mark.ends_with('#');
        let column = mark.trim_end_matches('#');
        match (self.dialect, self.role(column).0) {
            (Dialect::Postgres, Role::Time) => {
                let unit = if exact { "1000000" } else { "1000" };
                format!("cast(extract(epoch from {column}) * {unit} as bigint)")
            }
            (Dialect::Postgres, Role::Count) => format!("cast({column} as bigint)"),
            (Dialect::Sqlite, Role::Time) if exact => column.to_owned(),
            // An app may have written the text of a date.
            (Dialect::Sqlite, Role::Time) => format!(
                "case typeof({column}) when 'text' \
                 then cast(round((julianday({column}) - 2440587.5) * 86400000) as integer) \
                 else cast({column} as integer) end"
            ),
            (Dialect::Sqlite, Role::Count) => format!("cast({column} as integer)"),
            _ => format!("cast({column} as text)"),
        }
    }

    fn write(&self, mark: &str, value: &str) -> String {
        let exact = mark.ends_with('#');
        let (role, cast) = self.role(mark.trim_end_matches('#'));
        match (self.dialect, role) {
            (Dialect::Sqlite, _) => value.to_owned(),
            (Dialect::Postgres, Role::Time) => {
                let unit = if exact { "microsecond" } else { "millisecond" };
                format!("cast({} as {cast})", moment(cast, value, unit))
            }
            (Dialect::Postgres, Role::Count) => format!("cast({value} as {cast})"),
            (Dialect::Postgres, _) => format!("cast(cast({value} as text) as {cast})"),
        }
    }

    /// The column stands alone on its side, so that an index on it serves.
    fn within(&self, column: &str, window: &str) -> String {
        let (from, to) = window.split_once(' ').unwrap_or((window, window));
        match self.dialect {
            Dialect::Postgres => {
                // Not as the column's type: its precision would move the window's ends.
                let bound = |value| moment(self.role(column).1, value, "millisecond");
                format!("({column} >= {} and {column} < {})", bound(from), bound(to))
            }
            // Texts sort after numbers, and dates among them by the day, give or take their zone.
            Dialect::Sqlite => {
                let read = self.read(column);
                format!(
                    "({column} >= {from} and {column} < {to} \
                     or {column} >= date({from} / 1000 - 86400, 'unixepoch') \
                     and {column} < date({to} / 1000 + 172800, 'unixepoch') \
                     and {read} >= {from} and {read} < {to})"
                )
            }
        }
    }

    fn set(&self, filled: &mut String, columns: &str) {
        let columns: Vec<(&str, &str)> = columns
            .split_whitespace()
            .map(|column| column.split_once(':').unwrap_or((column, "text")))
            .collect();
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        let parameters: Vec<String> = columns
            .iter()
            .zip(1..)
            .map(|((_, kind), number)| match (self.dialect, *kind) {
                (Dialect::Sqlite, _) => format!("value ->> {}", number - 1),
                (Dialect::Postgres, "int") => format!("cast(${number} as bigint[])"),
                (Dialect::Postgres, _) => format!("cast(${number} as text[])"),
            })
            .collect();
        let (names, parameters) = (names.join(", "), parameters.join(", "));
        let _infallible = match self.dialect {
            Dialect::Sqlite => write!(
                filled,
                "w ({names}) as (select {parameters} from json_each($1))"
            ),
            Dialect::Postgres => write!(
                filled,
                "w ({names}) as (select * from unnest({parameters}))"
            ),
        };
    }
}

/// A number of milliseconds or microseconds as Postgres' kind of time that the type is.
fn moment(kind: &str, value: &str, unit: &str) -> String {
    let epoch = if kind.contains("without time zone") {
        "timestamp"
    } else {
        "timestamptz"
    };
    format!("({epoch} 'epoch' + cast({value} as bigint) * interval '1 {unit}')")
}

fn in_dialect(dialect: Dialect, role: Role, definition: &'static str) -> &'static str {
    match (dialect, role) {
        (Dialect::Sqlite, Role::Time) => "integer",
        (Dialect::Sqlite, Role::Json) => "text",
        _ => definition,
    }
}

/// What an existing column's type must be, if it is not that.
fn broken_rule(dialect: Dialect, role: Role, column: &Found) -> Option<String> {
    if dialect == Dialect::Sqlite {
        let declared = column.full_type.to_ascii_uppercase();
        // SQLite turns numbers into text in a column whose declared type says text.
        let stores_text = ["CHAR", "CLOB", "TEXT"]
            .iter()
            .any(|word| declared.contains(word))
            && !declared.contains("INT");
        return (role == Role::Time && stores_text)
            .then(|| "times are unix milliseconds, so it must be `integer`".to_owned());
    }
    let (kind, category) = (column.bare_type.as_str(), column.category.as_str());
    let integer = ["smallint", "integer", "bigint"].contains(&kind);
    let text = category == "S";
    match role {
        Role::Key => (!text && !integer && category != "E" && kind != "uuid")
            .then(|| "it must be a text, an enum, a `uuid` or an integer".to_owned()),
        Role::Status if category == "E" => {
            let labels: Vec<&str> = column.labels.split(',').collect();
            let missing: Vec<&str> = STATUSES
                .into_iter()
                .filter(|status| !labels.contains(status))
                .collect();
            (!missing.is_empty()).then(|| {
                format!(
                    "the enum lacks {}",
                    missing
                        .iter()
                        .map(|status| format!("`{status}`"))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            })
        }
        Role::Status => (!text).then(|| "it must be a text or an enum".to_owned()),
        Role::Text => (!text && category != "E").then(|| "it must be a text".to_owned()),
        Role::Json => (!text && kind != "json" && kind != "jsonb")
            .then(|| "it must be `json`, `jsonb` or a text".to_owned()),
        Role::Count => (!integer).then(|| "it must be an integer".to_owned()),
        Role::Time => (!kind.starts_with("timestamp"))
            .then(|| "it must be `timestamptz` or `timestamp`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, full: &str, category: &str) -> Found {
        Found {
            name: name.into(),
            full_type: full.into(),
            bare_type: full.split('(').next().unwrap_or_default().into(),
            category: category.into(),
            labels: String::new(),
        }
    }

    fn usual(expected: Expected) -> Vec<Found> {
        expected
            .iter()
            .map(|(name, role, _)| match role {
                Role::Key | Role::Text | Role::Status => found(name, "text", "S"),
                Role::Json => found(name, "json", "U"),
                Role::Count => found(name, "integer", "N"),
                Role::Time => found(name, "timestamp with time zone", "D"),
            })
            .collect()
    }

    #[test]
    fn every_missing_column_is_named_with_the_statement_that_adds_it() {
        let mut columns = usual(CONTENT_JOBS);
        columns.retain(|column| column.name != "attempts_started" && column.name != "started_at");
        assert_eq!(
            Columns::content_jobs(Dialect::Postgres, &columns).unwrap_err(),
            [
                "table `content_jobs` has no column `attempts_started`; add it: `alter table \
                 content_jobs add column attempts_started integer not null default 0`",
                "table `content_jobs` has no column `started_at`; add it: `alter table \
                 content_jobs add column started_at timestamptz`"
            ]
        );
        assert_eq!(
            Columns::content_jobs(Dialect::Sqlite, &columns).unwrap_err()[1],
            "table `content_jobs` has no column `started_at`; add it: `alter table content_jobs \
             add column started_at integer`"
        );
    }

    #[test]
    fn a_type_that_will_not_do_is_named_with_its_rule() {
        let mut columns = usual(JOB_EVENTS);
        columns[9] = found("at", "date", "D");
        columns[8] = found("data", "bytea", "U");
        assert_eq!(
            Columns::job_events(Dialect::Postgres, &columns).unwrap_err(),
            [
                "`job_events.data` is `bytea`; it must be `json`, `jsonb` or a text",
                "`job_events.at` is `date`; it must be `timestamptz` or `timestamp`"
            ]
        );
        columns[9] = found("at", "TEXT", "");
        assert_eq!(
            Columns::job_events(Dialect::Sqlite, &columns).unwrap_err(),
            ["`job_events.at` is `TEXT`; times are unix milliseconds, so it must be `integer`"]
        );
    }

    #[test]
    fn an_enum_must_have_every_status() {
        let mut columns = usual(CONTENT_JOBS);
        columns[4] = found("status", "job_status", "E");
        columns[4].labels = "pending,queued,active,succeeded,failed".into();
        assert_eq!(
            Columns::content_jobs(Dialect::Postgres, &columns).unwrap_err(),
            ["`content_jobs.status` is `job_status`; the enum lacks `delayed`, `cancelled`"]
        );
    }

    #[test]
    fn marks_become_the_casts_that_the_columns_need() {
        let mut columns = usual(CONTENT_JOBS);
        columns[0] = found("id", "uuid", "U");
        columns[12] = found("created_at", "timestamp(3) without time zone", "D");
        columns[12].bare_type = "timestamp without time zone".into();
        let postgres = Columns::content_jobs(Dialect::Postgres, &columns).unwrap();
        assert_eq!(
            &*postgres.fill("{c.id} {id=$1} {c.created_at} {created_at#=$2} {attempts_made=w.n}"),
            "cast(c.id as text) cast(cast($1 as text) as uuid) \
             cast(extract(epoch from c.created_at) * 1000 as bigint) \
             cast((timestamp 'epoch' + cast($2 as bigint) * interval '1 microsecond') \
             as timestamp(3) without time zone) cast(w.n as integer)"
        );
        assert_eq!(
            &*postgres.fill("with {set new_id:text new_at:int} select 1"),
            "with w (new_id, new_at) as (select * from unnest(cast($1 as text[]), \
             cast($2 as bigint[]))) select 1"
        );
        assert_eq!(
            &*postgres.fill("{c.created_at within $1 $2}"),
            "(c.created_at >= (timestamp 'epoch' + cast($1 as bigint) * interval '1 millisecond') \
             and c.created_at < (timestamp 'epoch' + cast($2 as bigint) * interval '1 millisecond'))"
        );
        let sqlite = Columns::content_jobs(Dialect::Sqlite, &usual(CONTENT_JOBS)).unwrap();
        assert_eq!(
            &*sqlite.fill("with {set new_id:text new_at:int} {id=$1} {created_at#=$2}"),
            "with w (new_id, new_at) as (select value ->> 0, value ->> 1 from json_each($1)) $1 $2"
        );
    }
}
