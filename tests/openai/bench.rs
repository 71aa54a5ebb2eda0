//! A stand-in API and jobs to run against it.
#![allow(dead_code, reason = "each test binary uses another part")]

use std::{
    fmt::Debug,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use bullrs::{
    BoxError,
    processor::{
        Builtins, RecapSource,
        openai::{ApiKey, OpenAiOptions},
    },
    testing::Recorder,
    wire::JobRecord,
    worker::{JobPort, Outcome, RawJob},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Longest wait for anything in these tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// The stand-in's process and a directory for training files. Both go when it is dropped.
pub(crate) struct Bench {
    child: Child,
    pub(crate) url: String,
    pub(crate) exports: TempDir,
    http: reqwest::Client,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("demo/openai-standin.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .args([
                "--port",
                "0",
                "--key",
                "sk-test-key",
                "--fine-tune-step",
                "60",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("node must be installed");
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap();
        let _already = rustls::crypto::ring::default_provider().install_default();
        Self {
            child,
            url: hello["url"].as_str().unwrap().to_owned(),
            exports: tempfile::tempdir().unwrap(),
            http: reqwest::Client::builder()
                .no_proxy()
                .tls_certs_only([])
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn options(&self) -> OpenAiOptions {
        let mut options = OpenAiOptions::default();
        options.base_url.clone_from(&self.url);
        options.api_key = Some(ApiKey::new("sk-test-key"));
        options.export_dir = self.exports.path().join("exports");
        options.poll_interval = Duration::from_millis(25);
        options
    }

    pub(crate) fn builtins(&self) -> Builtins {
        Builtins::new(self.options(), None)
    }

    pub(crate) fn builtins_with(&self, recap: Arc<dyn RecapSource>) -> Builtins {
        Builtins::new(self.options(), Some(recap))
    }

    /// Runs one job of this data to its outcome.
    pub(crate) async fn run(&self, queue: &str, name: &str, data: &Value) -> Run {
        let job = JobPlan::new(data).job(queue, name);
        job.run(&self.builtins()).await
    }

    pub(crate) async fn generate(&self, data: &Value) -> Run {
        self.run("content", "generate", data).await
    }

    /// Scripts the stand-in; see `demo/openai/faults.mjs`.
    pub(crate) async fn control(&self, order: Value) {
        let answer = self
            .http
            .post(self.route("__control"))
            .json(&order)
            .send()
            .await;
        let answer = answer.unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// The next call of a chat completion meets this fault.
    pub(crate) async fn next_chat(&self, mut fault: Value) {
        fault["path"] = "/v1/chat/completions".into();
        self.control(json!({"next": [fault]})).await;
    }

    pub(crate) async fn received(&self) -> Value {
        self.get("__received").await
    }

    /// What arrived at `method path`, oldest first.
    pub(crate) async fn calls(&self, method: &str, path: &str) -> Vec<Value> {
        let received = self.received().await;
        let requests = received["requests"].as_array().unwrap().iter();
        requests
            .filter(|call| call["method"] == method && call["path"] == format!("/v1/{path}"))
            .cloned()
            .collect()
    }

    /// Reads something of the API itself.
    pub(crate) async fn api(&self, path: &str) -> Value {
        self.get(&format!("v1/{path}")).await
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(self.route(path)).bearer_auth("sk-test-key");
        request.send().await.unwrap().json().await.unwrap()
    }

    fn route(&self, path: &str) -> String {
        self.url.replace("/v1", &format!("/{path}"))
    }

    /// Ends the stand-in; its port refuses connections from then on.
    pub(crate) fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ended_before = self.child.kill();
        let _reaped_before = self.child.wait();
    }
}

/// What a job's hash holds.
#[derive(Clone)]
pub(crate) struct JobPlan {
    pub(crate) id: String,
    pub(crate) data: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl JobPlan {
    pub(crate) fn new(data: &Value) -> Self {
        Self::raw(data.to_string())
    }

    pub(crate) fn raw(data: String) -> Self {
        let fields = vec![("timestamp", "1767225600000".into()), ("ats", "1".into())];
        Self {
            id: "42".into(),
            data,
            fields,
        }
    }

    pub(crate) fn with(mut self, field: &'static str, value: impl Into<Value>) -> Self {
        self.fields.retain(|(own, _)| *own != field);
        let value = match value.into() {
            Value::String(text) => text,
            other => other.to_string(),
        };
        self.fields.push((field, value));
        self
    }

    pub(crate) fn job(self, queue: &str, name: &str) -> Job {
        let recorder = Arc::new(Recorder::default());
        let port = Arc::clone(&recorder) as Arc<dyn JobPort>;
        self.job_on(queue, name, recorder, port)
    }

    pub(crate) fn job_on(
        self,
        queue: &str,
        name: &str,
        recorder: Arc<Recorder>,
        port: Arc<dyn JobPort>,
    ) -> Job {
        let fields = [("name", name), ("data", self.data.as_str())];
        let more = self
            .fields
            .iter()
            .map(|(field, value)| (*field, value.as_str()));
        let record = JobRecord::read(&self.id, fields.into_iter().chain(more));
        assert_eq!(record.fault, None);
        let raw = RawJob::new(queue.into(), record, "token".into(), port, None);
        Job { raw, recorder }
    }
}

/// A claimed job whose doings are recorded.
pub(crate) struct Job {
    pub(crate) raw: RawJob,
    pub(crate) recorder: Arc<Recorder>,
}

impl Job {
    pub(crate) async fn run(self, builtins: &Builtins) -> Run {
        let processor = builtins.find(self.raw.queue(), self.raw.name()).unwrap();
        let result = timeout(DEADLINE, processor.process(self.raw.clone())).await;
        Run {
            result: result.expect("the job must end in time"),
            log: self.recorder.log(),
            progress: self.recorder.progress(),
            data: self.recorder.data(),
        }
    }
}

/// What became of a job.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) result: Result<Outcome, BoxError>,
    pub(crate) log: Vec<String>,
    pub(crate) progress: Vec<String>,
    pub(crate) data: Option<String>,
}

impl Run {
    /// The return value.
    pub(crate) fn value(&self) -> Value {
        match &self.result {
            Ok(Outcome::Done(json)) => serde_json::from_str(json.get()).unwrap(),
            other => panic!("not done: {other:?}"),
        }
    }

    /// How it failed: `for good`, `after N ms` or `again`, and the text.
    pub(crate) fn failure(&self) -> (String, String) {
        let error = self.result.as_ref().expect_err("it must fail");
        let shown = format!("{error:?}");
        let rule = match shown.strip_prefix("Failure { rule: ") {
            Some(rest) if rest.starts_with("Unrecoverable") => "for good".into(),
            Some(rest) => {
                let rule = rest.split_once(", cause").unwrap().0;
                let wait = rule.strip_prefix("RetryAfter(").unwrap();
                format!("after {}", wait.trim_end_matches(')'))
            }
            None => "again".into(),
        };
        (rule, error.to_string())
    }

    pub(crate) fn delay(&self) -> Duration {
        match &self.result {
            Ok(Outcome::Delay(delay)) => *delay,
            other => panic!("not delayed: {other:?}"),
        }
    }
}

/// Looks until `look` has something, or the deadline passes.
pub(crate) async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
    T: Debug,
{
    let deadline = Instant::now() + DEADLINE;
    let mut ticks = interval(Duration::from_millis(10));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < deadline {
        ticks.tick().await;
        if let Some(found) = look().await {
            return found;
        }
    }
    panic!("in vain: {what}");
}
