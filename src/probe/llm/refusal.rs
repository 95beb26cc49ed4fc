//! Why a provider rejected a request, from the status and the body of its answer. Pure.

use super::answer::describe;
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::units::show_duration;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

/// Anthropic's status for a provider at its capacity.
const OVERLOADED: u16 = 529;

/// The failure for an answer without a success status.
pub fn refused(
    status: StatusCode,
    body: &[u8],
    usual_path: &str,
    retry_after: Option<Duration>,
) -> Failure {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = body.get("error").filter(|error| !error.is_null());
    let error = error.unwrap_or(&body);
    let cause = match status.as_u16() {
        429 => Cause::RateLimited,
        OVERLOADED => Cause::Overloaded,
        503 if says_overloaded(&body) || says_overloaded(error) => Cause::Overloaded,
        _ => Cause::Status,
    };
    let mut message = format!("HTTP status {}", status.as_u16());
    match status.as_u16() {
        // Messages about an invalid key repeat parts of it.
        401 | 403 => message.push_str(": the provider does not accept the credentials"),
        _ => {
            if let Some(words) = describe(error).or_else(|| describe(&body)) {
                message.push_str(": ");
                message.push_str(&words);
            }
        }
    }
    if status == StatusCode::NOT_FOUND {
        message = format!(
            "{message} (`url` must be the full address, such as https://api.example.org/v1{usual_path})"
        );
    }
    if let Some(wait) = retry_after {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let wait = show_duration(Duration::from_millis(ms));
        message = format!("{message}; retry after {wait}");
    }
    Failure::bad(cause, message)
}

/// Whether a provider reports that it lacks capacity: Together by its dynamic limits, others in the
/// message.
fn says_overloaded(error: &Value) -> bool {
    let names = ["error_type", "type", "code", "message"];
    let texts = names.iter().filter_map(|name| error.get(name)?.as_str());
    let mut texts = texts.chain(error.as_str()).map(str::to_ascii_lowercase);
    texts.any(|text| {
        text.contains("overloaded")
            || text.contains("dynamic_request_limited")
            || text.contains("dynamic_token_limited")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Verdict;

    fn refusal(status: u16, body: &str) -> (Cause, String) {
        let status = StatusCode::from_u16(status).expect("valid");
        let failure = refused(status, body.as_bytes(), "/chat/completions", None);
        let Verdict::Bad(cause) = failure.verdict else {
            panic!("{failure:?}");
        };
        (cause, failure.message)
    }

    #[test]
    fn causes_follow_from_the_status_and_from_what_the_provider_says() {
        let together = r#"{"error":{"message":"busy","type":"service_unavailable","error_type":"dynamic_request_limited"}}"#;
        let flat = r#"{"error_type":"dynamic_token_limited","message":"busy"}"#;
        for (status, body, cause) in [
            (
                429,
                r#"{"error":{"code":"rate_limit_exceeded"}}"#,
                Cause::RateLimited,
            ),
            (429, together, Cause::RateLimited),
            (429, "no JSON", Cause::RateLimited),
            (503, together, Cause::Overloaded),
            (503, flat, Cause::Overloaded),
            (
                503,
                r#"{"error":{"message":"The engine is currently overloaded"}}"#,
                Cause::Overloaded,
            ),
            (503, r#"{"error":"overloaded"}"#, Cause::Overloaded),
            (503, "<html>Service Unavailable</html>", Cause::Status),
            (503, "", Cause::Status),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
                Cause::Overloaded,
            ),
            (500, together, Cause::Status),
            (401, "", Cause::Status),
            (302, "", Cause::Status),
        ] {
            assert_eq!(refusal(status, body).0, cause, "{status} {body}");
        }
    }

    #[test]
    fn the_message_helps_and_repeats_no_part_of_a_key() {
        let (_, message) = refusal(
            400,
            r#"{"error":{"message":"unknown model","type":"invalid_request_error"}}"#,
        );
        assert_eq!(
            message,
            "HTTP status 400: invalid_request_error: unknown model"
        );
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-ab**yz","code":401}}"#;
        let (_, message) = refusal(401, body);
        assert!(
            !message.contains("sk-") && message.contains("credentials"),
            "{message}"
        );
        assert!(refusal(404, "").1.contains("/v1/chat/completions"));
        let status = StatusCode::TOO_MANY_REQUESTS;
        let wait = Some(Duration::from_millis(1500));
        let failure = refused(status, b"", "", wait);
        assert_eq!(failure.message, "HTTP status 429; retry after 1s500ms");
    }
}
