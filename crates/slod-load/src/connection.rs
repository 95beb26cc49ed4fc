//! A connection, and one request over it.

use crate::capture::BODY_MAX;
use crate::plan::{ConnectError, Plan, Stream};
use crate::request::Message;
use crate::watch::Watch;
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use slod_core::outcome::Cause;
use std::error::Error;
use std::io;
use tokio::time::Instant;

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

/// The connection of one user, opened when it is needed. An exchange that does not end closes it.
#[derive(Default)]
pub struct Connection(Option<SendRequest<Full<Bytes>>>);

/// An answer that was read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Body,
}

/// What is kept of a body.
#[derive(Default)]
pub struct Body {
    /// Its beginning, if it is of use.
    pub bytes: Option<Vec<u8>>,
    /// Reads it while it arrives.
    pub watch: Option<Box<dyn Watch>>,
    /// When its first token arrived.
    pub first: Option<Instant>,
    /// What the reader found to be wrong.
    pub fault: Option<Cause>,
}

impl Body {
    fn take(&mut self, data: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            let room = BODY_MAX.saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
        if let Some(watch) = self.watch.as_mut().filter(|_| self.fault.is_none()) {
            self.fault = watch.feed(data).err();
            if self.first.is_none() && watch.has_begun() {
                self.first = Some(Instant::now());
            }
        }
    }

    fn end(&mut self) {
        if let Some(watch) = self.watch.as_mut().filter(|_| self.fault.is_none()) {
            self.fault = watch.finish().err();
        }
    }
}

impl Connection {
    /// Sends the request that `make` makes and reads its answer to the end. `sent` becomes the time
    /// at which it was sent over the open connection.
    pub async fn exchange(
        &mut self,
        plan: &Plan,
        make: impl Fn() -> Option<Message>,
        new_body: impl Fn() -> Body,
        sent: &mut Instant,
    ) -> Result<Answer, Done> {
        let reused = self.is_ready().await;
        match self.once(plan, make(), new_body(), sent).await {
            // The service closed a connection that nobody used: that is no failure of its own.
            Err(error) if reused && error.is_unsent => {
                self.once(plan, make(), new_body(), sent).await
            }
            result => result,
        }
        .map_err(|error| error.done)
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
        message: Option<Message>,
        mut kept: Body,
        sent: &mut Instant,
    ) -> Result<Answer, Unanswered> {
        // A value that is not valid where it stands: only headers do not take all of them.
        let mut message = message.ok_or(Done::Failed(Cause::Header))?;
        if !plan.keep_alive {
            let close = HeaderValue::from_static("close");
            message.headers_mut().insert(CONNECTION, close);
        }
        let mut sender = match self.0.take() {
            Some(sender) => sender,
            None => open(plan).await?,
        };
        *sent = Instant::now();
        let (head, mut body) = sender.send_request(message).await?.into_parts();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame?.data_ref() {
                kept.take(data);
            }
        }
        kept.end();
        if plan.keep_alive {
            self.0 = Some(sender);
        }
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: kept,
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
