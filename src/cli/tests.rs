//! The definitions against each other, and the handbook against the definitions, both ways.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, Command};

use super::{Exit, definition};
use crate::config::{JOBS, KEYS, Place, QUEUE, variable_of};

type Flags = BTreeMap<String, String>;

fn handbook(page: &str) -> String {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Every command that does something, with its full name.
fn commands() -> Vec<(String, Command)> {
    fn walk(name: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        let mut deeper = false;
        for inner in command.get_subcommands() {
            if inner.get_name() != "help" {
                deeper = true;
                walk(&format!("{name} {}", inner.get_name()), inner, found);
            }
        }
        if !deeper {
            found.push((name.to_owned(), command.clone()));
        }
    }
    let mut root = definition();
    root.build();
    let mut found = Vec::new();
    walk("bullrs", &root, &mut found);
    found
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        arg.get_long()
            .is_some_and(|long| long != "help" && long != "version")
    })
}

/// Cells of the rows of all tables, by the text of the first cell.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| {
            let cells = line.trim_matches('|').split(" |");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// The words in backticks.
fn ticked(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// `## bullrs x` sections, by command.
fn sections() -> BTreeMap<String, String> {
    handbook("cli.md")
        .split("\n## ")
        .filter(|section| section.starts_with("bullrs "))
        .map(|section| {
            let (title, text) = section.split_once('\n').unwrap();
            (title.to_owned(), text.to_owned())
        })
        .collect()
}

fn documented_flags(section: &str, worker: &Flags) -> Flags {
    let mut flags: Flags = rows(section)
        .iter()
        .filter_map(|row| {
            let flag = ticked(&row[0]).first()?.split([' ', '[']).next()?;
            let variable = ticked(row.get(1)?).first()?.to_string();
            flag.starts_with("--").then(|| (flag.to_owned(), variable))
        })
        .collect();
    let also = section.split("It also takes the flags of `bullrs worker`, except ");
    if let Some(exceptions) = also
        .skip(1)
        .map(|rest| rest.split('.').next().unwrap())
        .next()
    {
        let mut inherited = worker.clone();
        for exception in ticked(exceptions) {
            assert!(inherited.remove(exception).is_some(), "{exception}");
        }
        flags.extend(inherited);
    }
    flags
}

#[test]
fn the_definitions_hold_together() {
    definition().debug_assert();
}

#[test]
fn every_flag_has_the_variable_of_its_name_and_hides_its_value() {
    for (name, command) in commands() {
        for arg in flags(&command) {
            let variable = arg.get_env().map(|variable| variable.to_str().unwrap());
            let expected = variable_of(arg.get_id().as_str());
            assert_eq!(variable, Some(expected.as_str()), "{name} {arg}");
            assert!(arg.is_hide_env_values_set(), "{name} {arg}");
            let flag = arg.get_long().unwrap().replace('-', "_");
            assert_eq!(arg.get_id().as_str(), flag, "{name}");
        }
    }
}

#[test]
fn every_setting_is_a_flag_of_worker_with_its_default_in_the_help() {
    let (_, worker) = commands()
        .into_iter()
        .find(|(name, _)| name == "bullrs worker")
        .unwrap();
    let mut texts: BTreeSet<String> = flags(&worker)
        .filter(|arg| arg.get_num_args().is_some_and(|range| range.takes_values()))
        .map(|arg| arg.get_id().to_string())
        .collect();
    assert!(texts.remove("config"));
    let keys: BTreeSet<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(texts, keys);
    for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
        let arg = flags(&worker).find(|arg| arg.get_id() == key.name).unwrap();
        let help = arg.get_help().unwrap().to_string();
        let default = format!("[default: {}]", key.default);
        assert!(help.ends_with(&default), "{}: {help}", key.name);
    }
}

#[test]
fn the_handbook_has_every_command_and_no_other() {
    let defined: BTreeSet<String> = commands().into_iter().map(|(name, _)| name).collect();
    let documented: BTreeSet<String> = sections().into_keys().collect();
    assert_eq!(documented, defined);
}

#[test]
fn the_handbook_has_every_flag_of_every_command_and_no_other() {
    let sections = sections();
    let worker = documented_flags(&sections["bullrs worker"], &Flags::new());
    for (name, command) in commands() {
        let defined: Flags = flags(&command)
            .map(|arg| {
                let variable = arg.get_env().unwrap().to_str().unwrap();
                (
                    format!("--{}", arg.get_long().unwrap()),
                    variable.to_owned(),
                )
            })
            .collect();
        assert_eq!(
            documented_flags(&sections[&name], &worker),
            defined,
            "{name}"
        );
    }
}

