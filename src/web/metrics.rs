//! `/metrics`, generated from memory and streamed.

use super::WebState;
use super::stream::PieceWriter;
use crate::exposition::accept;
use crate::metrics::write_page;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;

pub async fn metrics(State(state): State<WebState>, headers: HeaderMap) -> Response {
    // Several lines of a header are one list (RFC 9110, 5.3).
    let list = |name: HeaderName| {
        let lines = headers.get_all(name).iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        lines.join(",")
    };
    let format = accept::choose(&list(header::ACCEPT));
    let gzip = accept::takes_gzip(&list(header::ACCEPT_ENCODING));
    let content = state.metrics.latest();
    let write = move |out: PieceWriter| {
        let shown = content.page();
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
