//! From the parser's matches to [`Sources`]: what was typed, and what the environment holds.

use std::collections::BTreeMap;

use clap::{ArgMatches, parser::ValueSource};

use crate::{
    config::{Fault, Faults, Given, Origin, Reader, Redactor, Sources, flag_of, variable_of},
    store::Keyring,
};

/// Never a flag: command lines are seen by every user of the machine.
pub(super) const PAYLOAD_KEYS: &str = "BULLRS_PAYLOAD_KEYS";

/// Everything that settings of this command may come from.
///
/// # Errors
/// One fault, when the configuration file cannot be read.
pub(super) fn sources(matches: &ArgMatches) -> Result<Sources, Vec<Fault>> {
    let mut sources = Sources {
        given: given(matches),
        environment: environment(),
        file: None,
    };
    let here = std::env::current_dir().unwrap_or_default();
    sources.open_file(&here).map_err(Faults::into_sorted)?;
    Ok(sources)
}

/// Only texts are settings; switches such as `--json` are read by their command.
fn given(matches: &ArgMatches) -> Given {
    let mut given = Given::default();
    for id in matches.ids() {
        let name = id.as_str();
        let Ok(Some(text)) = matches.try_get_one::<String>(name) else {
            continue;
        };
        let origin = match matches.value_source(name) {
            Some(ValueSource::CommandLine) => Origin::Flag(flag_of(name)),
            Some(ValueSource::EnvVariable) => Origin::Environment(variable_of(name)),
            _ => continue,
        };
        given.set(name, origin, text);
    }
    given
}

/// Variables whose text is not UTF-8 are none that we read.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Knows every credential that the environment and the settings hold.
pub(super) fn redactor(sources: &Sources) -> Redactor {
    let mut redactor = environment_redactor(&sources.environment);
    for name in ["redis_url", "database_url"] {
        if let Some((_, url)) = sources.given.get(name) {
            redactor.learn_url(url);
        }
    }
    redactor
}

/// Knows every credential of the environment.
pub(super) fn known_secrets() -> Redactor {
    environment_redactor(&environment())
}

fn environment_redactor(environment: &BTreeMap<String, String>) -> Redactor {
    let mut redactor = Redactor::new();
    for (name, value) in environment {
        match name.as_str() {
            "REDIS_URL" | "BULLRS_REDIS_URL" | "DATABASE_URL" | "BULLRS_DATABASE_URL" => {
                redactor.learn_url(value);
            }
            PAYLOAD_KEYS => redactor.learn_keys(value),
            "OPENAI_API_KEY" | "BULLRS_API_TOKEN" => redactor.learn(value),
            _ => {}
        }
    }
    redactor
}

/// The keys of `BULLRS_PAYLOAD_KEYS`, if it is set; what is wrong with them is a fault.
pub(super) fn keyring(sources: &Sources, reader: &mut Reader<'_>) -> Option<Keyring> {
    let keys = sources.environment.get(PAYLOAD_KEYS)?;
    if keys.is_empty() {
        return None;
    }
    Keyring::parse(keys)
        .map_err(|error| reader.fault(&error.to_string()))
        .ok()
}
