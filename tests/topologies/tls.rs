//! TLS with an authority of our own, client certificates, and what is wrong with either.

use std::{path::PathBuf, process::Command, time::Duration};

use bullrs::{Client, conn::ConnectionOptions};

use crate::{
    node::{Node, free_port},
    support::within,
    work::{Work, add, wait_for_completed},
};

/// Certificates that are good for a day.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["ca", "other"] {
            authority.openssl(&format!(
                "-subj /CN={name} -keyout {name}.key -out {name}.pem"
            ));
        }
        authority.openssl(
            "-subj /CN=redis.test -addext subjectAltName=DNS:redis.test -CA ca.pem -CAkey ca.key \
             -addext basicConstraints=critical,CA:FALSE -keyout server.key -out server.pem",
        );
        authority.openssl(
            "-subj /CN=worker -CA ca.pem -CAkey ca.key -addext \
             basicConstraints=critical,CA:FALSE -keyout client.key -out client.pem",
        );
        authority
    }

    fn openssl(&self, settings: &str) {
        let made = Command::new("openssl")
            .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1".split(' '))
            .args(settings.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn at(&self, file: &str) -> String {
        self.path(file).display().to_string()
    }

    /// A server that also listens with TLS; the port of that comes second.
    fn serve(&self, clients: &str) -> (Node, u16) {
        let port = free_port();
        let node = Node::start(&format!(
            "--tls-port {port} --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {} \
             --tls-auth-clients {clients}",
            self.at("server.pem"),
            self.at("server.key"),
            self.at("ca.pem"),
        ));
        (node, port)
    }
}

async fn refusal(url: &str) -> String {
    Client::connect(url).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_worker_serves_a_queue_over_tls_with_certificates_on_both_sides() {
    let authority = Authority::new();
    let (node, port) = authority.serve("yes");
    let options = ConnectionOptions::parse(&format!(
        "rediss://127.0.0.1:{port}/2?server_name=redis.test"
    ));
    let options = options
        .and_then(|options| options.ca_file(authority.path("ca.pem")))
        .and_then(|options| {
            options.client_certificate(authority.path("client.pem"), authority.path("client.key"))
        })
        .unwrap();
    let client = Client::with_options(options).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(1)).await;
    for number in 0..10 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 10).await;
    node.run::<i64>("CLIENT KILL TYPE normal");
    // Renewed certificates count from the next connection on.
    for file in ["client.pem", "client.key"] {
        std::fs::copy(authority.path(file), authority.path("copy")).unwrap();
        std::fs::rename(authority.path("copy"), authority.path(file)).unwrap();
    }
    for number in 10..20 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 20).await;
    assert!(node.run::<String>("INFO keyspace").contains("db2:"));
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(
        (report.completed, report.lost, report.abandoned),
        (20, 0, 0)
    );
}

#[tokio::test]
async fn each_mistake_with_certificates_is_told_with_its_remedy() {
    let authority = Authority::new();
    let (node, port) = authority.serve("yes");
    let base = format!("rediss://127.0.0.1:{port}");
    let (ca, other) = (authority.at("ca.pem"), authority.at("other.pem"));
    let (cert, key) = (authority.at("client.pem"), authority.at("client.key"));
    let identity = format!("cert={cert}&key={key}");
    let mistakes = [
        (
            format!("{base}?server_name=redis.test"),
            "an authority that nobody here trusts; name the authority's file with `?ca=FILE` or \
             BULLRS_REDIS_CA",
        ),
        (
            format!("{base}?ca={other}&server_name=redis.test"),
            "an authority that nobody here trusts",
        ),
        (
            format!("{base}?ca={ca}&{identity}"),
            "is for another name (it is for DnsName(\"redis.test\")); connect by that name, or say \
             which to expect with `?server_name=NAME`",
        ),
        (
            format!("{base}?ca={ca}&server_name=redis.test"),
            "redis wants a client certificate; name the files with `?cert=FILE&key=FILE`",
        ),
        (
            format!(
                "{base}?ca={ca}&server_name=redis.test&cert={other}&key={}",
                authority.at("other.key")
            ),
            "redis refuses our client certificate",
        ),
        (
            format!("{base}?ca={ca}&cert={cert}"),
            "`redis-url` has a client certificate without its key",
        ),
        (format!("{base}?ca={key}"), "has no certificate in PEM form"),
        (
            format!("{base}?ca=/nowhere.pem"),
            "CA file `/nowhere.pem` cannot be read: ",
        ),
        (
            format!("rediss://127.0.0.1:{}", node.port),
            "if redis speaks no TLS on this port, write `redis://`",
        ),
        (
            format!("redis://127.0.0.1:{port}"),
            "if it wants TLS, write `rediss://`",
        ),
    ];
    let told = mistakes.map(|(url, why)| async move {
        let error = refusal(&url).await;
        assert!(error.contains(why), "{url}\n{error}");
    });
    futures_util::future::join_all(told).await;
}

#[tokio::test]
async fn an_unchecked_certificate_is_believed_only_when_asked_for() {
    let authority = Authority::new();
    let (_node, port) = authority.serve("no");
    let url = format!("rediss://127.0.0.1:{port}");
    assert!(refusal(&url).await.contains("nobody here trusts"));
    for insecure in ["?insecure=true", "#insecure"] {
        let client = Client::connect(&format!("{url}{insecure}")).await.unwrap();
        client.ping().await.unwrap();
    }
    let checked = format!("{url}?server_name=redis.test&ca={}", authority.at("ca.pem"));
    let client = Client::connect(&checked).await.unwrap();
    client.ping().await.unwrap();
}
