//! The image and the compose file, as far as they can be checked without building them.

use std::{collections::BTreeSet, fs};

use super::process::root;

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What the `COPY` lines take from the repository.
fn copied() -> Vec<String> {
    read("Dockerfile")
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from="))
        .flat_map(|line| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            words.pop();
            words
        })
        .collect()
}

#[test]
fn the_image_copies_what_is_there_and_what_dockerignore_lets_through() {
    let copied = copied();
    assert!(copied.len() >= 6, "{copied:?}");
    let allowed: BTreeSet<String> = read(".dockerignore")
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    for path in &copied {
        assert!(root().join(path).exists(), "{path}");
    }
    assert_eq!(copied.into_iter().collect::<BTreeSet<_>>(), allowed);
}

#[test]
fn everything_that_the_build_reads_is_copied() {
    fn walk(folder: &std::path::Path, found: &mut Vec<(std::path::PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut sources = Vec::new();
    walk(&root().join("src"), &mut sources);
    let copied = copied();
    let mut included = 0;
    for (path, text) in sources {
        // Test modules may read more; the image does not build them.
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if is_test {
            continue;
        }
        for piece in code.split('"').filter(|piece| piece.starts_with("../")) {
            let top = piece.trim_start_matches("../").split('/').next().unwrap();
            if root().join(top).exists() {
                included += 1;
                assert!(
                    copied.iter().any(|one| one == top),
                    "{}: {piece}",
                    path.display()
                );
            }
        }
    }
    assert!(included >= 3, "found {included} includes");
}

#[test]
fn the_image_runs_the_binary_without_rights_and_without_a_shell() {
    let file = read("Dockerfile");
    let stages: Vec<&str> = file.split("\nFROM ").collect();
    let last = stages.last().unwrap();
    assert!(
        last.starts_with("gcr.io/distroless/static-debian12:nonroot\n"),
        "{last}"
    );
    for line in [
        "USER nonroot",
        "ENTRYPOINT [\"/usr/local/bin/bullrs\"]",
        "WORKDIR /data",
    ] {
        assert!(last.lines().any(|found| found == line), "{line}");
    }
    let toolchain = stages.get(1).unwrap().split([':', '-']).nth(1).unwrap();
    let needed = read("Cargo.toml");
    let needed = needed
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap()
        .trim_matches('"')
        .to_owned();
    let minor = |version: &str| version.split('.').nth(1).unwrap().parse::<u32>().unwrap();
    assert!(
        minor(toolchain) >= minor(&needed),
        "{toolchain} builds {needed}"
    );
}

/// Keys of a mapping in block style, by their path; enough of YAML for this file, and any line
/// that it does not understand fails the test.
fn outline(text: &str) -> Vec<(String, String)> {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        assert!(!line.contains('\t'), "a tab in `{line}`");
        let indent = line.len() - trimmed.len();
        path.retain(|(outer, _)| *outer < indent);
        if let Some(item) = trimmed.strip_prefix("- ") {
            let outer: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
            found.push((outer.join("."), item.to_owned()));
            continue;
        }
        let (key, value) = trimmed
            .split_once(':')
            .unwrap_or_else(|| panic!("no key in `{line}`"));
        path.push((indent, key.to_owned()));
        let full: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
        found.push((full.join("."), value.trim().to_owned()));
    }
    found
}

#[test]
fn the_compose_file_keeps_jobs_and_gives_the_worker_time_to_drain() {
    let outline = outline(&read("docker-compose.yml"));
    let value = |path: &str| {
        let entry = outline.iter().find(|(known, _)| known == path);
        entry.map_or_else(|| panic!("no {path}"), |(_, value)| value.clone())
    };
    let redis = value("services.redis.command");
    for word in [
        "--appendonly\", \"yes",
        "--maxmemory-policy\", \"noeviction",
    ] {
        assert!(redis.contains(word), "{redis}");
    }
    for service in ["redis", "postgres"] {
        let _defined = value(&format!("services.{service}.image"));
        let ports: Vec<&String> = outline
            .iter()
            .filter(|(path, _)| *path == format!("services.{service}.ports"))
            .map(|(_, port)| port)
            .filter(|port| !port.is_empty())
            .collect();
        assert!(
            ports.iter().all(|port| port.starts_with("\"127.0.0.1:")),
            "{ports:?}"
        );
        let condition = format!("services.worker.depends_on.{service}.condition");
        assert_eq!(value(&condition), "service_healthy");
    }
    assert_eq!(value("services.worker.build"), ".");
    let grace = bullrs::config::duration(&value("services.worker.stop_grace_period")).unwrap();
    let drain = bullrs::config::KEYS
        .iter()
        .find(|key| key.name == "drain")
        .unwrap();
    let last_writes = std::time::Duration::from_secs(4);
    assert!(grace > bullrs::config::duration(drain.default).unwrap() + last_writes);
}

#[test]
fn the_compose_file_sets_only_variables_that_the_worker_reads() {
    let known: BTreeSet<String> = bullrs::config::KEYS
        .iter()
        .flat_map(|key| std::iter::once(key.variable()).chain(key.shared_variable.map(Into::into)))
        .chain(["BULLRS_PAYLOAD_KEYS", "OPENAI_BASE_URL", "OPENAI_API_KEY"].map(Into::into))
        .collect();
    let outline = outline(&read("docker-compose.yml"));
    let set: Vec<&str> = outline
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("services.worker.environment."))
        .collect();
    assert!(
        set.contains(&"REDIS_URL") && set.contains(&"DATABASE_URL"),
        "{set:?}"
    );
    for variable in set {
        assert!(known.contains(variable), "{variable}");
    }
}
