//! What a run sends, where to, and within which bounds.

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

/// A connection that is open and, where the address is `https`, encrypted.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What is spoken over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    /// Its requests name the scheme.
    Http2(Scheme),
}

/// An open connection.
pub struct Opened {
    pub stream: Box<dyn Stream>,
    pub protocol: Protocol,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// And what happened, in words.
    Failed(Cause, String),
    /// This machine has no descriptor, port or memory left, in words: it says nothing about the service.
    OwnLack(String),
}

/// Opens connections to the service.
#[async_trait]
pub trait Connect: Send + Sync {
    async fn connect(&self) -> Result<Opened, ConnectError>;
}

/// The cookies of one user.
pub trait Cookies {
    /// Keeps what an answer sets.
    fn keep(&mut self, uri: &Uri, answer: &HeaderMap);

    /// The header `Cookie` of a request: what is configured and those that belong to it.
    fn header(&self, uri: &Uri, configured: Option<&HeaderValue>) -> Option<HeaderValue>;
}

/// Makes the cookies of a new user.
pub type NewCookies = Arc<dyn Fn() -> Box<dyn Cookies> + Send + Sync>;

/// A run that is ready to begin.
#[derive(Clone)]
pub struct Plan {
    pub scenario: Scenario,
    pub mix: Arc<Mix>,
    /// What iterations take their values from.
    pub rows: Option<Arc<Rows>>,
    /// Users have no cookies without it.
    pub cookies: Option<NewCookies>,
    pub connect: Arc<dyn Connect>,
    /// From the intended start to the end of the response.
    pub timeout: Duration,
    /// Whether a connection is used for more than one request.
    pub keep_alive: bool,
    /// Sequences in flight of the open model; starts beyond are dropped and counted.
    pub in_flight_max: usize,
    /// At least one.
    pub threads: usize,
    /// For the choice of requests and random arrivals: the same seed makes the same choices.
    pub seed: u64,
    /// The first failure of each cause, while the run goes on.
    pub examples: Arc<Examples>,
}
