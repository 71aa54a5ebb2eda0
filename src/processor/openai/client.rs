//! Calls of the API: addresses, headers, timeouts, and what an answer that is none means.

use std::{error::Error as StdError, fmt, future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
    multipart::{Form, Part},
    redirect,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    ApiError, OpenAiOptions,
    error::Halt,
    options::is_loopback,
    redact::Redactor,
    refusal::{identifier, refusal},
};
use crate::{Error, Result, worker::RawJob};

/// Largest JSON answer that is taken, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
/// As much of an error's body is read.
const LARGEST_ERROR: usize = 64 * 1024;
/// An upload may take this much longer than any other call for each so many bytes.
const SLOWEST_UPLOAD: usize = 64 * 1024;

/// A client of an OpenAI-compatible API. Cheap to clone; keeps its connections.
#[derive(Clone)]
pub struct OpenAi(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    base: Url,
    options: OpenAiOptions,
}

impl OpenAi {
    /// Checks the options; connects to nothing.
    ///
    /// # Errors
    /// All rules that the options break, or what is wrong with this machine's TLS certificates.
    pub fn new(options: &OpenAiOptions) -> Result<Self> {
        let base = options.validate()?;
        // Fails when the process has a provider already, which then serves as well.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bullrs/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(options)?)
            // A redirect would carry the payload to an address that nobody configured.
            .redirect(redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            // Node servers close idle connections after 5 s, at the moment a call may go out.
            .pool_idle_timeout(Duration::from_secs(4));
        if base.scheme() == "http" {
            // No TLS, so no certificates: a container may have none.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            Error::Options(vec![format!(
                "`OPENAI_BASE_URL` is https, but TLS cannot be set up: {}; install \
                 `ca-certificates` or set `SSL_CERT_FILE`",
                root_cause(&error)
            )])
        })?;
        Ok(Self(Arc::new(Inner {
            http,
            base,
            options: options.clone(),
        })))
    }

    /// Makes calls for a job whose input `redactor` hides.
    pub(super) fn session<'a>(&'a self, job: &RawJob, redactor: &'a Redactor<'a>) -> Session<'a> {
        let trace = format!("{}:{}:{}", job.queue(), job.id(), job.attempt());
        let fits = trace.len() <= 512 && trace.bytes().all(|byte| byte.is_ascii_graphic());
        Session {
            api: &self.0,
            redactor,
            trace: fits.then_some(trace),
        }
    }

    /// Hides the key and a job's input in what the API says.
    pub(super) fn redactor<'a>(&self, input: &'a str) -> Redactor<'a> {
        Redactor::new(input, self.0.options.api_key.as_ref())
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("host", &self.0.host())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

fn headers(options: &OpenAiOptions) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut add = |name: &'static str, value: &str, secret: bool| -> Result<()> {
        let mut value = HeaderValue::from_str(value).map_err(|_| Error::Invalid {
            field: name,
            rule: "cannot be sent as a header".into(),
        })?;
        value.set_sensitive(secret);
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    if let Some(key) = &options.api_key {
        add("authorization", &format!("Bearer {}", key.reveal()), true)?;
    }
    if let Some(organization) = &options.organization {
        add("openai-organization", organization, false)?;
    }
    if let Some(project) = &options.project {
        add("openai-project", project, false)?;
    }
    Ok(headers)
}

/// A call of the API.
pub(super) struct Call<'a> {
    /// Method and path pattern, for messages.
    pub(super) name: &'static str,
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
}

impl<'a> Call<'a> {
    pub(super) fn get(name: &'static str, path: &'a [&'a str]) -> Self {
        Self {
            name,
            method: Method::GET,
            path,
            query: &[],
        }
    }

    pub(super) fn post(name: &'static str, path: &'a [&'a str]) -> Self {
        Self {
            method: Method::POST,
            ..Self::get(name, path)
        }
    }
}

/// The calls made for one job.
pub(super) struct Session<'a> {
    api: &'a Inner,
    redactor: &'a Redactor<'a>,
    trace: Option<String>,
}

impl<'a> Session<'a> {
    /// Hides the key and the job's input in what the API says.
    pub(super) fn redactor(&self) -> &'a Redactor<'a> {
        self.redactor
    }

    /// Calls without a body and reads the JSON of the answer.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Halt> {
        let response = self.send(call, self.request(call)).await?;
        self.read(call.name, response).await
    }

    /// Calls with a JSON body and reads the JSON of the answer.
    pub(super) async fn call_with<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<T, Halt> {
        let response = self.send(call, self.request(call).json(body)).await?;
        self.read(call.name, response).await
    }

