//! What a run sends, where to, and within which bounds.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use slod_core::load::Scenario;
use slod_core::outcome::Cause;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that is open and, where the address is `https`, encrypted.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    Failed(Cause),
    /// This machine has no descriptor, port or memory left: it says nothing about the service.
    OwnLack,
}

/// Opens connections to the service.
#[async_trait]
pub trait Connect: Send + Sync {
    async fn connect(&self) -> Result<Box<dyn Stream>, ConnectError>;
}

/// One request of a run.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// The path and the query.
    pub uri: Uri,
    /// With `Host`.
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How often it is chosen, in relation to the others.
    pub weight: u32,
    /// Statuses of a success.
    pub statuses: Vec<RangeInclusive<u16>>,
}

/// A run that is ready to begin.
#[derive(Clone)]
pub struct Plan {
    pub scenario: Scenario,
    /// At least one.
    pub requests: Arc<[Request]>,
    pub connect: Arc<dyn Connect>,
    /// From the intended start to the end of the response.
    pub timeout: Duration,
    /// Whether a connection is used for more than one request.
    pub keep_alive: bool,
    /// Requests in flight of the open model; starts beyond are dropped and counted.
    pub in_flight_max: usize,
    /// At least one.
    pub threads: usize,
    /// For the choice of requests and random arrivals: the same seed makes the same choices.
    pub seed: u64,
}

impl Plan {
    /// A request at random, by the weights.
    pub(crate) fn choose(&self, random: &mut fastrand::Rng) -> &Request {
        let requests = &self.requests;
        if requests.len() == 1 {
            return &requests[0];
        }
        let total: u64 = requests.iter().map(|one| u64::from(one.weight)).sum();
        let mut left = random.u64(..total.max(1));
        let chosen = requests.iter().find(|one| {
            let weight = u64::from(one.weight);
            let is_here = left < weight;
            left = left.saturating_sub(weight);
            is_here
        });
        chosen.unwrap_or(&requests[0])
    }
}
