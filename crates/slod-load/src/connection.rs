//! The connection of one user, and the exchange of one request over it.

use crate::body::Body;
use crate::counted::{ByteCounts, CountedStream, SharedCounts};
use crate::http1::Http1;
use crate::http2::Http2;
use crate::message::Message;
use crate::plan::{ConnectError, OpenConnection, Plan, Protocol};
use crate::response::Response;
use crate::template::Values;
use http::{HeaderMap, Method};
use slod_core::outcome::Cause;
use slod_core::units::show_duration;
use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::time::{Instant, Sleep, sleep_until};

/// The result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Good,
    Failed(Cause),
    /// The request was not sent because this machine lacked resources.
    NoResources,
}

/// A connection that is opened on demand. An incomplete exchange closes it.
#[derive(Default)]
pub struct Connection {
    open: Option<HttpConnection>,
    /// The timer for all its requests: moving the deadline is cheaper than creating a timer.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether the last request was retried.
    pub has_retried: bool,
    counts: SharedCounts,
}

enum HttpConnection {
    Http1(Http1),
    Http2(Http2),
}

/// A complete response.
pub struct CompleteResponse {
    pub status: u16,
    /// Only filled if needed.
    pub headers: HeaderMap,
    pub body: Body,
}

/// A request without a complete response.
pub struct FailedExchange {
    pub done: Done,
    pub retry: Retry,
    /// A description of what happened.
    pub message: Cow<'static, str>,
    /// The beginning of what the server sent, which is appended to the description.
    pub quote: Option<Vec<u8>>,
}

/// Whether the request may be retried over another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// The service closed an idle connection, possibly at the same time as the request was sent. The
    /// request may have been processed, so only idempotent requests are retried (RFC 9110, section 9.2.2),
    /// and only if the connection was used before (RFC 9112, section 9.3.1).
    IfIdempotent,
    /// The service states that it has not processed the request (RFC 9113, section 8.7).
    Always,
}

impl FailedExchange {
    pub fn failed(cause: Cause, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            done: Done::Failed(cause),
            retry: Retry::Never,
            message: message.into(),
            quote: None,
        }
    }

    fn may_be_retried(&self, method: &Method, was_used: bool) -> bool {
        match self.retry {
            Retry::Never => false,
            Retry::IfIdempotent => was_used && method.is_idempotent(),
            Retry::Always => true,
        }
    }

    /// Records an example of the failure, and returns the result.
    fn record(self, plan: &Plan, values: Values<'_>) -> Done {
        let words = || self.message.into_owned();
        match self.done {
            Done::Failed(cause) => {
                let quote = self.quote.as_deref();
                plan.examples.record_untrusted(cause, values, quote, words);
            }
            Done::NoResources => plan.examples.record_lack(words),
            Done::Good => {}
        }
        self.done
    }
}

impl Connection {
    /// Returns the bytes that were received and sent since the last call.
    pub fn take_counts(&self) -> ByteCounts {
        self.counts.take()
    }

    /// Sends a request and reads its response to the end.
    pub async fn exchange(
        &mut self,
        plan: &Plan,
        message: &Message<'_>,
        deadline: Instant,
    ) -> Result<CompleteResponse, Done> {
        let Self {
            open,
            timer,
            has_retried,
            counts,
        } = self;
        *has_retried = false;
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        timer.as_mut().reset(deadline);
        let mut answer = pin!(exchange(open, plan, message, has_retried, counts));
        poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Pending if timer.as_mut().poll(cx).is_ready() => {
                plan.examples.record(Cause::Timeout, || {
                    let limit = show_duration(plan.timeout);
                    format!("no complete response within {limit}")
                });
                Poll::Ready(Err(Done::Failed(Cause::Timeout)))
            }
            answered => answered,
        })
        .await
    }
}

async fn exchange(
    open: &mut Option<HttpConnection>,
    plan: &Plan,
    message: &Message<'_>,
    has_retried: &mut bool,
    counts: &SharedCounts,
) -> Result<CompleteResponse, Done> {
    let mut used = open.take();
    if let Some(connection) = &mut used
        && !connection.is_idle().await
    {
        used = None;
    }
    let was_used = used.is_some();
    let mut result = match used {
        Some(connection) => exchange_over(connection, open, plan, message).await,
        None => exchange_anew(open, plan, message, counts).await,
    };
    if let Err(error) = &mut result {
        let method = &message.step.request.method;
        if error.may_be_retried(method, was_used) {
            *has_retried = true;
            result = exchange_anew(open, plan, message, counts).await;
        } else if was_used && error.retry == Retry::IfIdempotent {
            let words = &error.message;
            let why = format!("{words}; it was kept alive, and {method} is not retried");
            error.message = why.into();
        }
    }
    result.map_err(|error| error.record(plan, message.values))
}

async fn exchange_anew(
    open: &mut Option<HttpConnection>,
    plan: &Plan,
    message: &Message<'_>,
    counts: &SharedCounts,
) -> Result<CompleteResponse, FailedExchange> {
    let connection = connect(plan, counts.clone()).await?;
    exchange_over(connection, open, plan, message).await
}

/// One exchange over an open connection, which is kept if it is reusable.
async fn exchange_over(
    mut connection: HttpConnection,
    open: &mut Option<HttpConnection>,
    plan: &Plan,
    message: &Message<'_>,
) -> Result<CompleteResponse, FailedExchange> {
    let invalid = || {
        if message.has_target() {
            FailedExchange::failed(Cause::Header, "a value is not valid in a header")
        } else {
            let words = "the target is neither a path nor a URL of the same server";
            FailedExchange::failed(Cause::Redirect, words)
        }
    };
    let mut body = message.new_body();
    let (status, headers, is_reusable) = match &mut connection {
        HttpConnection::Http1(http1) => {
            let written = message.write(plan.keep_alive, &mut http1.outgoing);
            written.ok_or_else(invalid)?;
            let method = &message.step.request.method;
            let mut response = Response::new(method, message.keep());
            http1.exchange(&mut response, &mut body).await?;
            let is_reusable = http1.is_reusable(&response) && !message.step.closes;
            (response.status(), response.into_headers(), is_reusable)
        }
        HttpConnection::Http2(http2) => {
            let request = message.to_http2(&http2.scheme).ok_or_else(invalid)?;
            let (status, headers) = http2.exchange(request, &mut body).await?;
            (status, headers, true)
        }
    };
    if plan.keep_alive && is_reusable {
        *open = Some(connection);
    }
    Ok(CompleteResponse {
        status,
        headers,
        body,
    })
}

impl HttpConnection {
    /// Whether it is open and can be used for another request.
    async fn is_idle(&mut self) -> bool {
        match self {
            Self::Http1(http1) => http1.is_idle().await,
            Self::Http2(http2) => http2.is_idle().await,
        }
    }
}

async fn connect(plan: &Plan, counts: SharedCounts) -> Result<HttpConnection, FailedExchange> {
    let opened = plan.connect.connect().await;
    let OpenConnection { stream, protocol } = opened.map_err(|error| match error {
        ConnectError::Failed(cause, message) => FailedExchange::failed(cause, message),
        ConnectError::NoResources(message) => FailedExchange {
            done: Done::NoResources,
            retry: Retry::Never,
            message: message.into(),
            quote: None,
        },
    })?;
    let stream = CountedStream { stream, counts };
    Ok(match protocol {
        Protocol::Http1 => HttpConnection::Http1(Http1::new(stream)),
        Protocol::Http2(scheme) => HttpConnection::Http2(Http2::open(stream, scheme).await?),
    })
}
