//! Checks each request: who sends it, and whether they may do that.

use super::limiter::Limiter;
use super::origin::{Target, is_browser, is_foreign};
use super::reload::Access;
use super::rules::Rules;
use crate::config::Role;
use crate::web::problem::Problem;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether the connection has TLS: then its name is proved, and rebinding is impossible.
    pub is_secure: bool,
    /// Who its certificate is for, if that was verified.
    pub certificate: Option<Arc<str>>,
}

impl Peer {
    pub fn of(parts: &Parts) -> Result<&Self, Problem> {
        let title = "the sender of this request is not known";
        let problem = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title);
        parts.extensions.get().ok_or_else(problem)
    }
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// For the audit log: `anonymous@` and the address if it is not authenticated.
    pub name: Arc<str>,
    pub is_authenticated: bool,
    /// No browser sends a token by itself, so that a foreign page cannot use one.
    has_token: bool,
    role: Role,
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// Its handler decides.
    Handler,
    Role(Role),
}

/// What is sent to prove who the client is.
enum Credentials {
    Password { user: String, password: String },
    Token(String),
    Unknown,
}

impl Need {
    fn of(method: &Method, path: &str) -> Self {
        match path {
            // Kubernetes and load balancers ask these, and do not log in.
            "/-/healthy" | "/-/ready" => Self::Nothing,
            "/api/v1/audit" => Self::Role(Role::Write),
            _ if is_safe(method) => Self::Role(Role::Read),
            // Jobs may have tokens of their own.
            _ if path.starts_with("/api/v1/heartbeat/") => Self::Handler,
            _ => Self::Role(Role::Write),
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Lets requests through that are allowed, with the [`Identity`] of their sender.
pub async fn check(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match access.admit(&parts).await {
        Ok(identity) => {
            if let Some(identity) = identity {
                parts.extensions.insert(identity);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

impl Access {
    async fn admit(&self, parts: &Parts) -> Result<Option<Identity>, Problem> {
        let need = Need::of(&parts.method, parts.uri.path());
        if need == Need::Nothing {
            return Ok(None);
        }
        let rules = self.rules();
        if !rules.has_room(Instant::now()) {
            return Err(too_many(
                "there are too many requests",
                Duration::from_secs(1),
            ));
        }
        if !is_safe(&parts.method) {
            let target = Target::of(parts);
            if is_foreign(&parts.headers, &target, &rules.allowed_hosts) {
                let title = "this request comes from a web page of another origin";
                let detail = "behind a proxy, name the host of the pages in `web.allowed_hosts`";
                return Err(Problem::new(StatusCode::FORBIDDEN, title).because(detail));
            }
        }
        match need {
            Need::Role(role) => self.authorize(parts, role).await.map(Some),
            Need::Handler | Need::Nothing => Ok(None),
        }
    }

    /// Who sent a request, if they have a role.
    pub async fn authorize(&self, parts: &Parts, need: Role) -> Result<Identity, Problem> {
        let peer = Peer::of(parts)?;
        let rules = self.rules();
        let identity = if rules.needs_login() {
            self.login(&rules, peer, &parts.headers).await?
        } else {
            unauthenticated(&rules, peer)
        };
        let is_write = !is_safe(&parts.method);
        let by_browser =
            !identity.is_authenticated && !peer.is_secure && is_browser(&parts.headers);
        if (is_write && !identity.has_token) || by_browser {
            self.check_host(&rules, parts)?;
        }
        if identity.role >= need {
            return Ok(identity);
        }
        Err(refusal(&identity))
    }

    fn check_host(&self, rules: &Rules, parts: &Parts) -> Result<(), Problem> {
        if Target::of(parts).is_own(self.machine(), &rules.allowed_hosts) {
            return Ok(());
        }
        let title = "this host name is not allowed";
        let detail = "use an IP address, localhost or the host name of the machine, or add the name to `web.allowed_hosts`";
        Err(Problem::new(StatusCode::FORBIDDEN, title).because(detail))
    }

    async fn login(
        &self,
        rules: &Rules,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Identity, Problem> {
        let Some(credentials) = Credentials::of(headers) else {
            return Err(unauthorized(rules, "authentication is required"));
        };
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
        let Some((name, role)) = found else {
            attempt.failed();
            return Err(unauthorized(
                rules,
                "the user, the password or the token is wrong",
            ));
        };
        attempt.succeeded();
        Ok(Identity {
            name,
            is_authenticated: true,
            has_token: matches!(credentials, Credentials::Token(_)),
            role,
        })
    }

    /// Begins to check the token of a heartbeat, if its peer may try.
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
            too_many("there were too many failed logins", wait)
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

/// A check of a secret, which counts as failed unless it succeeds.
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
        // Without the user: people type passwords in its place.
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

    /// How it proves who the client is, and what its failures count for.
    fn names(&self) -> (&'static str, &str) {
        match self {
            Self::Password { user, .. } => ("basic", user),
            Self::Token(_) => ("bearer", "Bearer"),
            Self::Unknown => ("basic", ""),
        }
    }
}

fn unauthenticated(rules: &Rules, peer: &Peer) -> Identity {
    if let Some(name) = &peer.certificate {
        return Identity {
            name: name.clone(),
            is_authenticated: true,
            has_token: false,
            role: rules.certificate_role,
        };
    }
    let address = peer.address.ip().to_canonical();
    Identity {
        name: format!("anonymous@{address}").into(),
        is_authenticated: false,
        has_token: false,
        role: if rules.anonymous_writes {
            Role::Write
        } else {
            Role::Read
        },
    }
}

fn refusal(identity: &Identity) -> Problem {
    if identity.is_authenticated {
        let title = format!(
            "{} has the role `read`, and this needs `write`",
            identity.name
        );
        return Problem::new(StatusCode::FORBIDDEN, title);
    }
    let title = "changes need authentication, because slod does not listen on a loopback address";
    let detail = "configure users or tokens (`web` in the config); behind a proxy that authenticates, set `web.allow_unauthenticated_writes`";
    Problem::new(StatusCode::FORBIDDEN, title).because(detail)
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

fn too_many(title: &str, wait: Duration) -> Problem {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, title)
        .because(format!("try again after {secs} s"))
        .with(header::RETRY_AFTER, secs.into())
}
