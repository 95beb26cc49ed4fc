//! Access to the store outside of the async workers, for all handlers.

use super::WebState;
use super::problem::{Problem, stopping};
use crate::store::{Store, StoreError};
use crate::tasks::blocking;
use axum::http::StatusCode;
use std::panic::resume_unwind;
use std::time::Duration;
use tokio::task::JoinError;

/// How long a client waits for a write.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a read.
pub async fn read<T: Send + 'static>(
    state: &WebState,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let path = state.history.clone();
    let read = move || Store::open_read_only(&path).and_then(|store| read(&store));
    let found = blocking(read).await.map_err(join_failed)?;
    found.map_err(|error| unavailable("the store cannot be read").because(error.to_string()))
}

/// Runs a change on the writer thread.
pub async fn write<T: Send + 'static>(
    state: &WebState,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = state.store.clone();
    let asked = blocking(move || store.ask(WRITE_TIMEOUT, change)).await;
    let failed = unavailable("the store cannot save this now");
    match asked.map_err(join_failed)? {
        Some(Ok(done)) => Ok(done),
        Some(Err(error)) => Err(failed.because(error.to_string())),
        None => Err(failed.because("the store did not respond in time")),
    }
}

/// The store may work again on the next attempt.
fn unavailable(title: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, title)
}

/// Resumes a panic, which is handled like every panic of a handler.
pub fn join_failed(error: JoinError) -> Problem {
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_cancelled) => stopping(),
    }
}
