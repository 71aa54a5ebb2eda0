use std::{collections::BTreeSet, fs};

use super::*;
use crate::script::assemble::{header_field, included, split_header};

fn files(folder: &str) -> BTreeSet<String> {
    fs::read_dir(format!("{}/lua/{folder}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".lua").map(str::to_owned))
        .collect()
}

#[test]
fn every_file_of_lua_is_listed() {
    let commands: BTreeSet<String> = COMMANDS
        .iter()
        .map(|script| script.name.to_owned())
        .collect();
    assert_eq!(commands, files("commands"));
    let routines: BTreeSet<String> = SHARED.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(routines, files("shared"));
}

#[test]
fn every_include_exists_and_every_routine_is_included() {
    let mut used = BTreeSet::new();
    let sources = COMMANDS.iter().map(|script| script.source);
    for source in sources.chain(SHARED.iter().filter_map(|&name| shared(name))) {
        for name in included(source) {
            assert!(shared(name).is_some(), "unknown include `{name}`");
            used.insert(name.to_owned());
        }
    }
    let all: BTreeSet<String> = SHARED.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(used, all, "a routine that nothing includes");
}

#[test]
fn no_include_is_circular() {
    fn walk(name: &str, above: &mut Vec<String>) {
        assert!(
            !above.iter().any(|other| other == name),
            "circular: {above:?} {name}"
        );
        above.push(name.to_owned());
        for inner in included(shared(name).unwrap()) {
            walk(inner, above);
        }
        above.pop();
    }
    for name in SHARED {
        walk(name, &mut Vec::new());
    }
}

#[test]
fn every_command_states_its_contract() {
    for script in COMMANDS {
        let (header, body) = split_header(script.source);
        for field in ["args", "reply", "errors", "bullmq"] {
            assert!(
                header_field(header, field).is_some(),
                "{} lacks `{field}`",
                script.name
            );
        }
        assert!(
            body.trim_start().starts_with("local "),
            "{} binds no keys",
            script.name
        );
        assert!(
            !script.source.contains("\"TIME\""),
            "{} asks for the time",
            script.name
        );
        assert!(body.lines().count() <= 120, "{} is too long", script.name);
    }
}

#[test]
fn every_routine_is_one_function_of_its_file_name() {
    for name in SHARED {
        let (_, body) = split_header(shared(name).unwrap());
        assert!(
            body.trim_start()
                .starts_with(&format!("local function {name}(")),
            "{name} does not begin with its function"
        );
        assert_eq!(
            body.matches("\nlocal function ").count(),
            0,
            "{name} has a second function"
        );
    }
}
