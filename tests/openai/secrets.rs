//! Whatever goes wrong, neither the key nor the payload shows.

use std::{
    error::Error as StdError,
    fmt::Write as _,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use bullrs::{
    processor::{Builtins, openai::ApiKey},
    worker::Payload,
};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::bench::{Bench, JobPlan, Run};

const KEY: &str = "sk-canarykey-0123456789abcdef";
const PAYLOAD: &str = "Zorblattcanary";

#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Vec<u8>>>);

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything that a run leaves behind, but for its return value.
fn traces(run: &Run) -> String {
    let mut text = format!("{:?} {:?}", run.log, run.progress);
    if let Err(error) = &run.result {
        write!(text, "{error} {error:?} {error:#?}").unwrap();
        let mut cause: Option<&dyn StdError> = Some(error.as_ref());
        while let Some(error) = cause {
            write!(text, "{error} {error:?}").unwrap();
            cause = error.source();
        }
    }
    text
}

fn assert_clean(text: &str, what: &str) {
    let lower = text.to_lowercase();
    for secret in [
        KEY,
        "canarykey",
        "0123456789abcdef",
        "cdef",
        PAYLOAD,
        "zorblatt",
    ] {
        assert!(
            !lower.contains(&secret.to_lowercase()),
            "{secret} in {what}: {text}"
        );
    }
}

#[tokio::test]
async fn no_error_log_progress_or_trace_shows_the_key_or_the_payload() {
    let capture = Capture::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(capture.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let bench = Bench::start();
    let quoting = format!("you said '{PAYLOAD}', {{\"content\":\"{PAYLOAD}\\n\"}} with {KEY}");
    let error = json!({"message": quoting, "type": quoting, "code": PAYLOAD, "param": PAYLOAD});
    let chat = |fault: Value| (Some(fault), "content", "generate");
    let mut options = bench.options();
    options.api_key = Some(ApiKey::new("sk-test-key"));
    let right = Builtins::new(options, None);
    let mut options = bench.options();
    options.api_key = Some(ApiKey::new(KEY));
    let wrong = Builtins::new(options, None);

    for (fault, queue, name) in [
        chat(json!({"status": 400, "error": error})),
        chat(json!({"status": 401, "error": error})),
        chat(json!({"status": 429, "error": error})),
        chat(json!({"status": 500, "error": error})),
        chat(json!({"cutAfterChunks": 4})),
        (None, "content", "generate"),
        (None, "fineTune", "export"),
        (None, "fineTune", "start"),
    ] {
        let payload = json!({
            "prompt": format!("Write about {PAYLOAD} now"),
            "model": "gpt-4o-mini-2024-07-18",
            "rows": [{"prompt": PAYLOAD, "completion": [PAYLOAD]}],
        });
        // A key that is refused meets no scripted fault.
        if let Some(fault) = &fault {
            bench.next_chat(fault.clone()).await;
        }
        for builtins in [&wrong, &right] {
            let job = JobPlan::new(&json!({"contentJobId": "c1"})).job(queue, name);
            job.raw.attach_payload(Payload::new(payload.to_string()));
            let run = job.run(builtins).await;
            assert_clean(&traces(&run), &format!("{queue}.{name} {fault:?}"));
            if run.result.is_ok() {
                continue;
            }
            assert!(!run.failure().1.is_empty());
        }
    }
    // Of a mangled message the API's own words are left.
    let mut fault = json!({"status": 400});
    fault["error"] = json!({"message": format!("Invalid value: '{PAYLOAD}'. Try 'user'.")});
    bench.next_chat(fault).await;
    let (_, said) = bench.generate(&json!({"prompt": PAYLOAD})).await.failure();
    assert!(
        said.contains("Invalid value: '[redacted]'. Try 'user'."),
        "{said}"
    );

    let traced = String::from_utf8(capture.0.lock().unwrap().clone()).unwrap();
    assert_clean(&traced, "the process log");
    assert_clean(&format!("{right:?} {wrong:?}"), "Debug");
}

#[tokio::test]
async fn a_refused_key_is_not_even_shown_masked() {
    let bench = Bench::start();
    let mut options = bench.options();
    options.api_key = Some(ApiKey::new(KEY));
    let job = JobPlan::new(&json!({"prompt": "Hi"})).job("content", "generate");
    let (rule, said) = job.run(&Builtins::new(options, None)).await.failure();
    assert_eq!(rule, "for good");
    assert_eq!(
        said.split(" (request ").next().unwrap(),
        "POST /chat/completions answered 401 (invalid_api_key): Incorrect API key provided: \
         [redacted] You can find your API key at https://platform.openai.com/account/api-keys."
    );
}
