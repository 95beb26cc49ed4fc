//! `/metrics`, from memory.

use super::WebState;
use crate::metrics::{accept, render};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the last page, so that the next one needs no growing.
static LAST_SIZE: AtomicUsize = AtomicUsize::new(16 * 1024);

pub async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> impl IntoResponse {
    let wanted = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let format = accept::choose(wanted.unwrap_or_default());
    state.own.store(&state.store.stats());
    let snapshot = state.snapshots.borrow().clone();
    let room = LAST_SIZE.load(Ordering::Relaxed) + 1024;
    let page = render(format, &snapshot, &state.own, room);
    LAST_SIZE.store(page.len(), Ordering::Relaxed);
    ([(header::CONTENT_TYPE, format.content_type())], page)
}
