//! Authenticates and authorizes each request.

use super::login::too_many;
use super::origin::{Target, is_browser, is_foreign};
use super::reload::Access;
use super::rules::Rules;
use crate::config::Role;
use crate::web::problem::Problem;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The peer of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether the connection uses TLS: the host name is then verified, and DNS rebinding is impossible.
    pub is_secure: bool,
    /// Subject of its certificate, if verified.
    pub certificate: Option<Arc<str>>,
}

impl Peer {
    pub fn of(parts: &Parts) -> Result<&Self, Problem> {
        let title = "the sender of this request is unknown";
        let problem = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title);
        parts.extensions.get().ok_or_else(problem)
    }
}

/// The sender of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name for the audit log: `anonymous@` and the address without authentication.
    pub name: Arc<str>,
    pub is_authenticated: bool,
    /// Browsers never send tokens automatically, so a page of another origin cannot use one.
    pub(super) has_token: bool,
    pub(super) role: Role,
}

impl Identity {
    /// Whether it may make changes.
    pub fn can_write(&self) -> bool {
        self.role == Role::Write
    }

    /// An unauthenticated client at an address.
    pub fn anonymous(address: IpAddr, role: Role) -> Self {
        Self {
            name: format!("anonymous@{}", address.to_canonical()).into(),
            is_authenticated: false,
            has_token: false,
            role,
        }
    }
}

/// Access required by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Nothing,
    /// Decided by the handler; fixed texts are served to everyone.
    Handler,
    Role(Role),
}

impl Need {
    fn of(method: &Method, path: &str) -> Self {
        match path {
            // Used by Kubernetes and load balancers, which do not log in.
            "/-/healthy" | "/-/ready" => Self::Nothing,
            // Opened from a page-level alert. It is docs/RUNBOOK.md and contains nothing of the config.
            "/runbook" | "/style.css" if is_safe(method) => Self::Handler,
            "/api/v1/audit" => Self::Role(Role::Write),
            _ if is_safe(method) => Self::Role(Role::Read),
            // Jobs may have their own tokens.
            _ if path.starts_with("/api/v1/heartbeat/") => Self::Handler,
            _ => Self::Role(Role::Write),
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Lets permitted requests through, with the [`Identity`] of their sender.
pub async fn admit(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match access.identify(&parts).await {
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
    async fn identify(&self, parts: &Parts) -> Result<Option<Identity>, Problem> {
        if Target::of(parts) == Target::Invalid {
            let title = "exactly one header `Host` with a valid host name is required";
            return Err(Problem::new(StatusCode::BAD_REQUEST, title));
        }
        let need = Need::of(&parts.method, parts.uri.path());
        if need == Need::Nothing {
            return Ok(None);
        }
        let rules = self.rules();
        if !rules.has_room(Instant::now()) {
            return Err(too_many("too many requests", Duration::from_secs(1)));
        }
        if !is_safe(&parts.method) {
            let target = Target::of(parts);
            if is_foreign(&parts.headers, &target, &rules.allowed_hosts) {
                let title = "this request comes from a web page of another origin";
                let detail =
                    "behind a proxy, add the host name of the pages to `web.allowed_hosts`";
                return Err(Problem::new(StatusCode::FORBIDDEN, title).because(detail));
            }
        }
        match need {
            Need::Role(role) => self.authorize(parts, role).await.map(Some),
            Need::Handler | Need::Nothing => Ok(None),
        }
    }

    /// Returns the sender of a request if it has the required role.
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
    let role = if rules.anonymous_writes {
        Role::Write
    } else {
        Role::Read
    };
    Identity::anonymous(peer.address.ip(), role)
}

fn refusal(identity: &Identity) -> Problem {
    if identity.is_authenticated {
        let title = format!(
            "{} has the role `read`, but this request needs the role `write`",
            identity.name
        );
        return Problem::new(StatusCode::FORBIDDEN, title);
    }
    let title = "changes need authentication, because slod does not listen on a loopback address";
    let detail = "configure users or tokens (`web` in the config); behind a proxy that authenticates, set `web.allow_unauthenticated_writes`";
    Problem::new(StatusCode::FORBIDDEN, title).because(detail)
}
