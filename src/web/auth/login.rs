//! Checks passwords and tokens.

use super::access::{Identity, Peer};
use super::limiter::Limiter;
use super::reload::Access;
use super::rules::Rules;
use crate::config::Role;
use crate::web::problem::Problem;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Length in characters from which a token cannot be guessed at any rate: random hexadecimal digits are one
/// of 2^64. A correct one is accepted even while failed logins are limited, so that a client with an old
/// token does not lock out others at the same address.
const LONG_TOKEN: usize = 16;

/// Credentials of a request.
enum Credentials {
    Password { user: String, password: String },
    Token(String),
    Unknown,
}

impl Access {
    /// Identifies the sender of a request by its password or token.
    pub(super) async fn login(
        &self,
        rules: &Rules,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Identity, Problem> {
        let Some(credentials) = Credentials::of(headers) else {
            return Err(unauthorized(rules, "authentication is required"));
        };
        if let Credentials::Token(token) = &credentials
            && is_unguessable(token)
            && let Some(owner) = rules.owner(token)
        {
            return Ok(identity(&credentials, owner));
        }
        let (method, subject) = credentials.names();
        let attempt = self.begin(self.logins(), peer, method, subject)?;
        let found = match &credentials {
            Credentials::Password { user, password } => {
                let users = &rules.users;
                let is_right = users.is_known(user, password) || users.verify(user, password).await;
                is_right.then(|| (user.as_str().into(), rules.user_role(user)))
            }
            Credentials::Token(token) => rules.owner(token),
            Credentials::Unknown => None,
        };
        let Some(owner) = found else {
            attempt.failed();
            return Err(unauthorized(rules, "wrong user, password or token"));
        };
        attempt.succeeded();
        Ok(identity(&credentials, owner))
    }

    /// Starts to check the token of a heartbeat, unless its peer is limited.
    pub fn begin_heartbeat<'a>(
        &'a self,
        peer: &'a Peer,
        probe: &'a str,
    ) -> Result<Attempt<'a>, Problem> {
        self.begin(self.heartbeats(), peer, "heartbeat", probe)
    }

    fn begin<'a>(
        &'a self,
        limiter: &'a Limiter,
        peer: &'a Peer,
        method: &'static str,
        subject: &'a str,
    ) -> Result<Attempt<'a>, Problem> {
        let begun = limiter.begin(peer.address.ip(), subject, Instant::now());
        begun.map_err(|wait| {
            self.own().web_auth_limited.inc();
            too_many("too many failed logins", wait)
        })?;
        Ok(Attempt {
            access: self,
            limiter,
            peer,
            method,
            subject,
        })
    }
}

/// A check of credentials, which counts as failed unless it succeeds.
pub struct Attempt<'a> {
    access: &'a Access,
    limiter: &'a Limiter,
    peer: &'a Peer,
    method: &'static str,
    subject: &'a str,
}

impl Attempt<'_> {
    pub fn succeeded(self) {
        let peer = self.peer.address.ip();
        self.limiter.succeeded(peer, self.subject, Instant::now());
    }

    pub fn failed(self) {
        self.access.own().web_auth_failed(self.method);
        // Without the user name: people sometimes type passwords there.
        let peer = self.peer.address.ip();
        tracing::warn!(%peer, method = self.method, "a login failed");
    }
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::AUTHORIZATION)?.to_str();
        Some(text.ok().and_then(Self::parse).unwrap_or(Self::Unknown))
    }

    fn parse(text: &str) -> Option<Self> {
        let (scheme, value) = text.split_once(' ')?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Token(value.to_owned()));
        }
        let decoded = scheme
            .eq_ignore_ascii_case("basic")
            .then(|| STANDARD.decode(value));
        let text = String::from_utf8(decoded?.ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Self::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The authentication method, and the subject of its failures.
    fn names(&self) -> (&'static str, &str) {
        match self {
            Self::Password { user, .. } => ("basic", user),
            Self::Token(_) => ("bearer", "Bearer"),
            Self::Unknown => ("basic", ""),
        }
    }
}

/// Whether a token is too long to be guessed.
pub fn is_unguessable(token: &str) -> bool {
    token.len() >= LONG_TOKEN
}

fn identity(credentials: &Credentials, (name, role): (Arc<str>, Role)) -> Identity {
    Identity {
        name,
        is_authenticated: true,
        has_token: matches!(credentials, Credentials::Token(_)),
        role,
    }
}

fn unauthorized(rules: &Rules, title: &str) -> Problem {
    let mut problem = Problem::new(StatusCode::UNAUTHORIZED, title);
    if !rules.users.is_empty() {
        let basic = HeaderValue::from_static("Basic realm=\"slod\", charset=\"UTF-8\"");
        problem = problem.with(header::WWW_AUTHENTICATE, basic);
    }
    if rules.takes_tokens() {
        let bearer = HeaderValue::from_static("Bearer realm=\"slod\"");
        problem = problem.with(header::WWW_AUTHENTICATE, bearer);
    }
    problem
}

pub(super) fn too_many(title: &str, wait: Duration) -> Problem {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, title)
        .because(format!("try again after {secs} s"))
        .with(header::RETRY_AFTER, secs.into())
}
