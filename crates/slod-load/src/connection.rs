//! A connection, and one request over it.

use crate::plan::{ConnectError, Plan, Request, Stream};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use slod_core::outcome::Cause;
use std::error::Error;
use std::io;
use tokio::time::{Instant, timeout_at};

/// Bytes of an answer's head at most.
const HEAD_MAX: usize = 256 << 10;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Good,
    Failed(Cause),
    /// It was not made, for lack of something on this machine.
    OwnLack,
}

/// The connection of one user, opened when it is needed.
#[derive(Default)]
pub struct Connection(Option<SendRequest<Full<Bytes>>>);

/// What a request did, and when it was sent over its open connection.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged {
    pub done: Done,
    pub sent: Instant,
}

impl Connection {
    /// Makes one request within the deadline, and reads its answer to the end.
    pub async fn ask(&mut self, plan: &Plan, request: &Request, deadline: Instant) -> Exchanged {
        let mut sent = Instant::now();
        let exchange = timeout_at(deadline, self.exchange(plan, request, &mut sent)).await;
        let done = exchange.unwrap_or(Done::Failed(Cause::Timeout));
        if done != Done::Good && !matches!(done, Done::Failed(Cause::Status)) || !plan.keep_alive {
            self.0 = None;
        }
        Exchanged { done, sent }
    }

    async fn exchange(&mut self, plan: &Plan, request: &Request, sent: &mut Instant) -> Done {
        let reused = self.is_ready().await;
        match self.once(plan, request, sent).await {
            // The service closed a connection that nobody used: that is no failure of its own.
            Err(error) if reused && error.is_unsent => {
                self.0 = None;
                self.once(plan, request, sent).await
            }
            result => result,
        }
        .unwrap_or_else(|error| error.done)
    }

    /// Whether there is a connection that can be used again.
    async fn is_ready(&mut self) -> bool {
        let ready = match &mut self.0 {
            Some(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.0 = None;
        }
        ready
    }

    async fn once(
        &mut self,
        plan: &Plan,
        request: &Request,
        sent: &mut Instant,
    ) -> Result<Done, Unanswered> {
        let mut sender = match self.0.take() {
            Some(sender) => sender,
            None => open(plan).await?,
        };
        *sent = Instant::now();
        let answer = sender.send_request(message(plan, request)).await?;
        let status = answer.status().as_u16();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        self.0 = Some(sender);
        let is_expected = request.statuses.iter().any(|range| range.contains(&status));
        Ok(if is_expected {
            Done::Good
        } else {
            Done::Failed(Cause::Status)
        })
    }
}

/// A request without an answer.
struct Unanswered {
    done: Done,
    /// Whether it never reached the service.
    is_unsent: bool,
}

impl From<Done> for Unanswered {
    fn from(done: Done) -> Self {
        Self {
            done,
            is_unsent: false,
        }
    }
}

impl From<hyper::Error> for Unanswered {
    fn from(error: hyper::Error) -> Self {
        Self {
            done: Done::Failed(cause(&error)),
            is_unsent: error.is_canceled() || error.is_incomplete_message(),
        }
    }
}

async fn open(plan: &Plan) -> Result<SendRequest<Full<Bytes>>, Unanswered> {
    let stream: Box<dyn Stream> = plan.connect.connect().await.map_err(|error| match error {
        ConnectError::Failed(cause) => Done::Failed(cause),
        ConnectError::OwnLack => Done::OwnLack,
    })?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // It ends with its sender; its errors are those of the requests.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

fn message(plan: &Plan, request: &Request) -> http::Request<Full<Bytes>> {
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.uri.clone();
    *message.headers_mut() = request.headers.clone();
    if !plan.keep_alive {
        let close = http::HeaderValue::from_static("close");
        message
            .headers_mut()
            .insert(http::header::CONNECTION, close);
    }
    message
}

fn cause(error: &hyper::Error) -> Cause {
    if error.is_timeout() {
        return Cause::Timeout;
    }
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => Cause::Timeout,
        Some(_) => Cause::Reset,
        None if error.is_incomplete_message() || error.is_canceled() => Cause::Reset,
        None => Cause::Protocol,
    }
}
