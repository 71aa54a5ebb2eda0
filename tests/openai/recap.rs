use std::sync::{Arc, Mutex};

use bullrs::{
    BoxError,
    processor::{RecapFailure, RecapGroup, RecapSource, RecapSummary, RecapWindow},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::bench::{Bench, JobPlan};

/// A source that remembers what it was asked.
#[derive(Default)]
struct Memory {
    summary: RecapSummary,
    asked: Mutex<Vec<RecapWindow>>,
}

impl RecapSource for Memory {
    fn summary<'a>(
        &'a self,
        window: &'a RecapWindow,
    ) -> BoxFuture<'a, Result<RecapSummary, BoxError>> {
        self.asked.lock().unwrap().push(window.clone());
        Box::pin(async { Ok(self.summary.clone()) })
    }
}

fn busy() -> Memory {
    Memory {
        summary: RecapSummary {
            groups: vec![RecapGroup {
                queue: "content".into(),
                name: "generate".into(),
                succeeded: 7,
                failed: 1,
                retries: 2,
                mean_duration_ms: Some(1250),
                ..RecapGroup::default()
            }],
            failures: vec![RecapFailure {
                queue: "content".into(),
                name: "generate".into(),
                job_id: "9".into(),
                at: 1_767_222_000_000,
                attempts: 3,
                error: "e".repeat(400),
            }],
        },
        asked: Mutex::default(),
    }
}

async fn recap(bench: &Bench, source: &Arc<Memory>, data: &Value) -> crate::bench::Run {
    let job = JobPlan::new(data)
        .with("processedOn", 1_767_225_600_000_u64)
        .job("content", "recap");
    job.run(&bench.builtins_with(Arc::clone(source) as _)).await
}

#[tokio::test]
async fn what_happened_is_handed_to_the_model_and_its_text_returned() {
    let bench = Bench::start();
    bench.control(json!({"reply": "All is well."})).await;
    let source = Arc::new(busy());
    let data = json!({"window": "24h", "queues": ["content"], "instructions": "in French"});
    let run = recap(&bench, &source, &data).await;
    let value = run.value();
    assert_eq!(value["content"], "All is well.");
    assert_eq!(value["from"], "2025-12-31T00:00:00Z");
    assert_eq!(value["to"], "2026-01-01T00:00:00Z");
    assert_eq!(value["jobs"], 8);
    assert_eq!(value["summary"]["groups"][0]["meanDurationMs"], 1250);
    let window = source.asked.lock().unwrap().pop().unwrap();
    assert_eq!(
        (window.from, window.to),
        (1_767_139_200_000, 1_767_225_600_000)
    );
    assert_eq!(
        (window.queues, window.max_failures),
        (vec!["content".to_owned()], 20)
    );

    let calls = bench.calls("POST", "chat/completions").await;
    let messages = &calls[0]["body"]["messages"];
    assert_eq!(messages[0]["role"], "system");
    let text = messages[1]["content"].as_str().unwrap();
    assert!(text.starts_with("Jobs from 2025-12-31T00:00:00Z to 2026-01-01T00:00:00Z:\n{"));
    assert!(text.ends_with("\n\nFor this recap: in French"));
    assert!(text.contains(r#""succeeded":7,"failed":1"#));
    assert!(text.contains(&format!("{}…", "e".repeat(300))) && !text.contains(&"e".repeat(301)));
}

#[tokio::test]
async fn a_quiet_window_costs_nothing() {
    let bench = Bench::start();
    let source = Arc::new(Memory::default());
    let data = json!({"window": 3_600_000, "until": "2026-01-01T00:00:00+01:00"});
    let value = recap(&bench, &source, &data).await.value();
    assert_eq!(
        value["content"],
        "No jobs from 2025-12-31T22:00:00Z to 2025-12-31T23:00:00Z."
    );
    assert_eq!((&value["model"], &value["jobs"]), (&Value::Null, &json!(0)));
    assert_eq!(bench.received().await["requests"], json!([]));
}

#[tokio::test]
async fn a_bad_window_or_no_store_fails_for_good() {
    let bench = Bench::start();
    let source = Arc::new(busy());
    for (data, text) in [
        (
            json!({"window": "a while"}),
            "cannot read data: at `window`: must be a length such as `24h` or `7d`, \
             at most 366 days",
        ),
        (
            json!({"window": "400d"}),
            "cannot read data: at `window`: must be a length such as `24h` or `7d`, \
             at most 366 days",
        ),
        (
            json!({"until": "tomorrow"}),
            "cannot read data: at `until`: must be a time such as `2026-01-31T07:00:00Z`, \
             or unix ms",
        ),
        (
            json!({"queue": "a", "queues": ["b"]}),
            "cannot read data: at `queue`: must not stand beside `queues`",
        ),
    ] {
        let run = recap(&bench, &source, &data).await;
        assert_eq!(run.failure(), ("for good".into(), text.into()));
    }
    assert_eq!(
        bench.run("content", "recap", &json!({})).await.failure(),
        (
            "for good".into(),
            "content.recap reads the job store, and this worker has none; \
             set `DATABASE_URL` and leave out `--no-store`"
                .into()
        )
    );
}
