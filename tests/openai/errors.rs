use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::{Bench, JobPlan};

const CALL: &str = "POST /chat/completions";

/// An error without the id of its request, which is another each time.
fn text(failure: &str) -> &str {
    failure.split(" (request req_").next().unwrap()
}

async fn fails(bench: &Bench, fault: Value) -> (String, String) {
    bench.next_chat(fault).await;
    let run = bench.generate(&json!({"prompt": "Hi"})).await;
    let (rule, said) = run.failure();
    (rule, text(&said).to_owned())
}

#[tokio::test]
async fn each_class_of_error_is_retried_or_not() {
    let bench = Bench::start();
    let server_error = "The server had an error while processing your request. Sorry about that!";
    for (fault, rule, said) in [
        (
            json!({"status": 400}),
            "for good",
            "answered 400 (invalid_request_error): Invalid request.",
        ),
        (
            json!({"status": 401}),
            "for good",
            "answered 401 (invalid_api_key): Incorrect API key provided: [redacted]",
        ),
        (
            json!({"status": 403}),
            "for good",
            "answered 403 (permission_denied): You are not allowed to use this resource.",
        ),
        (
            json!({"status": 404}),
            "for good",
            "answered 404 (not_found): The requested resource does not exist.",
        ),
        (
            json!({"status": 422, "error": {"message": "No.", "type": "t", "code": null}}),
            "for good",
            "answered 422 (t): No.",
        ),
        (
            json!({"status": 429, "error": {"code": "insufficient_quota", "message": "Pay."}}),
            "for good",
            "answered 429 (insufficient_quota): Pay.",
        ),
        (
            json!({"status": 408}),
            "again",
            &format!("answered 408 (server_error): {server_error}"),
        ),
        (
            json!({"status": 409}),
            "again",
            &format!("answered 409 (server_error): {server_error}"),
        ),
        (
            json!({"status": 500}),
            "again",
            &format!("answered 500 (server_error): {server_error}"),
        ),
        (
            json!({"status": 503, "retryAfter": 2}),
            "after 2s",
            "answered 503 (overloaded): The engine is currently overloaded, \
             please try again later",
        ),
        (
            json!({"errorAfterChunks": 3}),
            "again",
            "broke off with 500 (server_error): \
             The server had an error while processing your request.",
        ),
        (
            json!({"cutAfterChunks": 0}),
            "again",
            "broke off before its end: unexpected EOF during chunk size line",
        ),
        (
            json!({"cutAfterChunks": 5}),
            "again",
            "broke off before its end: unexpected EOF during chunk size line",
        ),
    ] {
        let expected = (rule.to_owned(), format!("{CALL} {said}"));
        assert_eq!(fails(&bench, fault.clone()).await, expected, "{fault}");
    }
    assert_eq!(bench.calls("POST", "chat/completions").await.len(), 13);
}

#[tokio::test]
async fn an_unknown_model_is_told_in_the_words_of_the_api() {
    let bench = Bench::start();
    let run = bench
        .generate(&json!({"prompt": "Hi", "model": "gpt-99"}))
        .await;
    let (rule, said) = run.failure();
    assert_eq!(rule, "for good");
    assert_eq!(
        text(&said),
        "POST /chat/completions answered 404 (model_not_found): The model `gpt-99` does not exist \
         or you do not have access to it."
    );
}

#[tokio::test]
async fn too_many_requests_delay_the_job_without_a_failure() {
    let bench = Bench::start();
    for (fault, ms) in [
        (json!({"status": 429, "retryAfter": 7}), 7000),
        (
            json!({"status": 429, "retryAfter": 7, "retryAfterMs": 350}),
            350,
        ),
        (json!({"status": 429, "retryAfter": 90_000}), 3_600_000),
    ] {
        bench.next_chat(fault).await;
        let run = bench.generate(&json!({"prompt": "Hi"})).await;
        assert_eq!(run.delay(), Duration::from_millis(ms));
        assert_eq!(run.log.len(), 1);
        assert!(
            run.log[0].ends_with(&format!("; waits {ms} ms")),
            "{}",
            run.log[0]
        );
        assert!(run.log[0].starts_with(
            "POST /chat/completions answered 429 (rate_limit_exceeded): Rate limit reached for \
             gpt-4o-mini"
        ));
    }
}

#[tokio::test]
async fn without_a_wait_in_the_answer_the_delay_doubles_with_each_start() {
    let bench = Bench::start();
    let builtins = bench.builtins();
    for (starts, seconds) in [(1, 1), (2, 2), (3, 4), (5, 16), (50, 60)] {
        bench.next_chat(json!({"status": 429})).await;
        let plan = JobPlan::new(&json!({"prompt": "Hi"})).with("ats", starts);
        let delay = plan.job("content", "generate").run(&builtins).await.delay();
        let base = Duration::from_secs(seconds);
        assert!(
            delay >= base && delay < base * 5 / 4,
            "start {starts}: {delay:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_gone_or_hangs_up_is_an_ordinary_failure() {
    let mut bench = Bench::start();
    let (rule, said) = fails(&bench, json!({"reset": true})).await;
    assert_eq!(rule, "again");
    assert!(said.starts_with("cannot reach 127.0.0.1:"), "{said}");
    bench.stop();
    let (rule, said) = bench.generate(&json!({"prompt": "Hi"})).await.failure();
    let host = bench
        .url
        .trim_start_matches("http://")
        .trim_end_matches("/v1");
    assert_eq!(
        (rule.as_str(), said),
        (
            "again",
            format!("cannot reach {host}: Connection refused (os error 111) (in {CALL})")
        )
    );
}

#[tokio::test]
async fn silence_before_and_within_an_answer_is_bounded() {
    let bench = Bench::start();
    let mut options = bench.options();
    options.idle_timeout = Duration::from_millis(200);
    let builtins = bullrs::processor::Builtins::new(options, None);
    for fault in [json!({"hang": true}), json!({"chunkDelayMs": 1000})] {
        bench.next_chat(fault).await;
        let job = JobPlan::new(&json!({"prompt": "Hi"})).job("content", "generate");
        assert_eq!(
            job.run(&builtins).await.failure(),
            ("again".into(), format!("{CALL} was silent for 0.2 s"))
        );
    }
}

#[tokio::test]
async fn without_a_configuration_each_job_says_what_to_set() {
    let options = bullrs::processor::openai::OpenAiOptions::from_env(|_| None).unwrap();
    let builtins = bullrs::processor::Builtins::new(options, None);
    let problem = "`OPENAI_API_KEY` must be set for `api.openai.com`";
    assert_eq!(builtins.check().unwrap_err().to_string(), problem);
    let job = JobPlan::new(&json!({"prompt": "Hi"})).job("content", "generate");
    assert_eq!(
        job.run(&builtins).await.failure(),
        ("for good".into(), problem.into())
    );
}
