use std::time::Duration;

use bullrs::worker::{CancelReason, Payload};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bench::{Bench, JobPlan, eventually};

#[tokio::test]
async fn a_prompt_is_answered_with_content_usage_and_one_log_row() {
    let bench = Bench::start();
    bench.control(json!({"reply": "A short answer."})).await;
    let run = bench
        .generate(&json!({"contentJobId": "c1", "prompt": "Hi there", "temperature": 0.25}))
        .await;
    let mut value = run.value();
    let id = value["id"].take();
    assert!(id.as_str().unwrap().starts_with("chatcmpl-"));
    assert_eq!(
        value,
        json!({
            "id": null, "model": "gpt-4o-mini", "content": "A short answer.",
            "finishReason": "stop",
            "usage": {"promptTokens": 9, "completionTokens": 3, "totalTokens": 12,
                      "cachedTokens": 0, "reasoningTokens": 0},
        })
    );
    assert_eq!(
        run.log,
        [format!(
            "gpt-4o-mini: finish_reason stop, 9 prompt + 3 completion = 12 tokens ({})",
            id.as_str().unwrap()
        )]
    );
    assert_eq!(
        run.progress.last().unwrap(),
        r#"{"tokens":3,"characters":15}"#
    );
    let calls = bench.calls("POST", "chat/completions").await;
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0]["body"],
        json!({
            "model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi there"}],
            "temperature": 0.25, "stream": true, "stream_options": {"include_usage": true},
        })
    );
    assert_eq!(calls[0]["headers"]["x-client-request-id"], "content:42:1");
    assert_eq!(calls[0]["headers"]["accept"], "text/event-stream");
}

#[tokio::test]
async fn progress_counts_tokens_a_few_times_a_second_while_the_answer_comes() {
    let bench = Bench::start();
    bench
        .control(json!({"reply": "xyzzy ".repeat(60).trim_end()}))
        .await;
    bench.next_chat(json!({"chunkDelayMs": 20})).await;
    let start = Instant::now();
    let run = bench.generate(&json!({"prompt": "Hi"})).await;
    let quarters = usize::try_from(start.elapsed().as_millis() / 250).unwrap();
    assert!(run.progress.len() >= 3, "{:?}", run.progress);
    // One at the start, one for each quarter of a second, one at the end.
    assert!(run.progress.len() <= quarters + 2, "{:?}", run.progress);
    let tokens: Vec<u64> = run
        .progress
        .iter()
        .map(|json| {
            serde_json::from_str::<Value>(json).unwrap()["tokens"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert!(
        tokens.is_sorted() && tokens[0] < 60 && tokens.last() == Some(&60),
        "{tokens:?}"
    );
    assert!(!run.progress.concat().contains("xyzzy"));
}

#[tokio::test]
async fn progress_is_a_percentage_where_the_limit_is_known_and_a_cut_answer_counts() {
    let bench = Bench::start();
    bench
        .control(json!({"reply": "word ".repeat(100).trim_end()}))
        .await;
    bench.next_chat(json!({"chunkDelayMs": 15})).await;
    let run = bench
        .generate(&json!({"prompt": "Hi", "maxTokens": 40}))
        .await;
    assert_eq!(run.value()["finishReason"], "length");
    assert_eq!(run.value()["usage"]["completionTokens"], 40);
    let percent: Vec<u64> = run
        .progress
        .iter()
        .map(|json| json.parse().unwrap())
        .collect();
    assert!(percent.len() >= 3 && percent.is_sorted(), "{percent:?}");
    let (last, before) = percent.split_last().unwrap();
    assert_eq!(*last, 100);
    assert!(before.iter().all(|percent| *percent < 100), "{percent:?}");
    assert_eq!(
        bench.calls("POST", "chat/completions").await[0]["body"]["max_tokens"],
        40
    );
}

#[tokio::test]
async fn the_payload_is_asked_for_rather_than_the_data() {
    let bench = Bench::start();
    let job = JobPlan::new(&json!({"contentJobId": "c1", "prompt": "from data"}))
        .job("content", "generate");
    let payload =
        r#"{"messages":[{"role":"user","content":"from payload"}],"model":"gpt-4.1-mini"}"#;
    job.raw.attach_payload(Payload::new(payload));
    let run = job.run(&bench.builtins()).await;
    assert_eq!(run.value()["model"], "gpt-4.1-mini");
    let calls = bench.calls("POST", "chat/completions").await;
    assert_eq!(
        calls[0]["body"]["messages"],
        json!([{"role": "user", "content": "from payload"}])
    );
}

#[tokio::test]
async fn input_that_does_not_decode_fails_for_good_before_any_call() {
    let bench = Bench::start();
    let run = bench
        .generate(&json!({"messages": [{"role": 7, "content": "secret"}]}))
        .await;
    assert_eq!(
        run.failure(),
        (
            "for good".into(),
            "cannot read data: at `messages[0].role`: invalid type, expected a string at line 1 \
             column 41"
                .into()
        )
    );
    assert_eq!(bench.received().await["requests"], json!([]));
}

#[tokio::test]
async fn json_that_reached_its_limit_fails_for_good() {
    let bench = Bench::start();
    let run = bench
        .generate(&json!({
            "prompt": "Hi", "maxCompletionTokens": 1, "responseFormat": {"type": "json_object"},
        }))
        .await;
    assert_eq!(
        run.failure(),
        (
            "for good".into(),
            "the answer reached its token limit before its JSON was whole; \
             raise `max_completion_tokens`"
                .into()
        )
    );
}

#[tokio::test]
async fn cancelling_closes_the_request_of_a_slow_answer() {
    let bench = Bench::start();
    bench.control(json!({"reply": "word ".repeat(2000)})).await;
    bench.next_chat(json!({"chunkDelayMs": 20})).await;
    let job = JobPlan::new(&json!({"prompt": "Hi"})).job("content", "generate");
    let (raw, recorder) = (job.raw.clone(), job.recorder.clone());
    let builtins = bench.builtins();
    let stop = async {
        eventually("progress", || async { recorder.progress().pop() }).await;
        raw.cancel(CancelReason::Requested("the user left".into()));
        Instant::now()
    };
    let (run, cancelled_at) = tokio::join!(job.run(&builtins), stop);
    assert!(cancelled_at.elapsed() < Duration::from_secs(5));
    assert_eq!(
        run.failure(),
        ("again".into(), "cancelled: the user left".into())
    );
    let error = run.result.unwrap_err();
    assert!(matches!(
        error.downcast_ref::<CancelReason>(),
        Some(CancelReason::Requested(_))
    ));
    eventually("the request closed", || async {
        let received = bench.received().await;
        let closed = received["requests"][0]["aborted"] == true && received["inFlight"] == 0;
        closed.then_some(())
    })
    .await;
}