    /// Calls with a JSON body; the answer's body is left to the caller.
    pub(super) async fn stream(
        &self,
        call: &Call<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<Response, Halt> {
        let request = self.request(call).header("accept", "text/event-stream");
        Ok(self.send(call, request.json(body)).await?)
    }

    /// Uploads a training file and reads the JSON of the answer.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        file_name: &str,
        content: Bytes,
    ) -> Result<T, Halt> {
        let length = content.len();
        let part = Part::stream_with_length(content, length as u64)
            .file_name(file_name.to_owned())
            .mime_str("application/jsonl")
            .map_err(Halt::attempt)?;
        let form = Form::new().text("purpose", "fine-tune").part("file", part);
        let patience =
            self.api.options.idle_timeout + Duration::from_secs((length / SLOWEST_UPLOAD) as u64);
        let request = self.request(call).multipart(form);
        let response = self.send_within(call, request, patience).await?;
        self.read(call.name, response).await
    }

    /// The next bytes of an answer, `None` at its end.
    pub(super) async fn chunk(
        &self,
        call: &'static str,
        response: &mut Response,
    ) -> Result<Option<Bytes>, ApiError> {
        let patience = self.api.options.idle_timeout;
        self.in_time(call, patience, response.chunk())
            .await?
            .map_err(|error| ApiError::Cut {
                call,
                reason: root_cause(&error),
            })
    }

    /// The error that an error body stands for.
    pub(super) fn refusal(
        &self,
        call: &'static str,
        status: Option<u16>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> ApiError {
        refusal(call, status, headers, body, self.redactor)
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let mut url = self.api.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let request = self.api.http.request(call.method.clone(), url);
        match &self.trace {
            Some(trace) => request.header("x-client-request-id", trace),
            None => request,
        }
    }

    async fn send(&self, call: &Call<'_>, request: RequestBuilder) -> Result<Response, ApiError> {
        self.send_within(call, request, self.api.options.idle_timeout)
            .await
    }

    async fn send_within(
        &self,
        call: &Call<'_>,
        request: RequestBuilder,
        patience: Duration,
    ) -> Result<Response, ApiError> {
        let mut response = self
            .in_time(call.name, patience, request.send())
            .await?
            .map_err(|error| self.unreachable(call.name, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // An error without its body is still that error.
        let mut body = Vec::new();
        while body.len() < LARGEST_ERROR
            && let Ok(Some(bytes)) = self.chunk(call.name, &mut response).await
        {
            body.extend_from_slice(&bytes);
        }
        let status = Some(status.as_u16());
        Err(self.refusal(call.name, status, response.headers(), &body))
    }

    async fn read<T: DeserializeOwned>(
        &self,
        call: &'static str,
        mut response: Response,
    ) -> Result<T, Halt> {
        let body = self.whole(call, &mut response).await?;
        Ok(self.parse(call, &body)?)
    }

    /// The answer's body in full.
    pub(super) async fn whole(
        &self,
        call: &'static str,
        response: &mut Response,
    ) -> Result<Vec<u8>, ApiError> {
        let mut body = Vec::new();
        while let Some(bytes) = self.chunk(call, response).await? {
            body.extend_from_slice(&bytes);
            if body.len() > LARGEST_ANSWER {
                let reason = "it is larger than 64 MiB".into();
                return Err(ApiError::Unreadable { call, reason });
            }
        }
        Ok(body)
    }

    /// Reads JSON that the API sent; an error quotes nothing of it.
    pub(super) fn parse<T: DeserializeOwned>(
        &self,
        call: &'static str,
        body: &[u8],
    ) -> Result<T, ApiError> {
        let unreadable = |reason| ApiError::Unreadable { call, reason };
        let text = std::str::from_utf8(body).map_err(|_| unreadable("it is not UTF-8".into()))?;
        crate::wire::read_json(text, "the answer")
            .map_err(|error| unreadable(self.redactor.clean(&error.to_string())))
    }

    async fn in_time<T>(
        &self,
        call: &'static str,
        patience: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        let after = patience;
        timeout(patience, work)
            .await
            .map_err(|_| ApiError::Silent { call, after })
    }

    fn unreachable(&self, call: &'static str, error: &reqwest::Error) -> ApiError {
        let reason = if error.is_timeout() {
            let patience = self.api.options.connect_timeout.as_secs_f64();
            format!("no connection within {patience} s")
        } else {
            root_cause(error)
        };
        ApiError::Unreachable {
            call,
            host: self.api.host(),
            reason,
        }
    }
}

/// The innermost cause. The outer ones name the address, which may hold a secret query.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<reqwest::Error>() {
        return "the request could not be sent".into();
    }
    cause.to_string()
}

/// Whether a text can be an id of the API: it becomes part of an address.
pub(super) fn is_id(text: &str) -> bool {
    identifier(text, 128).is_some() && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
