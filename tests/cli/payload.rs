//! Payload keys and envelopes, and the tables they live in.

use bullrs::store::{Keyring, NewJob, Store};

use super::process::Run;

const OLD: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const KEYS: &str = "BULLRS_PAYLOAD_KEYS";

fn key(args: &[&str]) -> String {
    let ended = Run::line("payload keygen").args(args).end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn a_payload_comes_back_byte_for_byte() {
    let keys = key(&[]);
    assert!(keys.starts_with("k1:"), "{keys}");
    assert_ne!(key(&[]), keys);
    for text in ["{\"a\":1}", "  two words \n\n", "", "schön \u{1F41D}"] {
        let sealed = Run::line("payload encrypt --content-job-id job-1")
            .env(KEYS, &keys)
            .input(text)
            .end();
        assert_eq!((sealed.code, sealed.stderr.as_str()), (Some(0), ""));
        assert!(sealed.stdout.starts_with("v1.k1."), "{}", sealed.stdout);
        Run::line("payload decrypt --content-job-id job-1")
            .env(KEYS, &keys)
            .input(&sealed.stdout)
            .expect(0, text, "");
    }
}

#[test]
fn what_does_not_open_says_no_more_than_that() {
    let envelope = Keyring::parse(OLD)
        .unwrap()
        .encrypt("job-1", "canary")
        .unwrap();
    let other = key(&["--key-id", "k1"]);
    for (keys, row, input) in [
        (OLD, "job-2", envelope.as_str()),
        (&other, "job-1", &envelope),
        (&key(&["--key-id", "k2"]), "job-1", &envelope),
        (OLD, "job-1", "nonsense"),
        (OLD, "job-1", ""),
    ] {
        Run::new(&["payload", "decrypt", "--content-job-id", row])
            .env(KEYS, keys)
            .input(input)
            .expect(
                1,
                "",
                "error: the payload could not be decrypted\n\n\
                 hint: is it the whole envelope, does it belong to that row, \
                 and is its key in BULLRS_PAYLOAD_KEYS?\n",
            );
    }
}

#[test]
fn missing_and_malformed_keys_are_named_not_shown() {
    Run::line("payload encrypt --content-job-id job-1")
        .input("x")
        .expect(
            2,
            "",
            "error: BULLRS_PAYLOAD_KEYS is not set\n\nhint: `bullrs payload keygen` makes a key\n",
        );
    Run::line("payload encrypt --content-job-id job-1")
        .env(KEYS, "k1:canary")
        .input("x")
        .expect(
            2,
            "",
            "error: BULLRS_PAYLOAD_KEYS entry 1 (`k1`): the key must be 32 bytes in base64\n",
        );
    Run::new(&["payload", "keygen", "--key-id", "two words"]).expect(
        2,
        "",
        "error: --key-id: the id may have 1 to 64 letters, digits, `-` and `_`\n",
    );
}

#[test]
fn migrate_makes_the_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let first = Run::line("migrate").env("DATABASE_URL", &url).end();
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    let applied: Vec<&str> = first.stdout.lines().collect();
    let mut files: Vec<String> =
        std::fs::read_dir(super::process::root().join("migrations/sqlite"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| format!("applied {}", name.trim_end_matches(".sql")))
            .collect();
    files.sort();
    assert_eq!(applied, files);
    Run::line("migrate")
        .env("DATABASE_URL", &url)
        .expect(0, &format!("{url} is up to date\n"), "");
    Run::line("migrate --json")
        .env("DATABASE_URL", &url)
        .expect(
            0,
            &format!("{{\n  \"store\": \"{url}\",\n  \"applied\": []\n}}\n"),
            "",
        );
}

#[test]
fn a_database_that_is_away_is_exit_code_3() {
    for command in ["migrate", "payload rotate", "worker --queues a"] {
        Run::line(command)
            .env("DATABASE_URL", "postgres://app:canary@127.0.0.1:1/app")
            .env(KEYS, OLD)
            .env("BULLRS_LOG_LEVEL", "error")
            .expect(
                3,
                "",
                &format!(
                    "error: cannot reach the database at `postgres://127.0.0.1:1/app`\n\
                     \x20 cause: error communicating with database: Connection refused\n\n\
                     hint: is it running there? DATABASE_URL or `--database-url` names another{}\n",
                    if command.starts_with("worker") {
                        ", BULLRS_NO_STORE=true runs without one"
                    } else {
                        ""
                    }
                ),
            );
    }
}

#[tokio::test]
async fn rotate_reseals_what_opens_and_names_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let store = Store::open(&url).await.unwrap();
    let old = Keyring::parse(OLD).unwrap();
    for (id, payload) in [
        ("one", old.encrypt("one", "first canary").unwrap()),
        ("two", old.encrypt("two", "second canary").unwrap()),
        ("moved", old.encrypt("elsewhere", "third canary").unwrap()),
    ] {
        let row = NewJob {
            id: id.into(),
            queue: "content".into(),
            name: "generate".into(),
            payload: Some(payload),
            max_attempts: 1,
            at: 1,
        };
        assert!(store.insert(&row).await.unwrap());
    }
    let keys = format!("{},{OLD}", key(&["--key-id", "2027"]));
    let run = |args: &'static str| Run::line(args).env("DATABASE_URL", &url).env(KEYS, &keys);
    let unopened = "error: 1 payload did not open\n\
         \x20 cause: row `moved`: the payload could not be decrypted\n\n\
         hint: are the keys that sealed them in BULLRS_PAYLOAD_KEYS?\n";
    run("payload rotate").expect(1, "resealed 2 payloads under key 2027\n", unopened);
    run("payload rotate --json").expect(
        1,
        "{\n  \"key\": \"2027\",\n  \"resealed\": 0,\n  \"failed\": [\n    {\n      \
         \"id\": \"moved\",\n      \"reason\": \"the payload could not be decrypted\"\n    }\n  \
         ]\n}\n",
        unopened,
    );
    let sealed = store.payload("two").await.unwrap().unwrap();
    assert!(sealed.starts_with("v1.2027."), "{sealed}");
    let opened = Keyring::parse(&keys).unwrap().decrypt("two", &sealed);
    assert_eq!(opened.unwrap().reveal(), "second canary");
    store.close().await;
}