#[test]
fn the_handbook_gives_the_defaults_of_the_help() {
    let (_, worker) = commands()
        .into_iter()
        .find(|(name, _)| name == "bullrs worker")
        .unwrap();
    for row in rows(&sections()["bullrs worker"]) {
        let Some(flag) = ticked(&row[0])
            .first()
            .copied()
            .filter(|flag| flag.starts_with("--"))
        else {
            continue;
        };
        let flag = flag
            .split([' ', '['])
            .next()
            .unwrap()
            .trim_start_matches('-');
        let arg = flags(&worker)
            .find(|arg| arg.get_long() == Some(flag))
            .unwrap();
        let help = arg.get_help().unwrap().to_string();
        let default = help
            .split_once("[default: ")
            .map_or("", |(_, default)| default);
        assert_eq!(row[2], default.trim_end_matches(']'), "--{flag}");
    }
}

#[test]
fn the_handbook_has_every_setting_with_its_sources_and_default() {
    let page = handbook("configuration.md");
    let documented: BTreeMap<String, [String; 3]> = rows(&page)
        .iter()
        .filter(|row| row.len() >= 5 && row[1].starts_with("`--"))
        .map(|row| {
            let key = ticked(&row[0])[0].to_owned();
            let default = row[3].trim_matches('`').to_owned();
            (key, [row[1].clone(), row[2].clone(), default])
        })
        .collect();
    let defined: BTreeMap<String, [String; 3]> = KEYS
        .iter()
        .filter(|key| key.place != Place::Run)
        .map(|key| {
            let own = key.variable();
            let variables: Vec<String> = std::iter::once(own.as_str())
                .chain(key.shared_variable)
                .map(|variable| format!("`{variable}`"))
                .collect();
            let default = if key.default.is_empty() {
                "none"
            } else {
                key.default
            };
            let flag = format!("`{}`", key.flag());
            (key.path(), [flag, variables.join(", "), default.to_owned()])
        })
        .collect();
    assert_eq!(documented, defined);

    let shared: BTreeMap<String, String> = rows(&page)
        .iter()
        .filter(|row| row.len() == 2)
        .filter_map(
            |row| match (ticked(&row[0])[..].first(), &ticked(&row[1])[..]) {
                (Some(variable), [own]) if own.starts_with("BULLRS_") => {
                    Some((variable.to_string(), own.to_string()))
                }
                _ => None,
            },
        )
        .collect();
    let defined: BTreeMap<String, String> = KEYS
        .iter()
        .filter_map(|key| Some((key.shared_variable?.to_owned(), key.variable())))
        .collect();
    assert_eq!(shared, defined);
}

#[test]
fn the_handbook_has_every_key_of_a_queues_table() {
    let page = handbook("configuration.md");
    let table = page.split("In `[queues.NAME]`").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let documented: BTreeSet<String> = rows(table)
        .iter()
        .filter_map(|row| Some((*ticked(&row[0]).first()?).to_owned()))
        .collect();
    let own = QUEUE.iter().filter(|key| **key != "jobs");
    let named = JOBS.iter().map(|key| format!("jobs.NAME.{key}"));
    let defined: BTreeSet<String> = own.map(ToString::to_string).chain(named).collect();
    assert_eq!(documented, defined);
}

#[test]
fn the_example_file_of_the_handbook_is_sound_and_has_a_key_of_every_table() {
    let page = handbook("configuration.md");
    for (at, example) in page.split("```toml\n").skip(1).enumerate() {
        let text = example.split("```").next().unwrap();
        let sources = crate::config::Sources {
            file: Some(("bullrs.toml".into(), text.into())),
            ..Default::default()
        };
        let mut reader = crate::config::Reader::new(&sources);
        let _redis = reader.redis();
        let _store = reader.store();
        let _log = reader.log();
        let options = reader.worker();
        let entries = reader.finish().unwrap();
        if at == 0 {
            assert_eq!(options.queues.len(), 2);
            for key in KEYS.iter().filter(|key| key.place == Place::Top) {
                let entry = entries
                    .iter()
                    .find(|entry| entry.path == key.path())
                    .unwrap();
                assert_eq!(entry.origin.rank(), 2, "{} is not in the example", key.name);
            }
        }
    }
}

#[test]
fn the_handbook_has_every_exit_code() {
    let page = handbook("cli.md");
    let codes: Vec<u8> = rows(&page)
        .iter()
        .filter_map(|row| row[0].parse().ok())
        .collect();
    let known = [
        Exit::Fine,
        Exit::Failed,
        Exit::Usage,
        Exit::Unreachable,
        Exit::Abandoned,
    ];
    assert_eq!(codes, known.map(|exit| exit as u8));
}
