//! `/healthz`: does the process live? `/readyz`: can it take jobs, and write what becomes of them?
//!
//! A restart mends what `/healthz` complains about. It does not mend what `/readyz` complains
//! about: Redis or the database are away, or the worker was told to rest or to stop.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Serialize;
use tokio::{sync::Mutex, time::timeout};

use super::Access;
use crate::worker::{Activity, Control};

/// How long Redis may take to answer before it counts as away.
const REDIS_ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// How long what Redis answered is believed, however often we are asked.
const ANSWER_HOLDS: Duration = Duration::from_secs(1);

/// What the job store says of itself: why it cannot take outcomes, if so.
pub trait StoreHealth: Send + Sync + 'static {
    /// Why outcomes cannot be written at the moment, without any credential.
    fn trouble(&self) -> Option<String>;
}

/// What the answers are made of.
pub struct Health {
    worker: OnceLock<Control>,
    store: Option<Arc<dyn StoreHealth>>,
    asked: Mutex<Option<(Instant, Asked)>>,
}

/// What Redis answered: the paused queues, or why it cannot be used.
type Asked = Result<Vec<String>, String>;

/// The answer of `/healthz`.
#[derive(Debug, Serialize)]
struct Alive {
    alive: bool,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    ready: bool,
    /// `starting`, `serving`, `quiet`, `draining` or `stopped`.
    worker: &'static str,
    problems: Vec<Problem>,
    /// Queues that someone paused for all workers. That is nobody's fault: it does not count.
    #[serde(rename = "pausedQueues")]
    paused_queues: Vec<String>,
}

/// One reason not to be ready.
#[derive(Debug, Serialize)]
struct Problem {
    /// `worker`, `redis` or `store`.
    part: &'static str,
    /// Only for those who may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Health {
    /// Of a process whose worker has not started yet.
    pub fn new(store: Option<Arc<dyn StoreHealth>>) -> Arc<Self> {
        Arc::new(Self {
            worker: OnceLock::new(),
            store,
            asked: Mutex::new(None),
        })
    }

    /// The worker has started.
    pub fn started(&self, worker: Control) {
        let _first = self.worker.set(worker);
    }

    fn is_alive(&self) -> bool {
        self.worker.get().is_none_or(Control::is_alive)
    }

    async fn readiness(&self) -> Readiness {
        let mut problems = Vec::new();
        let mut problem = |part, detail: &str| {
            let detail = Some(detail.to_owned());
            problems.push(Problem { part, detail });
        };
        let worker = match self.worker.get().map(Control::activity) {
            None => "starting",
            Some(Activity::Serving) => "serving",
            Some(Activity::Quiet) => "quiet",
            Some(Activity::Draining) => "draining",
            Some(Activity::Stopped) => "stopped",
        };
        match worker {
            "serving" => {}
            "starting" => problem("worker", "the worker has not started yet"),
            "quiet" => problem("worker", "the worker was told to fetch no jobs"),
            _ => problem("worker", "the worker is stopping"),
        }
        if !self.is_alive() {
            problem("worker", "the worker's thread does not run");
        }
        let mut paused_queues = Vec::new();
        if let Some(control) = self.worker.get() {
            match self.ask(control).await {
                Err(error) => problem("redis", &error),
                Ok(paused) => {
                    paused_queues = paused;
                    for (queue, error) in control.troubles() {
                        problem("redis", &format!("queue `{queue}`: {error}"));
                    }
                }
            }
        }
        if let Some(trouble) = self.store.as_ref().and_then(|store| store.trouble()) {
            problem("store", &trouble);
        }
        Readiness {
            ready: problems.is_empty(),
            worker,
            problems,
            paused_queues,
        }
    }

    /// Asks Redis, at most once in a while.
    async fn ask(&self, control: &Control) -> Asked {
        let mut last = self.asked.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < ANSWER_HOLDS
        {
            return answer.clone();
        }
        let answer = match timeout(REDIS_ANSWERS_WITHIN, control.probe()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_late) => Err(format!(
                "no answer within {} s",
                REDIS_ANSWERS_WITHIN.as_secs()
            )),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// What the routes need.
#[derive(Debug, Clone)]
struct Routes {
    health: Arc<Health>,
    access: Access,
}

/// `/healthz` and `/readyz`. Everyone may ask; where a token is needed, only who has it learns the
/// details.
pub fn routes(health: Arc<Health>, access: Access) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Routes { health, access })
}

async fn healthz(State(routes): State<Routes>) -> Response {
    let alive = routes.health.is_alive();
    answer(alive, &Alive { alive })
}

async fn readyz(State(routes): State<Routes>, headers: HeaderMap) -> Response {
    let mut readiness = routes.health.readiness().await;
    if !routes.access.allows(&headers) {
        for problem in &mut readiness.problems {
            problem.detail = None;
        }
        readiness.paused_queues.clear();
    }
    answer(readiness.ready, &readiness)
}

fn answer(good: bool, body: &impl Serialize) -> Response {
    let status = if good {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Json(body)).into_response()
}
