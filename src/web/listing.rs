//! What the lists of the API have in common: how many rows, of which span of time, and where the
//! next ones are.

use super::problem::Problem;
use crate::outcome::Timestamp;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};

/// A query that cannot be read.
pub(super) fn invalid(error: &QueryRejection) -> Problem {
    Problem::invalid(StatusCode::BAD_REQUEST, "invalid query", error)
}

/// Rows of an answer: what was asked for, or else `default`.
pub(super) fn limit(asked: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(refused(format!("`limit` must be from 1 to {most}")))
}

/// A span of time, half-open; an end that was not asked for stays open.
pub(super) fn span(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        return Err(refused("`to` must be after `from`"));
    }
    let stamp = |at: DateTime<Utc>| Timestamp(at.timestamp_millis());
    Ok((from.map(stamp), to.map(stamp)))
}

/// Says in the header `Link` where the next rows are (RFC 8288).
pub(super) fn link_next(response: &mut Response, address: Option<String>) {
    let link = address.map(|address| HeaderValue::try_from(format!("<{address}>; rel=\"next\"")));
    if let Some(Ok(link)) = link {
        response.headers_mut().insert(header::LINK, link);
    }
}

fn refused(reason: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid query").because(reason)
}
