//! The `http` kind: one request, whose answer is checked. Other kinds over HTTP use its public modules.

pub mod body;
pub mod captured;
pub mod conditions;
mod cookie_date;
pub mod cookies;
mod decimal;
pub mod excerpt;
pub mod exchange;
pub mod expect;
pub mod fetch;
pub mod headers;
mod health_check;
pub mod http2_error;
pub mod json;
mod json_path;
mod json_value;
pub mod keys;
pub mod load_target;
mod look;
pub mod oauth2;
pub mod polled;
mod proxy;
pub mod push;
mod query;
pub mod read;
pub mod refusal;
mod replay;
pub mod request;
mod run;
pub mod sent;
mod status_line;
pub mod tap;
mod text;
mod total;
pub mod transport;

use super::dial::{Failure, Progress};
use super::evaluate::Evaluator;
use super::{Attempt, Kind, Probe};
use crate::outcome::{CodeOf, DurationOf, Measurement, Measures, Outcome};
use crate::yaml::Section;
use async_trait::async_trait;
pub use body::BodySink;
pub use expect::Expect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub use health_check::is_health_check;
pub use keys::Address;
pub use look::{ResponseFacts, look};
use oauth2::{Signed, TokenSource};
use read::{read_socket, read_transport, read_version, warn_of_open_secrets};
use request::Request;
use std::sync::Arc;
use std::time::Duration;
pub use total::{JsonTotal, Totaled};
use transport::Transport;
use url::{Host, Url};

/// Whether a URL is of this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "http",
    summary: "Sends one HTTP request and checks the response. Every attempt uses a new connection without TLS session resumption, so it measures what a new user experiences; the timeout covers everything, including redirects.",
    keys: keys::KEYS,
    example: "{ url: \"http://127.0.0.1:8000/health\", expect: { status: [200-299], json: { \"$.status\": ok } } }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: Measurement::PHASES,
        code: Some(CodeOf::HttpStatus),
    },
    read: |section| Some(Arc::new(read::read(section)?)),
};

/// The HTTP version to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// By ALPN; 1.1 without TLS.
    Auto,
    Http1,
    Http2,
}

/// A request that can be made any number of times. Probes of other kinds over HTTP and the load engine have one too.
#[derive(Clone, Debug)]
pub struct HttpProbe {
    pub(super) request: Request,
    pub(super) expect: Arc<Expect>,
    pub(super) evaluator: Evaluator,
    /// Maximum number of redirects; `None` checks the redirect itself.
    pub(super) redirects: Option<u32>,
    /// Maximum number of bytes of the decoded body.
    pub(super) body_limit: u64,
    pub(super) transport: Transport,
    /// The source of its tokens.
    pub(super) tokens: Option<Arc<TokenSource>>,
}

impl HttpProbe {
    /// Reads how a request is sent, from the keys that all kinds over HTTP share. Nothing is expected of its answer, whose
    /// body has no limit, and redirects are not followed.
    pub(super) fn of(section: &Section<'_>, request: Option<Request>) -> Option<Self> {
        let version = read_version(section, request.as_ref());
        Self::by_version(section, request, version)
    }

    /// The same for a kind without the key `http_version`.
    pub(super) fn by_version(
        section: &Section<'_>,
        request: Option<Request>,
        version: Version,
    ) -> Option<Self> {
        let socket = read_socket(section);
        let is_local = socket.is_some();
        let transport = read_transport(section, request.as_ref(), version, socket);
        let tokens = oauth2::read(section, request.as_ref());
        let request = request?;
        if !is_local {
            warn_of_open_secrets(section, &keys::URL, &request, tokens.is_some());
        }
        Some(Self {
            request,
            expect: Arc::default(),
            evaluator: Evaluator::default(),
            redirects: None,
            body_limit: u64::MAX,
            transport: transport?,
            tokens,
        })
    }

    /// Removes the token of the last request from a message.
    pub(super) fn cleaned(&self, message: String) -> String {
        match &self.tokens {
            Some(tokens) => tokens.cleaned(message),
            None => message,
        }
    }

    /// The request of one attempt. A failure without the token that it needs.
    pub(super) fn signed(&self, progress: &mut Progress<'_>) -> Result<Signed<'_>, Failure> {
        Signed::new(&self.request, self.tokens.as_ref(), progress)
    }
}

#[async_trait]
impl Probe for HttpProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        run::run(self, attempt).await
    }

    fn prepare(&self, wait: Duration) -> Option<BoxFuture<'_, ()>> {
        Some(self.tokens.clone()?.prepare(wait).boxed())
    }

    fn target(&self) -> String {
        self.request.shown()
    }
}
