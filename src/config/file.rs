//! `bullrs.toml`: read whole, every fault with its line, nothing ignored.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Faults, Key, Origin, Place, QueueSection, closest,
    key::{KEYS, LATER_TOP, LATER_WORKER},
};

/// What a configuration file says. `Debug` shows no values: they may be credentials.
#[derive(Default)]
pub struct File {
    path: Arc<str>,
    values: BTreeMap<&'static str, (usize, String)>,
    queues: Vec<QueueSection>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path)
            .field("keys", &self.values.keys())
            .field("queues", &self.queues)
            .finish()
    }
}

impl File {
    /// Reads the text of the file that the user calls `path`.
    pub fn read(path: &str, text: &str, faults: &mut Faults) -> Self {
        let mut file = Self {
            path: path.into(),
            ..Self::default()
        };
        let mut walker = Walker {
            path: Arc::clone(&file.path),
            text,
            faults,
        };
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            // The error's own text quotes the line, which may hold a password.
            walker.fault(error.span().unwrap_or_default(), error.message());
        }
        for (name, value) in in_order(document.get_ref()) {
            match name.get_ref().as_ref() {
                "worker" => {
                    for (name, value) in walker.entries("`[worker]`", value) {
                        file.setting(&mut walker, Place::Worker, name, value);
                    }
                }
                "queues" => {
                    for (name, value) in walker.entries("`[queues.NAME]`", value) {
                        file.queues
                            .extend(QueueSection::read(&mut walker, name, value));
                    }
                }
                _ => file.setting(&mut walker, Place::Top, name, value),
            }
        }
        file
    }

    /// The value of a key and where it stands.
    pub fn value(&self, key: &Key) -> Option<(Origin, &str)> {
        let (line, text) = self.values.get(key.name)?;
        Some((self.origin(*line), text))
    }

    /// The `[queues.NAME]` tables, in their order.
    pub fn queues(&self) -> &[QueueSection] {
        &self.queues
    }

    /// A line of this file.
    pub fn origin(&self, line: usize) -> Origin {
        Origin::File {
            path: Arc::clone(&self.path),
            line,
        }
    }

    fn setting(
        &mut self,
        walker: &mut Walker<'_>,
        place: Place,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let (key, text) = (name.get_ref().as_ref(), name.span());
        let Some(known) = KEYS
            .iter()
            .find(|known| known.name == key && known.place == place)
        else {
            let complaint = complain(place, key, value.get_ref());
            walker.fault(text, &complaint);
            return;
        };
        let line = walker.line(&value.span());
        if let Some(text) = walker.scalar(&known.path(), value) {
            self.values.insert(known.name, (line, text));
        }
    }
}

/// Why a key is not read where it stands.
fn complain(place: Place, key: &str, value: &DeValue<'_>) -> String {
    let (table, later): (_, &[&str]) = match place {
        Place::Worker => ("in `[worker]`", &LATER_WORKER),
        Place::Top | Place::Run => ("at the top", &LATER_TOP),
    };
    if later.contains(&key) {
        let shown = match value {
            DeValue::Array(_) => format!("[[{key}]]"),
            DeValue::Table(_) => format!("[{key}]"),
            _ => key.to_owned(),
        };
        return format!("`{shown}` is not supported by this version");
    }
    if let Some(elsewhere) = KEYS.iter().find(|known| known.name == key) {
        return match elsewhere.place {
            Place::Top => format!("`{key}` belongs at the top of the file, above all tables"),
            Place::Worker => format!("`{key}` belongs in `[worker]`"),
            Place::Run => format!("`{key}` is a flag only: `{}`", elsewhere.flag()),
        };
    }
    let here = KEYS
        .iter()
        .filter(|known| known.place == place)
        .map(|known| known.name);
    let tables = ["worker", "queues"].into_iter();
    let candidate = match place {
        Place::Worker => closest(key, here),
        Place::Top | Place::Run => closest(key, here.chain(tables)),
    };
    unknown(key, table, candidate)
}

/// The sentence for a key that nothing reads.
pub(super) fn unknown(key: &str, table: &str, candidate: Option<&str>) -> String {
    match candidate {
        Some(candidate) => {
            format!("unknown key `{key}` {table}; did you mean `{candidate}`?")
        }
        None => format!("unknown key `{key}` {table}"),
    }
}

/// A table's entries in the order of the file, so that faults and queues follow it.
fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(
    &'t Spanned<std::borrow::Cow<'i, str>>,
    &'t Spanned<DeValue<'i>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

/// Reads values of the document and notes what is wrong with them.
pub(super) struct Walker<'f> {
    path: Arc<str>,
    text: &'f str,
    faults: &'f mut Faults,
}

impl Walker<'_> {
    /// The line, from 1, on which something begins.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        1 + before.split(|byte| *byte == b'\n').skip(1).count()
    }

    pub(super) fn fault(&mut self, span: Range<usize>, text: &str) {
        let origin = Origin::File {
            path: Arc::clone(&self.path),
            line: self.line(&span),
        };
        self.faults.at(&origin, text);
    }

    /// The entries of a table; nothing, and a fault, when the value is none.
    pub(super) fn entries<'t, 'i>(
        &mut self,
        what: &str,
        value: &'t Spanned<DeValue<'i>>,
    ) -> Vec<(
        &'t Spanned<std::borrow::Cow<'i, str>>,
        &'t Spanned<DeValue<'i>>,
    )> {
        if let DeValue::Table(table) = value.get_ref() {
            return in_order(table);
        }
        let found = kind(value.get_ref());
        self.fault(value.span(), &format!("{what} is a table, not {found}"));
        Vec::new()
    }

    /// A value as the text that a flag would have; lists are joined with commas.
    pub(super) fn scalar(&mut self, what: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Boolean(yes) => Some(yes.to_string()),
            DeValue::Integer(number) => Some(
                i64::from_str_radix(number.as_str(), number.radix())
                    .map_or_else(|_| number.to_string(), |number| number.to_string()),
            ),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Array(list) if what == "worker.queues" => list
                .iter()
                .map(|entry| match entry.get_ref() {
                    DeValue::String(text) => Some(text.clone().into_owned()),
                    other => {
                        let text = format!("`{what}` lists queue names, not {}", kind(other));
                        self.fault(entry.span(), &text);
                        None
                    }
                })
                .collect::<Option<Vec<_>>>()
                .map(|names| names.join(",")),
            other => {
                let text = format!("`{what}` is a single value, not {}", kind(other));
                self.fault(value.span(), &text);
                None
            }
        }
    }

    /// A value that one of the parsers of flags understands.
    pub(super) fn read<T>(
        &mut self,
        what: &str,
        value: &Spanned<DeValue<'_>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.scalar(what, value)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(value.span(), &format!("`{what}`: {error}"));
                None
            }
        }
    }
}

/// What a value is, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a switch",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests;
