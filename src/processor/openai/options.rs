//! Where the API is and how to speak to it.

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use reqwest::Url;

use crate::{Error, Result};

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// How the built-in processors reach the API; checked by [`OpenAi::new`](super::OpenAi::new).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenAiOptions {
    /// Start of every call's address (`OPENAI_BASE_URL`). Defaults to `https://api.openai.com/v1`.
    ///
    /// `http` is taken for loopback addresses only, unless [`allow_http`](Self::allow_http) is set.
    /// A query (as in `?api-version=1`) is kept in every call; a user or password is refused.
    pub base_url: String,
    /// Sent as bearer token (`OPENAI_API_KEY`). Needed for `api.openai.com`; other servers may do
    /// without.
    pub api_key: Option<ApiKey>,
    /// Sent as `OpenAI-Organization` (`OPENAI_ORGANIZATION` or `OPENAI_ORG_ID`). None by default.
    pub organization: Option<String>,
    /// Sent as `OpenAI-Project` (`OPENAI_PROJECT` or `OPENAI_PROJECT_ID`). None by default.
    pub project: Option<String>,
    /// Model of content jobs that name none (`OPENAI_MODEL`). Defaults to `gpt-4o-mini`.
    pub model: String,
    /// Whether payloads may leave unencrypted to hosts other than this one
    /// (`BULLRS_OPENAI_ALLOW_HTTP=1`), for a model server in a private network. Off by default.
    pub allow_http: bool,
    /// Longest time to get a connection. Defaults to 10 s.
    pub connect_timeout: Duration,
    /// Longest silence between two bytes of an answer, its first included. Too short and models
    /// that think before they speak are cut off. Defaults to 5 min.
    pub idle_timeout: Duration,
    /// How often a fine-tuning job is looked at. Defaults to 10 s.
    pub poll_interval: Duration,
    /// Where `fineTune.export` writes, and `fineTune.start` reads, training files
    /// (`BULLRS_EXPORT_DIR`). Made when first needed. Defaults to `./exports`.
    pub export_dir: PathBuf,
}

impl Default for OpenAiOptions {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            api_key: None,
            organization: None,
            project: None,
            model: "gpt-4o-mini".into(),
            allow_http: false,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(5),
            poll_interval: Duration::from_secs(10),
            export_dir: "exports".into(),
        }
    }
}

impl OpenAiOptions {
    /// Takes what environment variables set, and defaults for the rest. Empty ones count as unset.
    ///
    /// `variable` returns the value of a variable: `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// When `BULLRS_OPENAI_ALLOW_HTTP` is neither a yes nor a no.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| variable(name))
                .map(|value| value.trim().to_owned())
                .find(|value| !value.is_empty())
        };
        let mut options = Self {
            api_key: first(&["OPENAI_API_KEY"]).map(ApiKey::new),
            organization: first(&["OPENAI_ORGANIZATION", "OPENAI_ORG_ID"]),
            project: first(&["OPENAI_PROJECT", "OPENAI_PROJECT_ID"]),
            ..Self::default()
        };
        if let Some(base_url) = first(&["OPENAI_BASE_URL"]) {
            options.base_url = base_url;
        }
        if let Some(model) = first(&["OPENAI_MODEL"]) {
            options.model = model;
        }
        if let Some(directory) = first(&["BULLRS_EXPORT_DIR"]) {
            options.export_dir = directory.into();
        }
        if let Some(flag) = first(&["BULLRS_OPENAI_ALLOW_HTTP"]) {
            options.allow_http = match flag.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => true,
                "0" | "false" | "no" | "off" => false,
                _ => {
                    return Err(Error::Invalid {
                        field: "BULLRS_OPENAI_ALLOW_HTTP",
                        rule: format!("must be `1` or `0`, got `{flag}`"),
                    });
                }
            };
        }
        Ok(options)
    }

    /// Checks every rule and returns the address that calls start with.
    pub(super) fn validate(&self) -> Result<Url> {
        let mut faults = Vec::new();
        let url = self.checked_url(&mut faults);
        if let Some(key) = &self.api_key
            && !key.is_sendable()
        {
            faults.push("`OPENAI_API_KEY` must be printable ASCII without spaces".into());
        }
        for (name, value) in [
            ("OPENAI_ORGANIZATION", &self.organization),
            ("OPENAI_PROJECT", &self.project),
        ] {
            if value.as_deref().is_some_and(|value| !is_token(value)) {
                faults.push(format!("`{name}` must be printable ASCII without spaces"));
            }
        }
        match url {
            Some(url) if faults.is_empty() => Ok(url),
            _ => Err(Error::Options(faults)),
        }
    }

    fn checked_url(&self, faults: &mut Vec<String>) -> Option<Url> {
        let url = match Url::parse(&self.base_url) {
            Ok(url) if url.has_host() => url,
            // The text may hold a password, so it is not repeated.
            _ => {
                faults
                    .push("`OPENAI_BASE_URL` must be an address such as `https://host/v1`".into());
                return None;
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            faults.push(
                "`OPENAI_BASE_URL` must not hold a user or password; \
                 set `OPENAI_API_KEY` instead"
                    .into(),
            );
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) || self.allow_http => {}
            "http" => faults.push(format!(
                "`OPENAI_BASE_URL` must be https, as payloads and the key go to `{}`; in a private \
                 network set `BULLRS_OPENAI_ALLOW_HTTP=1`",
                url.host_str().unwrap_or_default()
            )),
            other => faults.push(format!("`OPENAI_BASE_URL` must be https, got `{other}`")),
        }
        if self.api_key.is_none() && url.host_str() == Some("api.openai.com") {
            faults.push("`OPENAI_API_KEY` must be set for `api.openai.com`".into());
        }
        Some(url)
    }
}

