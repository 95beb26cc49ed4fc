//! The `websocket` kind: opens a WebSocket (RFC 6455), and exchanges messages if configured.

mod dialogue;
mod keys;
mod read;
mod upgrade;

use super::deadline::{Overdue, within};
use super::dial::{Failure, Progress};
use super::http::HttpProbe;
use super::http::excerpt::careful_excerpt;
use super::http::expect::Expect;
use super::http::oauth2::Signed;
use super::{Attempt, Kind, Probe};
use crate::outcome::{Cause, CodeOf, DurationOf, Measurement, Measures, Outcome};
use async_trait::async_trait;
use dialogue::{Next, close, failure, next};
use futures_util::SinkExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use hyper::body::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use upgrade::Socket;

/// Maximum number of messages of which none is as expected, and of their bytes.
const MESSAGES_MAX: usize = 1000;
const RECEIVED_MAX: usize = 16 << 20;
/// How long a server may take to answer that the WebSocket is closed.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "websocket",
    summary: "Opens a WebSocket, sends a message if configured, waits for the expected one, and closes the WebSocket with the code 1000. A status other than 101 is bad (`status`), and so are an answer that does not accept the WebSocket and invalid frames (`protocol`). If the expected message does not arrive until the timeout, or until the server closes the WebSocket, the cause is `body` if other messages were received, and otherwise `timeout` or `closed`. A server that closes the WebSocket with an error code is bad (`closed`) even if no message is expected.",
    keys: keys::KEYS,
    example: "{ url: \"ws://127.0.0.1:8000/chat\", send: '{\"type\": \"ping\"}', expect: { json: { \"$.type\": pong } } }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: Measurement::PHASES,
        code: Some(CodeOf::HttpStatus),
    },
    read: |section| Some(Arc::new(read::read(section)?)),
};

struct WebSocketProbe {
    /// The request that opens the WebSocket, and how it is sent.
    http: HttpProbe,
    /// The subprotocols to offer.
    subprotocols: Vec<String>,
    /// The message to send, which may be secret.
    send: Option<String>,
    /// What a message must contain; `None` waits for none.
    expect: Option<Arc<Expect>>,
}

impl fmt::Debug for WebSocketProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketProbe")
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Probe for WebSocketProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let deadline = attempt.deadline;
        let mut progress = Progress::new(attempt);
        let signed = match self.http.signed(&mut progress) {
            Ok(signed) => signed,
            Err(failure) => return progress.finish(Ok(Err(failure))),
        };
        let (mut socket, mut skipped) = (None, Skipped::default());
        let work = self.talk(&signed, &mut progress, (&mut socket, &mut skipped));
        let mut result = match within(deadline, work).await {
            Err(Overdue::Timeout) if skipped.messages > 0 => {
                Ok(Err(skipped.failure(" until the timeout")))
            }
            result => result,
        };
        if let Some(mut socket) = socket {
            let is_good = matches!(result, Ok(Ok(())));
            let patience = if is_good {
                CLOSED_WITHIN
            } else {
                Duration::ZERO
            };
            let until = deadline.min(Instant::now() + patience);
            let ended = close(&mut socket, until).await;
            if let Some(ended) = ended.filter(|ended| is_good && !ended.is_normal) {
                result = Ok(Err(Failure::bad(Cause::Closed, ended.words)));
            }
        }
        let mut outcome = progress.finish(result);
        signed.redact(&mut outcome, &mut attempt.trace);
        outcome
    }

    fn prepare(&self, wait: Duration) -> Option<BoxFuture<'_, ()>> {
        self.http.prepare(wait)
    }

    fn target(&self) -> String {
        self.http.target()
    }
}

impl WebSocketProbe {
    /// Opens the WebSocket, and exchanges the messages. The WebSocket stays in `socket`, to be closed.
    async fn talk(
        &self,
        signed: &Signed<'_>,
        progress: &mut Progress<'_>,
        (socket, skipped): (&mut Option<Socket>, &mut Skipped),
    ) -> Result<(), Failure> {
        let opened = Box::pin(upgrade::open(self, signed, progress)).await?;
        let socket = socket.insert(opened);
        if let Some(text) = &self.send {
            progress.enter(Measurement::Transfer);
            let sent = socket.send(Message::text(text)).await;
            sent.map_err(|error| failure(&error, "sending"))?;
            progress.record("send", || format!("{} bytes", text.len()));
        }
        if let Some(expect) = &self.expect {
            let mut secrets = signed.request.secrets();
            secrets.extend(self.send.clone().map(Bytes::from));
            self.receive(socket, expect, &secrets, progress, skipped)
                .await?;
        }
        progress.leave();
        Ok(())
    }

    /// Receives messages until one is as expected.
    async fn receive(
        &self,
        socket: &mut Socket,
        expect: &Arc<Expect>,
        secrets: &[Bytes],
        progress: &mut Progress<'_>,
        skipped: &mut Skipped,
    ) -> Result<(), Failure> {
        while skipped.messages < MESSAGES_MAX && skipped.bytes < RECEIVED_MAX {
            progress.enter(Measurement::Transfer);
            let message = match next(socket).await? {
                Next::Message(message) => message,
                Next::Closed(ended) if skipped.messages == 0 => {
                    return Err(Failure::bad(Cause::Closed, ended.words));
                }
                Next::Closed(ended) => {
                    return Err(skipped.failure(&format!(", then {}", ended.words)));
                }
            };
            // The evaluation is not the service's time.
            progress.leave();
            progress.record("message", || format!("{} bytes", message.len()));
            let (expect, checked) = (expect.clone(), message.clone());
            let work = move || expect.check_content(&HeaderMap::new(), &checked);
            let checks = self
                .http
                .evaluator
                .evaluate(progress.deadline(), work)
                .await?;
            let Some(failed) = checks.iter().position(|check| check.failed.is_some()) else {
                for check in checks {
                    check.record(progress);
                }
                return Ok(());
            };
            let excerpt = careful_excerpt(&HeaderMap::new(), &message, secrets);
            let excerpt = excerpt.map_or_else(String::new, |excerpt| format!("; {excerpt}"));
            skipped.messages += 1;
            skipped.bytes += message.len();
            skipped.last = format!("{}{excerpt}", checks[failed].text);
            progress.record("expect", || format!("skipped: {}", skipped.last));
        }
        Err(skipped.failure(""))
    }
}

/// The messages so far, none of which was as expected.
#[derive(Default)]
struct Skipped {
    messages: usize,
    bytes: usize,
    /// Why the last one was not.
    last: String,
}

impl Skipped {
    fn failure(&self, end: &str) -> Failure {
        let Self { messages, last, .. } = self;
        let message = match messages {
            1 => format!("received 1 message{end}: {last}"),
            _ => format!("received {messages} messages{end}, the last one: {last}"),
        };
        Failure::bad(Cause::Body, message)
    }
}
