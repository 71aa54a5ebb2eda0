//! Who may ask for what.

use std::{hint::black_box, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

/// The rule of an address: on loopback everyone may ask, elsewhere who has the token.
#[derive(Clone)]
pub struct Access(Option<Arc<str>>);

impl Access {
    /// The rule for this address.
    ///
    /// # Errors
    /// What is missing, when other machines can reach the address and there is no token.
    pub fn on(address: SocketAddr, token: Option<String>) -> Result<Self, String> {
        let token = token.filter(|token| !token.is_empty());
        if token.is_none() && !address.ip().is_loopback() {
            return Err(format!(
                "other machines can reach `{address}`; set BULLRS_API_TOKEN, or listen on 127.0.0.1"
            ));
        }
        Ok(Self(token.map(Into::into)))
    }

    /// Whether these headers have the token, where one is needed.
    pub fn allows(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.0 else { return true };
        headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .is_some_and(|given| is_same(given, token.as_bytes()))
    }

    /// Routes that only answer who may ask.
    pub fn required(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), check))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() {
            "Access(token)"
        } else {
            "Access(everyone)"
        })
    }
}

async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    if access.allows(request.headers()) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    (StatusCode::UNAUTHORIZED, challenge).into_response()
}

/// Compares in a time that does not depend on where the texts differ.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let mut difference = u8::from(given.len() != token.len());
    for (at, byte) in token.iter().enumerate() {
        difference |= byte ^ given.get(at).copied().unwrap_or(0);
    }
    black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(authorization: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        headers
    }

    #[test]
    fn only_loopback_does_without_a_token() {
        for (address, token, allowed) in [
            ("127.0.0.1:0", None, true),
            ("[::1]:0", None, true),
            ("0.0.0.0:0", None, false),
            ("0.0.0.0:0", Some(""), false),
            ("[::]:0", None, false),
            ("10.0.0.1:0", Some("t"), true),
        ] {
            let access = Access::on(address.parse().unwrap(), token.map(str::to_owned));
            assert_eq!(access.is_ok(), allowed, "{address} {token:?}");
        }
    }

    #[test]
    fn a_token_must_be_the_whole_one() {
        let address = "127.0.0.1:0".parse().unwrap();
        let access = Access::on(address, Some("secret".into())).unwrap();
        assert!(access.allows(&with("Bearer secret")));
        for wrong in [
            "Bearer secre",
            "Bearer secrets",
            "Bearer ",
            "secret",
            "Basic secret",
        ] {
            assert!(!access.allows(&with(wrong)), "{wrong}");
        }
        assert!(!access.allows(&HeaderMap::new()));
        assert!(!format!("{access:?}").contains("secret"));
    }
}
