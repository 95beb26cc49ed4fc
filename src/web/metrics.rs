//! `/metrics`, generated from memory and streamed.

use super::WebState;
use super::stream::PieceWriter;
use crate::exposition::accept;
use crate::metrics::{MetricsPage, write_page};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::sync::Arc;

pub async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    // Several lines of a header are one list (RFC 9110, 5.3).
    let list = |name: HeaderName| {
        let lines = headers.get_all(name).iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        lines.join(",")
    };
    let format = accept::choose(&list(header::ACCEPT));
    let gzip = accept::takes_gzip(&list(header::ACCEPT_ENCODING));
    state.own.store(&state.store.stats());
    let ledger = state.ledger_view();
    let alerts = Arc::clone(&state.alerts.borrow());
    state.own.future_outcomes(ledger.ahead.outcomes);
    let system = Arc::clone(&state.system.borrow());
    let findings = Arc::clone(&state.findings.borrow());
    let runs = Arc::clone(&state.runs.borrow());
    let own = state.own.clone();
    let write = move |out: PieceWriter| {
        let shown = MetricsPage {
            ledger: &ledger,
            alerts: &alerts,
            system: &system,
            findings: &findings,
            runs: &runs,
            own: &own,
        };
        if gzip {
            // Level 1: three times faster than the default, and the output is a fifth larger.
            let out = GzEncoder::new(out, Compression::fast());
            write_page(out, format, shown)?.finish()
        } else {
            write_page(out, format, shown)
        }
    };
    let body = Body::from_stream(state.streams.start(write).await);
    let mut answer = ([(header::CONTENT_TYPE, format.content_type())], body).into_response();
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
