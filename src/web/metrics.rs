//! `/metrics`, from memory.

use super::WebState;
use super::problem::defect;
use crate::metrics::{accept, render};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

pub async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let format = accept::choose(text(header::ACCEPT));
    let gzip = accept::takes_gzip(text(header::ACCEPT_ENCODING));
    state.own.store(&state.store.stats());
    let snapshot = Arc::clone(&state.snapshots.borrow());
    state.own.future_outcomes(snapshot.ahead.outcomes);
    // A page of thousands of services takes a while: no probe should wait for it.
    let system = Arc::clone(&state.system.borrow());
    let work = move || render(format, gzip, &snapshot, &system, &state.own);
    let page = match tokio::task::spawn_blocking(work).await {
        Ok(page) => page,
        Err(_panic) => return defect().map(Body::new),
    };
    let mut answer = ([(header::CONTENT_TYPE, format.content_type())], page).into_response();
    if gzip {
        answer
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer.headers_mut().insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    answer
}
