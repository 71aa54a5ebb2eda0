use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::bench::{Bench, JobPlan};

fn rows(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| json!({"prompt": format!("question {n}"), "completion": format!("answer {n}")}))
        .collect()
}

#[tokio::test]
async fn rows_become_a_file_with_one_example_on_each_line() {
    let bench = Bench::start();
    let data = json!({"rows": rows(12), "system": "Be brief"});
    let run = bench.run("fineTune", "export", &data).await;
    let value = run.value();
    let path = value["path"].as_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(Path::new(path).file_name().unwrap(), "fineTune-42.jsonl");
    assert_eq!(text.lines().count(), 12);
    assert_eq!(
        text.lines().nth(3).unwrap(),
        r#"{"messages":[{"role":"system","content":"Be brief"},{"role":"user","content":"question 3"},{"role":"assistant","content":"answer 3"}]}"#
    );
    assert_eq!(
        value,
        json!({
            "path": path, "fileName": "fineTune-42.jsonl", "examples": 12, "skipped": 0,
            "bytes": text.len(), "messages": {"system": 12, "user": 12, "assistant": 12},
            "tokensEstimate": 12 * (3 + 3 * 4 + 2 + 3 + 2) + 2, "longestExampleTokens": 23,
            "overlongExamples": 0, "duplicates": 0, "imageExamples": 0,
            "problemCount": 0, "problems": [],
        })
    );
    assert_eq!(
        run.log,
        [format!(
            "12 examples, {} bytes, about {} tokens",
            text.len(),
            12 * 22 + 2
        )]
    );
    assert_eq!(bench.received().await["requests"], json!([]));
}

#[tokio::test]
async fn one_bad_line_fails_the_job_for_good_unless_it_may_be_skipped() {
    let bench = Bench::start();
    let mut rows = rows(12);
    rows[4] = json!({"prompt": "a secret", "completion": 5});
    rows[7] = json!("another secret");
    let run = bench
        .run("fineTune", "export", &json!({"rows": rows}))
        .await;
    let problems = [
        "line 5: completion_missing: `completion` must be a text that is not empty",
        "line 8: not_an_object: the row must be an object",
    ];
    assert_eq!(
        run.failure(),
        (
            "for good".into(),
            format!("2 of 12 examples are invalid: {}", problems.join("; "))
        )
    );
    assert_eq!(run.log, problems);
    assert!(!bench.exports.path().join("exports").exists());

    let data = json!({"rows": rows, "skipInvalid": true});
    let run = bench.run("fineTune", "export", &data).await;
    let value = run.value();
    assert_eq!(
        (&value["examples"], &value["skipped"]),
        (&json!(10), &json!(2))
    );
    assert_eq!(
        value["problems"][1],
        json!({"line": 8, "code": "not_an_object", "message": "the row must be an object"})
    );
    let text = fs::read_to_string(value["path"].as_str().unwrap()).unwrap();
    assert_eq!(text.lines().count(), 10);
    assert!(!text.contains("secret"));
}

#[tokio::test]
async fn an_upload_returns_the_files_id_and_writes_nothing() {
    let bench = Bench::start();
    let data = json!({"rows": rows(10), "upload": true});
    let run = bench.run("fineTune", "export", &data).await;
    let value = run.value();
    let id = value["fileId"].as_str().unwrap();
    let file = bench.api(&format!("files/{id}")).await;
    assert_eq!(file["purpose"], "fine-tune");
    assert_eq!(file["filename"], value["fileName"]);
    assert_eq!(file["bytes"], value["bytes"]);
    assert_eq!(value.get("path"), None);
    assert!(!bench.exports.path().join("exports").exists());

    // A second attempt finds the file instead of uploading it again.
    let again = JobPlan::new(&data)
        .with("ats", 2)
        .with("atm", 1)
        .job("fineTune", "export");
    assert_eq!(again.run(&bench.builtins()).await.value()["fileId"], id);
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
}

#[tokio::test]
async fn too_few_examples_and_a_wrong_input_fail_for_good() {
    let bench = Bench::start();
    for (data, text) in [
        (
            json!({"rows": rows(9), "skipInvalid": true}),
            "the file has 9 valid examples; fine-tuning needs at least 10",
        ),
        (
            json!({}),
            "cannot read data: at `examples`: is missing, and so is `rows`",
        ),
        (
            json!({"rows": [], "examples": []}),
            "cannot read data: at `rows`: must not stand beside `examples`",
        ),
        (
            json!({"rows": [], "system": " "}),
            "cannot read data: at `system`: must not be empty",
        ),
        (
            json!({"rows": 5}),
            "cannot read data: at `rows`: invalid type, expected a sequence at line 1 column 9",
        ),
    ] {
        let run = bench.run("fineTune", "export", &data).await;
        assert_eq!(run.failure(), ("for good".into(), text.into()));
    }
}

#[tokio::test]
async fn a_job_id_cannot_lead_out_of_the_directory() {
    let bench = Bench::start();
    let mut plan = JobPlan::new(&json!({"rows": rows(10)}));
    plan.id = "../../x".into();
    let value = plan
        .job("fineTune", "export")
        .run(&bench.builtins())
        .await
        .value();
    let path = Path::new(value["path"].as_str().unwrap());
    assert_eq!(path.parent().unwrap(), bench.exports.path().join("exports"));
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("fineTune-______x-"), "{name}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_fails_the_attempt() {
    let bench = Bench::start();
    fs::write(bench.exports.path().join("exports"), "a file").unwrap();
    let (rule, text) = bench
        .run("fineTune", "export", &json!({"rows": rows(10)}))
        .await
        .failure();
    assert_eq!(rule, "again");
    assert!(text.starts_with("cannot write `"), "{text}");
}
