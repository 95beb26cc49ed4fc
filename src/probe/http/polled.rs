//! Drives a connection together with its exchange.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// A connection that is polled only while its exchange is: without a separate task, so that nothing
/// keeps running afterwards.
pub struct PolledConnection<C> {
    connection: C,
    open: bool,
}

impl<C: Future + Unpin> PolledConnection<C> {
    pub const fn new(connection: C) -> Self {
        let open = true;
        Self { connection, open }
    }

    pub fn into_connection(self) -> C {
        self.connection
    }

    pub async fn during<T>(&mut self, exchange: impl Future<Output = T>) -> T {
        let mut exchange = pin!(exchange);
        std::future::poll_fn(|cx| {
            self.advance(cx);
            match exchange.as_mut().poll(cx) {
                // The exchange may have just queued work for the connection.
                Poll::Pending if self.open && self.advance(cx) => exchange.as_mut().poll(cx),
                polled => polled,
            }
        })
        .await
    }

    /// Polls the connection; returns whether it has ended.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        self.open = self.open && Pin::new(&mut self.connection).poll(cx).is_pending();
        !self.open
    }
}
