//! Errors in the format of RFC 9457.

use super::BODY_LIMIT;
use super::page::View;
use super::page::problem::{Reader, render_problem};
use crate::clock::Clock;
use crate::text::beginning;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use http_body_util::Full;
use hyper::body::Bytes;

/// Maximum length of a client's name or address that is quoted in an error.
pub const NAME_SHOWN: usize = 200;

/// An error response.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    title: String,
    detail: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self {
            status,
            title: title.into(),
            detail: None,
            headers: Vec::new(),
        }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds the start of the name that the client sent.
    pub fn named(self, name: &str) -> Self {
        self.because(beginning(name, NAME_SHOWN))
    }

    /// Adds a header.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn to_json(&self) -> String {
        let mut problem = serde_json::json!({
            "type": "about:blank",
            "status": self.status.as_u16(),
            "title": self.title,
        });
        if let Some(detail) = &self.detail {
            problem["detail"] = detail.as_str().into();
        }
        problem.to_string()
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = self.to_json();
        let kind = [(header::CONTENT_TYPE, JSON)];
        let headers = AppendHeaders(self.headers.clone());
        let mut response = (self.status, kind, headers, json).into_response();
        // Converted to a page for browsers.
        response.extensions_mut().insert(self);
        response
    }
}

pub async fn not_found(uri: Uri) -> Problem {
    let title = "not found; the pages start at /";
    Problem::new(StatusCode::NOT_FOUND, title).named(uri.path())
}

pub async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed for this address",
    )
}

/// Response while the daemon is stopping.
pub fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the daemon is stopping")
}

/// Response to a body above the limit.
pub fn too_large() -> Problem {
    let title = format!("the body is larger than {} KiB", BODY_LIMIT / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, title)
}

/// Response if a handler panicked.
pub fn defect() -> http::Response<Full<Bytes>> {
    let problem = Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal error of slod; the daemon continues",
    );
    let mut response = http::Response::new(Full::from(problem.to_json()));
    *response.status_mut() = problem.status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Converts all bare errors (of limits, timeouts, extractors) to this format, and to a page for browsers.
pub async fn explain(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let reader = Reader::of(&request);
    let response = in_one_form(next.run(request).await);
    let problem = response.extensions().get::<Problem>();
    let (Some(reader), Some(problem)) = (reader, problem) else {
        return response;
    };
    let view = View {
        now: clock.now(),
        query: reader.query(),
        store_trouble: None,
        writer: None,
    };
    let page = Html(render_problem(problem, &reader, view));
    let headers = AppendHeaders(problem.headers.clone());
    (problem.status, headers, page).into_response()
}

fn in_one_form(response: Response) -> Response {
    let status = response.status();
    let shown = response.headers().get(header::CONTENT_TYPE) == Some(&JSON);
    if shown || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, _) = response.into_parts();
    let mut problem = match status {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        // Only the path has been parsed so far.
        StatusCode::BAD_REQUEST => Problem::new(status, "the address is not valid UTF-8"),
        StatusCode::SERVICE_UNAVAILABLE => Problem::new(status, "the response took too long"),
        status => Problem::new(status, status.canonical_reason().unwrap_or("error")),
    };
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        problem = problem.with(header::ALLOW, allow.clone());
    }
    problem.into_response().map(Body::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_address_is_not_repeated() {
        let path = format!("/{}", "a/".repeat(10_000));
        let problem = not_found(path.parse().expect("an address")).await;
        assert_eq!(
            problem.detail().map(|one| one.chars().count()),
            Some(NAME_SHOWN + 1)
        );
    }
}
