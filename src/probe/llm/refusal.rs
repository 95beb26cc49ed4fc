//! Why a provider rejected a request, from the status and the body of its answer. Pure.

use super::reported::{describe, document, error_in};
use crate::outcome::Cause;
use crate::probe::dial::Failure;
use crate::units::show_duration;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

/// Anthropic's status for a provider at its capacity.
const OVERLOADED: u16 = 529;

/// Groq's status for its flexible tier at its capacity.
const FLEX_EXCEEDED: u16 = 498;
/// Words of providers about a lack of capacity.
const OVERLOADED_WORDS: [&str; 8] = [
    "overloaded",
    "capacity",
    "high demand",
    "high traffic",
    "server busy",
    "queue is full",
    // Together's dynamic limits.
    "dynamic_request_limited",
    "dynamic_token_limited",
];

/// The failure for an answer without a success status.
pub fn refused(
    status: StatusCode,
    body: &[u8],
    usual_path: &str,
    retry_after: Option<Duration>,
) -> Failure {
    let body = document(body);
    let error = error_in(&body).unwrap_or(&body);
    let described = describe(error).or_else(|| describe(&body));
    let described = described.unwrap_or_default();
    // Some errors have the status as their code.
    let code = format!("{}: ", status.as_u16());
    let described = described.strip_prefix(&code).unwrap_or(&described);
    let cause = match status.as_u16() {
        429 => Cause::RateLimited,
        OVERLOADED | FLEX_EXCEEDED => Cause::Overloaded,
        503 if says_overloaded(described, &[error, &body]) => Cause::Overloaded,
        _ => Cause::Status,
    };
    let reason = match status.as_u16() {
        // Messages about an invalid key repeat parts of it.
        401 => "the provider does not accept the credentials".to_owned(),
        403 if described.is_empty() || described.to_ascii_lowercase().contains("key") => {
            "the provider denies access with these credentials".to_owned()
        }
        301 | 302 | 303 | 307 | 308 => {
            "redirects are not followed: `url` must be the final address".to_owned()
        }
        _ => described.to_owned(),
    };
    let mut message = format!("HTTP status {}", status.as_u16());
    if !reason.is_empty() {
        message = format!("{message}: {reason}");
    }
    if status == StatusCode::NOT_FOUND && !is_about_model(&reason) {
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
fn says_overloaded(described: &str, errors: &[&Value]) -> bool {
    let kinds = errors
        .iter()
        .filter_map(|error| error.get("error_type")?.as_str());
    let mut texts = kinds.chain([described]).map(str::to_ascii_lowercase);
    texts.any(|text| OVERLOADED_WORDS.iter().any(|word| text.contains(word)))
}

/// Whether the address is right, but not what the request asks for.
fn is_about_model(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("model") || reason.contains("deployment")
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
            (
                503,
                r#"[{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]"#,
                Cause::Overloaded,
            ),
            (
                503,
                r#"{"error":{"message":"llama-3 is currently over capacity."}}"#,
                Cause::Overloaded,
            ),
            (
                498,
                r#"{"error":{"type":"capacity_exceeded"}}"#,
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
        for (status, body, wanted) in [
            (
                503,
                "no healthy upstream",
                "HTTP status 503: no healthy upstream",
            ),
            (
                503,
                r#"{"message":"The request queue is full.","type":"503","code":503}"#,
                "HTTP status 503: The request queue is full.",
            ),
            (502, "<html>Bad Gateway</html>", "HTTP status 502"),
            (
                403,
                r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden"}}"#,
                "HTTP status 403: request_forbidden: Country, region, or territory not supported",
            ),
            (
                403,
                r#"{"error":{"message":"Your API key sk-ab**yz has no access"}}"#,
                "HTTP status 403: the provider denies access with these credentials",
            ),
            (
                404,
                r#"{"error":{"message":"The model `m` does not exist","code":"model_not_found"}}"#,
                "HTTP status 404: model_not_found: The model `m` does not exist",
            ),
            (
                307,
                "",
                "HTTP status 307: redirects are not followed: `url` must be the final address",
            ),
        ] {
            assert_eq!(refusal(status, body).1, wanted);
        }
        for body in ["", r#"{"detail":"Not Found"}"#] {
            assert!(refusal(404, body).1.contains("/v1/chat/completions"));
        }
        let status = StatusCode::TOO_MANY_REQUESTS;
        let wait = Some(Duration::from_millis(1500));
        let failure = refused(status, b"", "", wait);
        assert_eq!(failure.message, "HTTP status 429; retry after 1s500ms");
    }
}
