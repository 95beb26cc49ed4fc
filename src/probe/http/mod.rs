//! The `http` kind: one request, its answer held against what is expected.

mod body;
mod cookies;
mod decimal;
mod exchange;
mod expect;
pub mod fetch;
mod headers;
mod json;
mod keys;
mod proxy;
mod query;
mod read;
mod refusal;
mod request;
mod run;
mod sent;
mod tap;
mod text;
mod total;

use super::dial::{Family, Tls};
use super::evaluate::Evaluator;
use super::{Attempt, Kind, Probe};
use crate::outcome::{CodeOf, DurationOf, Measurement, Measures, Outcome};
use crate::yaml::{Keys, Section};
use async_trait::async_trait;
pub use body::Receive;
use expect::Expect;
pub use keys::Address;
use proxy::Proxy;
use request::Request;
use std::sync::Arc;
pub use total::JsonTotal;

/// The kind's place in the registry.
#[derive(Debug)]
pub struct Http;

impl Kind for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn summary(&self) -> &'static str {
        "Sends one HTTP request and checks the response. Every attempt uses a new connection without TLS session resumption, so it measures what a new user experiences; the timeout covers everything, including redirects."
    }

    fn keys(&self) -> Keys {
        keys::KEYS
    }

    fn example(&self) -> &'static str {
        "{ url: \"http://127.0.0.1:8000/health\", expect: { status: [200-299], json: { \"$.status\": ok } } }"
    }

    fn measures(&self) -> &'static Measures {
        &Measures {
            duration: DurationOf::Attempt,
            measurements: Measurement::PHASES,
            code: Some(CodeOf::HttpStatus),
        }
    }

    fn read(&self, section: &Section<'_>) -> Option<Arc<dyn Probe>> {
        read::read(section).map(|probe| Arc::new(probe) as Arc<dyn Probe>)
    }
}

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// What ALPN says; 1.1 without TLS.
    Auto,
    Http1,
    Http2,
}

/// A request that is ready to be made.
#[derive(Debug)]
struct HttpProbe {
    request: Request,
    expect: Arc<Expect>,
    evaluator: Evaluator,
    /// Redirects that are followed; `None` follows none and judges the redirect itself.
    redirects: Option<u32>,
    /// Bytes of a decoded body that are read at most.
    body_limit: u64,
    version: Version,
    family: Family,
    /// For the configured origin.
    tls: Tls,
    /// For every other origin: without the client certificate and the configured name.
    foreign_tls: Tls,
    proxy: Option<Proxy>,
}

#[async_trait]
impl Probe for HttpProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        run::run(self, attempt).await
    }

    fn target(&self) -> String {
        self.request.shown()
    }
}
