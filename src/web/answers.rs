//! Limits responses that are built in memory: few at a time, with a limited total size until they are sent,
//! regardless of the number and speed of clients.

use super::problem::Problem;
use super::store::join_failed;
use crate::tasks::blocking;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::body::{Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Number of responses that are built concurrently: each keeps a CPU busy.
const MAKING: usize = 2;
/// Responses up to this size in bytes are not limited.
const SMALL: u64 = 64 << 10;
/// Total size of all responses being sent, in KiB.
const MEMORY_KIB: u32 = 64 << 10;
/// Minimum memory of a response including its compression, in KiB.
const LEAST_KIB: u32 = 512;
/// Number of bytes handed to the connection at a time.
const PIECE: usize = 64 << 10;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct AnswerLimits {
    making: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Default for AnswerLimits {
    fn default() -> Self {
        Self {
            making: Arc::new(Semaphore::new(MAKING)),
            memory: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
        }
    }
}

/// Waits for its turn, builds the response, and waits until there is room for it. The wait is limited by
/// the request timeout.
pub async fn bounded(State(limits): State<AnswerLimits>, request: Request, next: Next) -> Response {
    // The semaphores are never closed, and one more response would do no harm.
    let making = limits.making.acquire_owned().await.ok();
    // Runs outside of the async workers, which serve other requests. It completes and keeps its permit even
    // if the client disconnects.
    let make = move || (Handle::current().block_on(next.run(request)), making);
    let (response, making) = match blocking(make).await {
        Ok(answered) => answered,
        Err(error) => return join_failed(error).into_response(),
    };
    let (head, body) = response.into_parts();
    let size = hyper::body::Body::size_hint(&body).exact().unwrap_or(0);
    if size <= SMALL {
        return Response::from_parts(head, body);
    }
    let kib = u32::try_from(size >> 10).unwrap_or(MEMORY_KIB);
    let kib = kib.clamp(LEAST_KIB, MEMORY_KIB);
    let room = limits.memory.acquire_many_owned(kib).await.ok();
    drop(making);
    let Ok(whole) = body.collect().await else {
        let title = "the response could not be built";
        return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title).into_response();
    };
    let rest = whole.to_bytes();
    Response::from_parts(head, Body::new(Pieces { rest, _room: room }))
}

/// A response that holds its permits until the last piece is handed over.
struct Pieces {
    rest: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        // Copied, so that pieces held by the connection do not keep the whole response in memory.
        let piece = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use futures_util::future::join_all;
    use std::time::Duration;
    use tokio::time::timeout;
    use tower::ServiceExt;

    const LARGE: usize = 16 << 20;

    #[tokio::test]
    async fn unread_responses_delay_others_except_small_ones() {
        let limits = AnswerLimits::default();
        let router = Router::new()
            .route("/large", get(|| async { vec![b'x'; LARGE] }))
            .route("/small", get(|| async { "ok" }))
            .layer(from_fn_with_state(limits, bounded));
        let ask = |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("valid");
            router.clone().oneshot(request)
        };
        let fit = (MEMORY_KIB as usize * 1024) / LARGE;
        let unread: Vec<_> = join_all((0..fit).map(|_| ask("/large"))).await;
        let waiting = tokio::spawn(ask("/large"));
        let early = timeout(Duration::from_secs(20), ask("/small")).await;
        assert!(early.is_ok(), "one place is left");
        assert!(!waiting.is_finished());
        for answer in unread {
            let body = answer.expect("infallible").into_body();
            let read = body.collect().await.expect("whole").to_bytes();
            assert_eq!(read.len(), LARGE);
        }
        let answer = waiting.await.expect("no panic").expect("infallible");
        assert_eq!(
            hyper::body::Body::size_hint(answer.body()).exact(),
            Some(LARGE as u64)
        );
    }
}
