//! The plan of a run: what it sends, where to, and within which limits.

use crate::examples::Examples;
use crate::request::Mix;
use crate::rows::Rows;
use async_trait::async_trait;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Uri};
use slod_core::load::Scenario;
use slod_core::outcome::Cause;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// An open connection, encrypted if the address is `https`.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The protocol of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// Its requests contain the scheme.
    Http2(Scheme),
}

/// An open connection.
pub struct OpenConnection {
    pub stream: Box<dyn Stream>,
    pub protocol: Protocol,
}

/// Why no connection could be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The cause, and a description.
    Failed(Cause, String),
    /// This machine has no file descriptor, port or memory available. It says nothing about the service.
    NoResources(String),
}

/// Opens connections to the service.
#[async_trait]
pub trait Connect: Send + Sync {
    async fn connect(&self) -> Result<OpenConnection, ConnectError>;
}

/// The cookies of one user.
pub trait Cookies {
    /// Stores the cookies that a response sets.
    fn keep(&mut self, uri: &Uri, answer: &HeaderMap);

    /// The `Cookie` header of a request: the configured cookies, and the stored ones that match.
    fn header(&self, uri: &Uri, configured: Option<&HeaderValue>) -> Option<HeaderValue>;
}

/// Credentials that change during a run, such as a token that expires.
pub trait Credentials: Send + Sync {
    /// The `Authorization` header of a request that is sent now; `None` if there is no valid one.
    fn authorization(&self) -> Option<HeaderValue>;

    /// Takes the status of a response, which may mean that the credentials are no longer valid.
    fn note(&self, status: u16);
}

/// Creates the cookie jar of a new user.
pub type NewCookies = Arc<dyn Fn() -> Box<dyn Cookies> + Send + Sync>;

/// A prepared run.
#[derive(Clone)]
pub struct Plan {
    pub scenario: Scenario,
    pub mix: Arc<Mix>,
    /// The data rows of the iterations.
    pub rows: Option<Arc<Rows>>,
    /// Without it, users have no cookies.
    pub cookies: Option<NewCookies>,
    pub connect: Arc<dyn Connect>,
    /// From the intended start to the end of the response.
    pub timeout: Duration,
    /// Whether connections are reused.
    pub keep_alive: bool,
    /// Maximum number of sequences in flight in the open model. Further starts are dropped and counted.
    pub in_flight_max: usize,
    /// At least one.
    pub threads: usize,
    /// Seed for the choice of requests and for random arrivals; equal seeds give equal choices.
    pub seed: u64,
    /// Collects the first failure of each cause during the run.
    pub examples: Arc<Examples>,
}
