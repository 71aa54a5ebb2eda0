//! An event as one line of text. Pure: the time is an argument.

use jiff::Timestamp;
use serde_json::Value;
use tracing::Level;

use super::field::Fields;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// One object with flat keys.
    Json,
    /// Time, level, message, `key=value`.
    Pretty {
        /// With ANSI colours.
        coloured: bool,
    },
}

/// What happened.
#[derive(Debug)]
pub(super) struct Happening<'e> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: &'e str,
    pub(super) message: String,
    pub(super) fields: Fields,
}

impl Style {
    /// The line, with its end.
    pub(super) fn line(self, happening: &Happening<'_>) -> String {
        match self {
            Self::Json => json(happening),
            Self::Pretty { coloured } => pretty(happening, coloured),
        }
    }
}

/// Keys that every line has; a field of such a name gets a `field_` before it.
const OWN: [&str; 4] = ["timestamp", "level", "message", "target"];

fn json(happening: &Happening<'_>) -> String {
    let mut line = format!(
        r#"{{"timestamp":"{:.3}","level":"{}","message":{}"#,
        happening.at,
        happening.level.as_str().to_ascii_lowercase(),
        Value::from(happening.message.as_str()),
    );
    for (name, value) in &happening.fields.0 {
        let prefix = if OWN.contains(&name.as_str()) {
            "field_"
        } else {
            ""
        };
        let name = Value::from(format!("{prefix}{name}"));
        line.extend([",", &name.to_string(), ":", &value.to_string()]);
    }
    let target = Value::from(happening.target).to_string();
    line.extend([",\"target\":", &target, "}\n"]);
    line
}

fn pretty(happening: &Happening<'_>, coloured: bool) -> String {
    let paint = |code: &str, text: String| {
        if coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text
        }
    };
    let level = match happening.level {
        Level::ERROR => ("31", "ERROR"),
        Level::WARN => ("33", "WARN "),
        Level::INFO => ("32", "INFO "),
        Level::DEBUG => ("34", "DEBUG"),
        Level::TRACE => ("35", "TRACE"),
    };
    let time = format!("{:.3}", happening.at);
    let mut line = format!(
        "{} {} {}",
        paint("2", time),
        paint(level.0, level.1.to_owned()),
        one_line(&happening.message),
    );
    for (name, value) in &happening.fields.0 {
        let value = match value {
            Value::String(text) if is_plain(text) => text.clone(),
            other => other.to_string(),
        };
        line.extend([" ", &paint("2", format!("{name}=")), &value]);
    }
    line.push('\n');
    line
}

/// Whether a text needs no quotes; control characters always do, so that no job can forge a line
/// or paint the terminal.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control() || letter == '"')
}

fn one_line(text: &str) -> String {
    if text.chars().any(char::is_control) {
        text.chars()
            .flat_map(|letter| {
                let escaped = letter.is_control().then(|| letter.escape_default());
                let plain = (!letter.is_control()).then_some(letter);
                escaped.into_iter().flatten().chain(plain)
            })
            .collect()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening() -> Happening<'static> {
        let mut fields = Fields::default();
        fields.set("queue", "content".into());
        fields.set("job_id", "12".into());
        fields.set("attempt", 1.into());
        fields.set("error", "two words\nand \"more\"".into());
        Happening {
            at: "2026-11-24T15:04:05.123456Z".parse().unwrap(),
            level: Level::WARN,
            target: "bullrs::worker",
            message: "failed\x1b[2J".into(),
            fields,
        }
    }

    #[test]
    fn a_json_line_is_one_flat_object_in_a_steady_order() {
        assert_eq!(
            Style::Json.line(&happening()),
            "{\"timestamp\":\"2026-11-24T15:04:05.123Z\",\"level\":\"warn\",\
             \"message\":\"failed\\u001b[2J\",\"queue\":\"content\",\"job_id\":\"12\",\
             \"attempt\":1,\"error\":\"two words\\nand \\\"more\\\"\",\
             \"target\":\"bullrs::worker\"}\n"
        );
    }

    #[test]
    fn a_field_cannot_pass_for_one_of_the_lines_own_keys() {
        let mut one = happening();
        one.fields = Fields::default();
        one.fields.set("level", "fatal".into());
        let line: serde_json::Map<String, Value> =
            serde_json::from_str(&Style::Json.line(&one)).unwrap();
        assert_eq!(line["level"], "warn");
        assert_eq!(line["field_level"], "fatal");
    }

    #[test]
    fn a_pretty_line_stays_one_line_whatever_a_job_says() {
        assert_eq!(
            Style::Pretty { coloured: false }.line(&happening()),
            "2026-11-24T15:04:05.123Z WARN  failed\\u{1b}[2J queue=content job_id=12 attempt=1 \
             error=\"two words\\nand \\\"more\\\"\"\n"
        );
        let coloured = Style::Pretty { coloured: true }.line(&happening());
        assert!(
            coloured.contains("\x1b[33mWARN \x1b[0m failed"),
            "{coloured}"
        );
    }
}