/// Whether the address is one of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A key that no log, error or `Debug` shows.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Wraps a key; spaces around it (a newline at the end of a secret file) are dropped.
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    fn is_sendable(&self) -> bool {
        is_token(&self.0)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> OpenAiOptions {
        OpenAiOptions::from_env(|name| {
            let found = pairs.iter().find(|(own, _)| *own == name);
            found.map(|(_, value)| (*value).to_owned())
        })
        .unwrap()
    }

    fn fault(pairs: &[(&str, &str)]) -> String {
        from(pairs).validate().unwrap_err().to_string()
    }

    #[test]
    fn what_is_set_is_taken_and_the_key_stays_hidden() {
        let options = from(&[
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
            ("OPENAI_API_KEY", "sk-secret\n"),
            ("OPENAI_ORG_ID", "org-1"),
            ("OPENAI_PROJECT", ""),
            ("BULLRS_EXPORT_DIR", "/var/exports"),
        ]);
        assert_eq!(
            options.validate().unwrap().as_str(),
            "http://127.0.0.1:9/v1"
        );
        assert_eq!(options.api_key.as_ref().unwrap().reveal(), "sk-secret");
        assert_eq!(options.organization.as_deref(), Some("org-1"));
        assert_eq!(options.project, None);
        assert_eq!(options.export_dir, PathBuf::from("/var/exports"));
        assert!(!format!("{options:?}").contains("sk-secret"));
    }

    #[test]
    fn all_broken_rules_are_told_at_once_without_a_secret() {
        assert_eq!(
            fault(&[
                ("OPENAI_BASE_URL", "http://me:hunter2@models.internal/v1"),
                ("OPENAI_API_KEY", "two words"),
            ]),
            "`OPENAI_BASE_URL` must not hold a user or password; set `OPENAI_API_KEY` instead; \
             `OPENAI_BASE_URL` must be https, as payloads and the key go to `models.internal`; in \
             a private network set `BULLRS_OPENAI_ALLOW_HTTP=1`; \
             `OPENAI_API_KEY` must be printable ASCII without spaces"
        );
        assert_eq!(
            fault(&[]),
            "`OPENAI_API_KEY` must be set for `api.openai.com`"
        );
        assert_eq!(
            fault(&[("OPENAI_BASE_URL", "sk-mistake")]),
            "`OPENAI_BASE_URL` must be an address such as `https://host/v1`"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_or_on_request() {
        for url in [
            "http://localhost:1/v1",
            "http://[::1]:1/v1",
            "http://127.8.0.1/v1",
        ] {
            assert!(
                from(&[("OPENAI_BASE_URL", url)]).validate().is_ok(),
                "{url}"
            );
        }
        let ollama = ("OPENAI_BASE_URL", "http://ollama:11434/v1");
        assert!(from(&[ollama]).validate().is_err());
        assert!(
            from(&[ollama, ("BULLRS_OPENAI_ALLOW_HTTP", "true")])
                .validate()
                .is_ok()
        );
    }
}
