//! Which log events are shown: `info`, or `info,sqlx=debug`.

use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::closest;

/// Libraries whose talk below a warning helps only who debugs them.
const CHATTY: [&str; 8] = [
    "sqlx",
    "redis",
    "reqwest",
    "hyper",
    "hyper_util",
    "rustls",
    "h2",
    "tokio_util",
];

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A level for everything, and differing ones for some modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    level: LevelFilter,
    targets: Vec<(String, LevelFilter)>,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self {
            level: LevelFilter::INFO,
            targets: Vec::new(),
        }
    }
}

impl LogFilter {
    /// Without the line that each job leaves, unless some other filter was asked for.
    #[must_use]
    pub fn without_jobs(self) -> Self {
        if self != Self::default() {
            return self;
        }
        Self {
            level: self.level,
            targets: vec![("bullrs::job".to_owned(), LevelFilter::OFF)],
        }
    }

    /// In the form that a subscriber takes.
    pub fn targets(&self) -> Targets {
        let quiet = self.level.min(LevelFilter::from_level(Level::WARN));
        Targets::new()
            .with_default(self.level)
            .with_targets(CHATTY.map(|target| (target, quiet)))
            .with_targets(
                self.targets
                    .iter()
                    .map(|(name, level)| (name.as_str(), *level)),
            )
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((target, level)) if !target.is_empty() => {
                    filter
                        .targets
                        .push((target.to_owned(), self::level(level)?));
                }
                Some(_) => return Err(format!("`{part}` names no module")),
                None => filter.level = level(part)?,
            }
        }
        Ok(filter)
    }
}

/// A misspelt level must not be taken for a module's name, as filters commonly do.
fn level(text: &str) -> Result<LevelFilter, String> {
    let lower = text.to_ascii_lowercase();
    if LEVELS.contains(&lower.as_str()) {
        return lower.parse().map_err(|_| format!("`{text}` is no level"));
    }
    Err(match closest(&lower, LEVELS) {
        Some(candidate) => format!("`{text}` is no level; did you mean `{candidate}`?"),
        None => format!("`{text}` is no level; there are {}", LEVELS.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_jobs_can_be_left_out() {
        let quiet = LogFilter::default().without_jobs().targets();
        assert!(!quiet.would_enable("bullrs::job", &Level::ERROR));
        assert!(quiet.would_enable("bullrs::worker", &Level::INFO));
        let asked = "info,bullrs::job=info".parse::<LogFilter>().unwrap();
        assert!(
            asked
                .without_jobs()
                .targets()
                .would_enable("bullrs::job", &Level::INFO)
        );
    }

    #[test]
    fn a_level_holds_for_all_but_chatty_libraries() {
        let targets = "debug,bullrs::worker=trace,hyper=info"
            .parse::<LogFilter>()
            .unwrap()
            .targets();
        for (target, level, shown) in [
            ("bullrs::cli", Level::DEBUG, true),
            ("bullrs::cli", Level::TRACE, false),
            ("bullrs::worker", Level::TRACE, true),
            ("my_app", Level::DEBUG, true),
            ("sqlx::query", Level::INFO, false),
            ("sqlx::query", Level::WARN, true),
            ("hyper::proto", Level::INFO, true),
        ] {
            assert_eq!(
                targets.would_enable(target, &level),
                shown,
                "{target} {level}"
            );
        }
    }

    #[test]
    fn quieter_than_a_warning_quietens_libraries_too() {
        let targets = "error".parse::<LogFilter>().unwrap().targets();
        assert!(!targets.would_enable("sqlx", &Level::WARN));
    }

    #[test]
    fn a_misspelt_level_is_no_module() {
        for (text, error) in [
            ("inof", "`inof` is no level; did you mean `info`?"),
            (
                "loud",
                "`loud` is no level; there are off, error, warn, info, debug, trace",
            ),
            (
                "info,sqlx=debgu",
                "`debgu` is no level; did you mean `debug`?",
            ),
            ("=debug", "`=debug` names no module"),
            (
                "",
                "`` is no level; there are off, error, warn, info, debug, trace",
            ),
        ] {
            assert_eq!(text.parse::<LogFilter>(), Err(error.into()));
        }
    }
}
