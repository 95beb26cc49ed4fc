//! Pagination of lists.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;
use url::form_urlencoded::Serializer;

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

/// Formats a position in a list for the parameter `cursor`.
pub fn cursor_text(place: &impl Serialize) -> String {
    // Serializing text and numbers to memory cannot fail.
    serde_json::to_string(place).unwrap_or_default()
}

/// Returns the rows of a page, and whether there are more: `found` then has one more than `limit`.
pub fn cut<T>(mut found: Vec<T>, limit: u32) -> (Vec<T>, bool) {
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    (found, has_more)
}
