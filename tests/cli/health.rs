//! `--http`: what the process says of itself while Redis, the database or the worker are not well.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    process::{Run, Started},
    support::{DEADLINE, Rig, Server, elapse},
};

/// A worker that answers, and where.
struct Answering {
    started: Started,
    address: SocketAddr,
}

impl Answering {
    fn of(run: Run) -> Self {
        let mut started = run.start();
        let line = started.logged("answering /healthz and /readyz");
        let address = line["address"].as_str().unwrap().parse().unwrap();
        started.logged("worker is ready");
        Self { started, address }
    }

    async fn get(&self, path: &str, headers: &str) -> (u16, Value) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(head.contains("cache-control: no-store"), "{head}");
        (status, serde_json::from_str(body).unwrap())
    }

    /// Asks until the answer is as wanted. `/healthz` says 200 all the while.
    async fn is_ready(&self, what: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let end = Instant::now() + 2 * DEADLINE;
        loop {
            let (status, answer) = self.get("/readyz", "").await;
            assert_eq!(answer["ready"], json!(status == 200), "{answer}");
            let alive = self.get("/healthz", "").await;
            assert_eq!(alive, (200, json!({"alive": true})));
            if wanted(status, &answer) {
                return answer;
            }
            assert!(Instant::now() < end, "{what}: {status} {answer}");
            elapse(Duration::from_millis(20)).await;
        }
    }

    async fn is_well(&self) {
        self.is_ready("well", |status, _| status == 200).await;
    }

    /// Waits for a problem of this part whose detail has this text.
    async fn complains(&self, part: &str, text: &str) {
        self.is_ready(text, |status, answer| {
            let problems = answer["problems"].as_array().unwrap();
            let says = |problem: &Value| {
                problem["part"] == part && problem["detail"].as_str().unwrap().contains(text)
            };
            status == 503 && problems.iter().any(says)
        })
        .await;
    }
}

fn worker(url: &str, prefix: &str) -> Run {
    Run::line("worker --queues q,content --http 127.0.0.1:0 --log-format json")
        .env("REDIS_URL", url)
        .env("BULLRS_PREFIX", prefix)
}

async fn say(url: &str, words: &[&str]) {
    let client = redis::Client::open(url).unwrap();
    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&patient);
    let mut connection = connection.await.unwrap();
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    let _answer: redis::Value = command.query_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn readiness_follows_the_worker_and_its_queues() {
    let rig = Rig::start().await;
    // A job that goes on until it is told to stop: its API takes the request and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}", silent.local_addr().unwrap());
    let run = worker(&rig.url, &rig.prefix).env("OPENAI_BASE_URL", &api);
    let run = run.args(&["--no-store", "--drain", "10m"]);
    let mut answering = Answering::of(run.env("OPENAI_API_KEY", "none"));
    let answer = answering.is_ready("well", |status, _| status == 200).await;
    let well = json!({"ready": true, "worker": "serving", "problems": [], "pausedQueues": []});
    assert_eq!(answer, well);

    let meta = rig.key("meta");
    say(&rig.url, &["HSET", &meta, "paused", "1"]).await;
    answering
        .is_ready("a paused queue", |status, answer| {
            status == 200 && answer["pausedQueues"] == json!(["q"])
        })
        .await;
    say(&rig.url, &["HDEL", &meta, "paused"]).await;

    answering.started.signal("TSTP");
    answering.complains("worker", "told to fetch no jobs").await;
    answering.started.signal("CONT");
    answering.is_well().await;

    let queue = rig.client.queue("content");
    let job = queue
        .add("generate", json!({"prompt": "Hi"}))
        .await
        .unwrap();
    super::support::eventually("the job to run", || async {
        job.state().await.unwrap() == "active"
    })
    .await;
    answering.started.signal("TERM");
    answering
        .complains("worker", "the worker is stopping")
        .await;
    let draining = answering.get("/readyz", "").await;
    answering
        .started
        .logged("stopping: no new jobs, running ones may end");
    assert_eq!(
        (draining.0, &draining.1["worker"]),
        (503, &json!("draining"))
    );
    answering.started.signal("TERM");
    let (code, log) = answering.started.end();
    assert_eq!(code, Some(0), "{log:?}");
    assert_eq!(job.state().await.unwrap(), "waiting");
}

