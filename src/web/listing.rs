//! Pagination of lists.

use super::fields::Fields;
use super::problem::Problem;
use crate::outcome::Timestamp;
use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use url::form_urlencoded::Serializer;

/// A page of rows that are listed by descending ID.
#[derive(Clone, Copy, Debug)]
pub struct IdPage {
    pub limit: u32,
    /// The rows have lower IDs.
    pub before: i64,
}

impl IdPage {
    /// The page that the parameters `limit` and `cursor` select.
    pub fn of(parameters: &Fields, limit_max: u32) -> Result<Self, Problem> {
        Ok(Self {
            limit: parameters.limit(limit_max, limit_max)?,
            before: parameters.number("cursor")?.unwrap_or(i64::MAX),
        })
    }

    /// Answers with the page as JSON. `last` is the ID of its last row if there are more.
    pub fn respond(self, page: &impl Serialize, last: Option<i64>) -> Response {
        let mut response = Json(page).into_response();
        if let Some(last) = last {
            let next = [
                ("limit", self.limit.to_string()),
                ("cursor", last.to_string()),
            ];
            link_next(&mut response, &next);
        }
        response
    }
}

/// Links the page after `cursor` of a list that is limited to a time range.
pub fn link_next_in(
    (from, to): (Timestamp, Option<Timestamp>),
    limit: u32,
    cursor: &impl Serialize,
    others: impl IntoIterator<Item = (&'static str, String)>,
    response: &mut Response,
) {
    // Serializing text and numbers to memory cannot fail.
    let cursor = serde_json::to_string(cursor).unwrap_or_default();
    let mut next = vec![("from", from.to_rfc3339()), ("limit", limit.to_string())];
    next.extend(to.map(|to| ("to", to.to_rfc3339())));
    next.push(("cursor", cursor));
    next.extend(others);
    link_next(response, &next);
}

/// Sets the header `Link` with the URL of the next page (RFC 8288). It is relative to the address of the request: behind a
/// proxy that removes a prefix, slod does not know the whole path.
pub fn link_next(response: &mut Response, parameters: &[(&str, String)]) {
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let link = HeaderValue::try_from(format!("<?{query}>; rel=\"next\""));
    if let Ok(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
}

/// Returns the rows of a page, and whether there are more: `found` then has one more than `limit`.
pub fn cut<T>(mut found: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    (found, has_more)
}
