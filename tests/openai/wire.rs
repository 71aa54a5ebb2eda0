//! Answers as other servers and proxies send them.

use bullrs::processor::{Builtins, openai::OpenAiOptions};
use serde_json::json;

use crate::{
    bench::{JobPlan, Run},
    raw_server::RawServer,
};

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

async fn answered(head: &str, parts: &[&[u8]]) -> Run {
    let server = RawServer::start().await;
    let mut options = OpenAiOptions::default();
    options.base_url.clone_from(&server.url);
    let builtins = Builtins::new(options, None);
    let job = JobPlan::new(&json!({"prompt": "Hi"})).job("content", "generate");
    let (run, ()) = tokio::join!(job.run(&builtins), server.answer(head, parts));
    run
}

#[tokio::test]
async fn an_answer_cut_into_single_bytes_comes_together() {
    let stream = ": ping\r\n\r\ndata: {\"id\":\"a\",\"model\":\"m\",\"choices\":[{\"index\":0,\
        \"delta\":{\"content\":\"né\"}}]}\r\n\r\ndata:{\"choices\":[{\"index\":0,\"delta\":\
        {\"content\":\" 🐂\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    let run = answered(EVENTS, &bytes).await;
    assert_eq!(
        run.value(),
        json!({"id": "a", "model": "m", "content": "né 🐂", "finishReason": "stop",
               "usage": null})
    );
}

#[tokio::test]
async fn an_answer_with_its_last_word_but_without_done_is_whole() {
    let run = answered(
        EVENTS,
        &[br#"data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#],
    )
    .await;
    assert_eq!(run.value()["content"], "x");
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_too() {
    let body = r#"{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":"x"},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let run = answered(head, &[body.as_bytes()]).await;
    assert_eq!(run.value()["content"], "x");
    assert_eq!(run.value()["usage"]["totalTokens"], 3);
}

#[tokio::test]
async fn what_cannot_be_read_fails_the_attempt_without_quoting_it() {
    for (parts, reason) in [
        (
            &b"data: {\"choices\": \"xyzzy\"}\n\n"[..],
            "answered what cannot be read: cannot read the answer: at `choices`: \
             invalid type, expected a sequence at line 1 column 19",
        ),
        (
            b"<html>xyzzy</html>",
            "broke off before its end: the stream ended after 0 pieces",
        ),
        (
            b"",
            "broke off before its end: the stream ended after 0 pieces",
        ),
        (
            b"data: \xff\n\n",
            "answered what cannot be read: an event is not UTF-8",
        ),
    ] {
        let run = answered(EVENTS, &[parts]).await;
        let expected = format!("POST /chat/completions {reason}");
        assert_eq!(run.failure(), ("again".into(), expected));
    }
}

#[tokio::test]
async fn refusals_and_filters_fail_for_good() {
    for (choice, text) in [
        (
            r#"{"delta":{"refusal":"I cannot say xyzzy"},"finish_reason":"stop"}"#,
            "the model refused to answer",
        ),
        (
            r#"{"delta":{"content":"xyz"},"finish_reason":"content_filter"}"#,
            "the API's content filter stopped the answer",
        ),
    ] {
        let event = format!("data: {{\"choices\":[{choice}]}}\n\ndata: [DONE]\n\n");
        let run = answered(EVENTS, &[event.as_bytes()]).await;
        assert_eq!(run.failure(), ("for good".into(), text.into()));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let head = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/elsewhere\r\n\
        content-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(
        answered(head, &[]).await.failure(),
        (
            "for good".into(),
            "POST /chat/completions answered 307: a redirect, which is not followed; \
             set `OPENAI_BASE_URL` to the final address"
                .into()
        )
    );
}
