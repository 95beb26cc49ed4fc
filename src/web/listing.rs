//! Where the next rows of a list are.

use crate::outcome::Timestamp;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use chrono::SecondsFormat;
use serde::Serialize;
use url::form_urlencoded::Serializer;

/// Says in the header `Link` where the next rows are (RFC 8288).
pub fn link_next(response: &mut Response, path: &str, parameters: &[(&str, String)]) {
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let link = HeaderValue::try_from(format!("<{path}?{query}>; rel=\"next\""));
    if let Ok(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
}

/// A place in a list as the parameter `cursor` has it.
pub fn cursor_text(place: &impl Serialize) -> String {
    // Text and numbers in memory can always be written.
    serde_json::to_string(place).unwrap_or_default()
}

/// A time as a parameter has it.
pub fn stamp(at: Timestamp) -> String {
    at.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The rows of a part of a list, and whether there are more: `found` has one more than `limit` then.
pub fn cut<T>(mut found: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    (found, has_more)
}
