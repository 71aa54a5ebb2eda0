//! Where settings are looked for, the strongest first.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

use super::{Faults, File, Key, Origin};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "bullrs.toml";

/// What was typed, or stood in a `BULLRS_*` variable, by the setting's name.
#[derive(Clone, Default)]
pub struct Given(BTreeMap<String, (Origin, String)>);

impl Given {
    /// Notes a value. An empty variable counts as unset, as `${VARIABLE:-}` in a compose file
    /// leaves it.
    pub fn set(&mut self, name: &str, origin: Origin, text: &str) {
        if !(text.is_empty() && matches!(origin, Origin::Environment(_))) {
            self.0.insert(name.to_owned(), (origin, text.to_owned()));
        }
    }

    /// A value and where it was found.
    pub fn get(&self, name: &str) -> Option<(Origin, &str)> {
        self.0
            .get(name)
            .map(|(origin, text)| (origin.clone(), text.as_str()))
    }
}

/// Everything a setting may come from. `Debug` shows names only: values may be credentials.
#[derive(Clone, Default)]
pub struct Sources {
    /// Flags and `BULLRS_*` variables.
    pub given: Given,
    /// Variables that apps already have, such as `REDIS_URL`.
    pub environment: BTreeMap<String, String>,
    /// The file's name as the user wrote it, and its text.
    pub file: Option<(String, String)>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("given", &self.given)
            .field("file", &self.file.as_ref().map(|(path, _)| path))
            .finish_non_exhaustive()
    }
}

impl Sources {
    /// Reads the named file, or `bullrs.toml` where there is one.
    ///
    /// # Errors
    /// One fault, when a file was named, or is there, and cannot be read.
    pub fn open_file(&mut self, directory: &Path) -> Result<(), Faults> {
        let named = self.given.get("config");
        let path = named.as_ref().map_or(DEFAULT_FILE, |(_, path)| path);
        let full: PathBuf = directory.join(path);
        self.file = match std::fs::read_to_string(&full) {
            Ok(text) => Some((path.to_owned(), text)),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let mut faults = Faults::default();
                let text = format!("cannot read `{path}`: {}", reason(&error));
                match named {
                    Some((origin, _)) => faults.at(&origin, &text),
                    None => faults.general(&text),
                }
                return Err(faults);
            }
        };
        Ok(())
    }

    /// A setting's strongest value. The file comes parsed, so that it is parsed once.
    pub(super) fn find(&self, key: &Key, file: Option<&File>) -> Option<(Origin, String)> {
        let own = |(origin, text): (Origin, &str)| (origin, text.to_owned());
        self.given
            .get(key.name)
            .map(own)
            .or_else(|| self.shared(key))
            .or_else(|| file.and_then(|file| file.value(key)).map(own))
    }

    fn shared(&self, key: &Key) -> Option<(Origin, String)> {
        let variable = key.shared_variable?;
        let text = self.environment.get(variable)?;
        (!text.is_empty()).then(|| (Origin::Environment(variable.to_owned()), text.clone()))
    }
}

/// The system's words, without the number that says nothing to a reader.
pub(crate) fn reason(error: &io::Error) -> String {
    plain(&error.to_string())
}

/// As [`reason`], of a text that a library made out of such an error.
pub(crate) fn plain(text: &str) -> String {
    let words = match text.split_once(" (os error ") {
        Some((words, rest)) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{words}{after}")
        }
        None => text.to_owned(),
    };
    let mut letters = words.chars();
    match letters.next() {
        // An abbreviation such as `TLS` stays as it is.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_lose_their_number() {
        for (text, words) in [
            ("Connection refused (os error 111)", "connection refused"),
            ("Is a directory (os error 21) in x", "is a directory in x"),
            ("TLS handshake failed", "TLS handshake failed"),
            ("", ""),
        ] {
            assert_eq!(plain(text), words);
        }
    }
}
