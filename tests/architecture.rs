//! Layers point downwards only, libraries stay in their layer, and files stay small.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Layer of each top-level module (`docs/architecture.md`).
const LAYERS: &[(&str, u8)] = &[
    ("backoff", 0),
    ("clock", 0),
    ("cron", 0),
    ("error", 0),
    ("wire", 0),
    ("conn", 1),
    ("script", 1),
    // Layers 2 and 3 know each other: a client makes workers, a job in a handler is a worker's.
    ("client", 3),
    ("flow", 3),
    ("events", 3),
    ("job", 3),
    ("queue", 3),
    ("scheduler", 3),
    ("signal", 3),
    ("testing", 3),
    ("worker", 3),
    ("store", 4),
    ("processor", 5),
    ("api", 6),
    ("config", 7),
    ("cli", 7),
    ("lib", 8),
    ("main", 8),
];

/// Libraries that only some modules may name.
const CONFINED: &[(&str, &[&str])] = &[
    ("redis::", &["conn", "script"]),
    ("sqlx::", &["store"]),
    ("reqwest::", &["processor"]),
    ("axum::", &["api"]),
    ("clap::", &["cli"]),
    ("rmp::", &["wire"]),
];

/// Names that the crate's root re-exports, and the module that each comes from.
const ROOT: &[(&str, &str)] = &[
    ("BoxError", "error"),
    ("CancelOutcome", "worker"),
    ("CancelReason", "worker"),
    ("Client", "client"),
    ("Error", "error"),
    ("Failure", "error"),
    ("Result", "error"),
    ("Outcome", "worker"),
    ("Queue", "queue"),
];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path, text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    assert!(found.len() > 40, "the walk found {} files", found.len());
    found
}

fn module_of(path: &Path) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = path.strip_prefix(source).unwrap();
    let first = inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

fn layer(module: &str) -> u8 {
    let found = LAYERS.iter().find(|(name, _)| *name == module);
    found
        .unwrap_or_else(|| panic!("module `{module}` has no layer"))
        .1
}

/// Without tests and comments, which may name anything.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Top-level modules named as `crate::x` or inside `crate::{…}`.
fn uses(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_start = true;
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    _ if depth == 0 && at_start && (letter.is_alphanumeric() || letter == '_') => {
                        word.push(letter);
                        continue;
                    }
                    _ if letter.is_whitespace() => {}
                    _ => at_start = false,
                }
                if !word.is_empty() {
                    found.push(std::mem::take(&mut word));
                    at_start = letter == ',';
                }
            }
            if !word.is_empty() {
                found.push(word);
            }
        } else {
            found.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    found
}

#[test]
fn layers_point_downwards() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        if module == "lib" || module == "main" {
            continue;
        }
        for used in uses(&code(&text)) {
            let used = ROOT
                .iter()
                .find(|(name, _)| *name == used)
                .map_or(used.as_str(), |(_, m)| m);
            if layer(used) > layer(&module) {
                faults.push(format!("{}: `{module}` uses `{used}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn libraries_stay_in_their_layer() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = module_of(&path);
        let code = code(&text);
        for (library, homes) in CONFINED {
            let named = code.match_indices(library).any(|(at, _)| {
                !code[..at].ends_with(|before: char| {
                    before.is_alphanumeric() || before == '_' || before == ':'
                })
            });
            if named && !homes.contains(&module.as_str()) {
                faults.push(format!("{}: names `{library}`", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn files_are_small_enough_to_hold_in_the_head() {
    for (path, text) in sources() {
        let lines = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .lines()
            .count();
        assert!(lines <= 600, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_reader_of_uses_sees_what_is_there() {
    let code = "use crate::{Error, Result, conn::Conn, script::call::{self, Finish}, wire};\ncrate::clock::now()";
    assert_eq!(
        uses(code),
        ["Error", "Result", "conn", "script", "wire", "clock"]
    );
}