#[tokio::test]
async fn readiness_tells_each_way_in_which_redis_is_away() {
    let settings = [
        "--enable-debug-command",
        "yes",
        "--loading-process-events-interval-bytes",
        "1024",
    ];
    let mut server = Server::start_with(true, &settings);
    let url = server.url();
    let answering = Answering::of(worker(&url, "h").args(&["--no-store"]));
    answering.is_well().await;

    // Demoted by a failover, and promoted again.
    say(&url, &["REPLICAOF", "127.0.0.1", "1"]).await;
    answering.complains("redis", "read only replica").await;
    say(&url, &["REPLICAOF", "NO", "ONE"]).await;
    answering.is_well().await;

    // Full.
    say(&url, &["CONFIG", "SET", "maxmemory", "1"]).await;
    answering.complains("redis", "used memory").await;
    say(&url, &["CONFIG", "SET", "maxmemory", "0"]).await;
    answering.is_well().await;

    // Silent, as behind a cut cable.
    say(&url, &["CLIENT", "PAUSE", "3000", "WRITE"]).await;
    answering.complains("redis", "no answer within 2 s").await;
    answering.is_well().await;

    // The password was changed, and its old connections cut.
    say(&url, &["CONFIG", "SET", "requirepass", "new"]).await;
    let with_password = url.replace("redis://", "redis://:new@");
    say(&with_password, &["CLIENT", "KILL", "TYPE", "normal"]).await;
    answering.complains("redis", "uthentication").await;
    say(&with_password, &["CONFIG", "SET", "requirepass", ""]).await;
    answering.is_well().await;

    // Loading its data.
    say(&url, &["DEBUG", "POPULATE", "2000", "load", "100"]).await;
    say(&url, &["CONFIG", "SET", "key-load-delay", "1000"]).await;
    let reload = tokio::spawn({
        let url = url.clone();
        async move { say(&url, &["DEBUG", "RELOAD"]).await }
    });
    answering.complains("redis", "loading the dataset").await;
    reload.await.unwrap();
    say(&url, &["CONFIG", "SET", "key-load-delay", "0"]).await;
    answering.is_well().await;

    server.kill();
    answering.complains("redis", "onnection refused").await;
    server.restart();
    answering.is_well().await;
    answering.started.signal("TERM");
    let (code, log) = answering.started.end();
    assert_eq!(code, Some(0), "{log:?}");
}

#[tokio::test]
async fn readiness_tells_that_the_store_does_not_take_outcomes() {
    let rig = Rig::start().await;
    let answering = Answering::of(worker(&rig.url, &rig.prefix));
    answering.is_well().await;
    // Somebody else holds the file.
    let options = SqliteConnectOptions::new().filename(answering.started.path("bullrs.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("begin exclusive").await.unwrap();
    rig.queue().add("any", json!({})).await.unwrap();
    answering.complains("store", "writes wait").await;
    other.execute("rollback").await.unwrap();
    answering.is_well().await;
}

#[tokio::test]
async fn an_open_address_needs_a_token_and_tells_strangers_nothing() {
    let rig = Rig::start().await;
    let open = |rig: &Rig| {
        Run::line("worker --queues q --no-store --http 0.0.0.0:0 --log-format json")
            .env("REDIS_URL", &rig.url)
            .env("BULLRS_PREFIX", &rig.prefix)
    };
    open(&rig).expect(
        2,
        "",
        "error: other machines can reach `0.0.0.0:0`; set BULLRS_API_TOKEN, or listen on \
         127.0.0.1\n\nhint: `bullrs worker --help` explains every setting\n",
    );
    let mut answering = Answering::of(open(&rig).env("BULLRS_API_TOKEN", "a-secret-token"));
    answering.address.set_ip([127, 0, 0, 1].into());
    answering.started.signal("TSTP");
    let end = Instant::now() + DEADLINE;
    let stranger = loop {
        let (status, answer) = answering.get("/readyz", "").await;
        if status == 503 {
            break answer;
        }
        assert!(Instant::now() < end, "{answer}");
    };
    assert_eq!(stranger["problems"], json!([{"part": "worker"}]));
    let known = "authorization: Bearer a-secret-token\r\n";
    let (_, friend) = answering.get("/readyz", known).await;
    assert_eq!(
        friend["problems"][0]["detail"],
        "the worker was told to fetch no jobs"
    );
    let (_, wrong) = answering
        .get("/readyz", "authorization: Bearer a-secret-toke\r\n")
        .await;
    assert_eq!(wrong, stranger);
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Run::line("worker --queues q --no-store --log-format json")
        .args(&["--http", &address])
        .end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(
        ended.stderr,
        format!(
            "error: cannot listen on `{address}`\n  cause: address already in use\n\n\
             hint: `--http` names another address\n"
        )
    );
    Run::line("worker --queues q --http 9400").expect(
        2,
        "",
        "error: --http: `9400` is not an address to listen on; write `127.0.0.1:9400` or \
         `[::1]:9400`\n\nhint: `bullrs worker --help` explains every setting\n",
    );
}
