//! Help texts, word for word: `tests/cli/help/*.txt`. `BULLRS_UPDATE_HELP=1` writes them anew; look
//! at the difference before you commit it.

use super::process::{Ended, Run, root};

const PAGES: [&str; 19] = [
    "--help",
    "-h",
    "worker --help",
    "worker -h",
    "job --help",
    "job cancel --help",
    "migrate --help",
    "payload --help",
    "payload keygen --help",
    "payload encrypt --help",
    "payload decrypt --help",
    "payload rotate --help",
    "scripts --help",
    "scripts export --help",
    "bench --help",
    "bench worker --help",
    "config --help",
    "config show --help",
    "completions --help",
];

#[test]
fn every_command_explains_itself_on_standard_output() {
    for page in PAGES {
        // Secrets of the environment must not show up as current values.
        let ended = Run::line(page)
            .env("BULLRS_REDIS_URL", "redis://:canary@cache")
            .env("BULLRS_DATABASE_URL", "postgres://u:canary@db/app")
            .end();
        let file = format!("{}.txt", page.replace(' ', "-").replace("--", "-"));
        let path = root()
            .join("tests/cli/help")
            .join(file.trim_start_matches('-'));
        if std::env::var_os("BULLRS_UPDATE_HELP").is_some() {
            std::fs::write(&path, &ended.stdout).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            ended.stdout == kept,
            "`bullrs {page}` says\n{}\nand {} has\n{kept}",
            ended.stdout,
            path.display()
        );
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{page}");
        assert!(!ended.stdout.contains("canary"), "{page}");
    }
}

#[test]
fn a_command_that_needs_another_word_shows_its_help_and_fails() {
    for (typed, page) in [
        ("", "-h"),
        ("payload", "payload -h"),
        ("scripts", "scripts -h"),
        ("bench", "bench -h"),
        ("config", "config -h"),
    ] {
        let help = Run::line(page).end();
        Run::line(typed).expect(2, "", &help.stdout);
    }
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("bullrs {}\n", env!("CARGO_PKG_VERSION"));
    Run::line("--version").expect(0, &version, "");
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let Ended {
            code,
            stdout,
            stderr,
        } = Run::new(&["completions", shell]).end();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["worker", "migrate", "lock-duration", "mode"] {
            assert!(stdout.contains(word), "{shell} does not know {word}");
        }
    }
}
