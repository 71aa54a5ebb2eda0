//! Wrong usage: one message, exit code 2, and no credential in it.

use super::process::Run;

#[test]
fn wrong_usage_is_named_with_what_would_be_right() {
    for (typed, stderr) in [
        (
            "wrker",
            "error: unknown command `wrker`\n\nhint: did you mean `worker`?\n",
        ),
        (
            "dance",
            "error: unknown command `dance`\n\nhint: `bullrs --help` lists the commands\n",
        ),
        (
            "worker --quues a",
            "error: unknown flag `--quues`\n\nhint: did you mean `--queues`?\n",
        ),
        (
            "worker content",
            "error: unexpected argument `content`\n\nhint: usage: bullrs worker [OPTIONS]\n",
        ),
        (
            "worker --drain",
            "error: `--drain <DURATION>` needs a value\n",
        ),
        (
            "worker --drain 1s --drain 2s",
            "error: `--drain <DURATION>` is given twice\n\nhint: usage: bullrs worker [OPTIONS]\n",
        ),
        (
            "worker --processors jobs",
            "error: `--processors` is not supported by this version\n\n\
             hint: `bullrs --help` lists what is\n",
        ),
        (
            "doctor",
            "error: `doctor` is not supported by this version\n\n\
             hint: `bullrs --help` lists what is\n",
        ),
        (
            "bench worker --mode dance",
            "error: --mode: `dance` is no mode; write noop, echo, sleep:MS, fail:N or mono\n",
        ),
        (
            "completions xonsh9",
            "error: `xonsh9` is no value for `<SHELL>`\n\n\
             hint: write one of `bash`, `elvish`, `fish`, `powershell`, `zsh`\n",
        ),
        (
            "payload encrypt",
            "error: missing `--content-job-id <ID>`\n\n\
             hint: usage: bullrs payload encrypt --content-job-id <ID>\n",
        ),
    ] {
        Run::line(typed).expect(2, "", stderr);
    }
}

#[test]
fn no_mistake_with_a_url_shows_its_password() {
    for typed in [
        "redis://app:canary@cache:6379",
        "worker redis://app:canary@cache:6379",
        "worker --redis redis://app:canary@cache:6379",
        "worker --redis=redis://app:canary@cache:6379",
        "worker --redis-url=redis://app:canary@cache:port --queues a",
        "worker --redis-url=http://app:canary@cache --queues a",
        "worker --redis-url=redis://app:canary@cache --redis-url=redis://app:canary@cache",
        "worker --strict=redis://app:canary@cache --queues a",
        "worker --strict redis://app:canary@cache --queues a",
        "worker --drain=redis://app:canary@cache --queues a",
        "worker --queues redis://app:canary@cache",
        "worker --queues a --database-url mysql://app:canary@db/app",
        "worker --queues a --database-url postgres://app:canary@db:port/app",
        "worker --config postgres://app:canary@db/app",
        "bench worker --mode redis://app:canary@cache",
        "migrate --database-url mysql://app:canary@db/app",
        "migrate --database-url postgres://app:canary@db:port/app",
        "migrate --database-url postgres://db:port/app?password=canary",
        "completions redis://app:canary@cache",
        "scripts export --to redis://app:canary@cache",
        "payload keygen --key-id redis://app:canary@cache",
    ] {
        let ended = Run::line(typed).end();
        assert_eq!(ended.code, Some(2), "{typed}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{typed}");
        assert!(
            ended.stderr.starts_with("error: "),
            "{typed}: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains("canary"),
            "{typed}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    use std::process::{Command, Stdio};
    for typed in [
        "--help",
        "config show --queues a",
        "worker --queues content --explain",
        "completions bash",
        "payload keygen",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(super::process::BINARY)
            .args(typed.split(' '))
            .env_clear()
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = child.wait().unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{typed}");
    }
}

/// The writing end of a pipe that nobody reads.
fn closed_pipe() -> std::process::Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}
