//! The answer of a token endpoint (RFC 6749, sections 5.1 and 5.2). Pure.

use crate::text::{beginning, printable};
use crate::yaml::Secret;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

/// A longer token would not fit into the headers that servers accept.
const TOKEN_MAX: usize = 16 << 10;
/// Maximum number of characters of an error that are shown.
const SHOWN_MAX: usize = 100;
/// The error that a server answers if it does not accept the client's credentials, or their place.
const INVALID_CLIENT: &str = "invalid_client";

/// A token, and how long it is valid, if the server says so.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) token: Secret,
    pub(super) lifetime: Option<Duration>,
}

/// Why there is no token.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    /// Whether the server answered with a status from 400 to 499, as if the credentials were missing.
    pub(super) is_client_error: bool,
}

impl Refused {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_client_error: false,
        }
    }

    pub(super) fn is_about_the_client(&self) -> bool {
        self.message.contains(INVALID_CLIENT)
    }
}

/// Interprets an answer. Messages quote only the fields of errors, never a token.
pub(super) fn granted(status: StatusCode, body: &[u8]) -> Result<Granted, Refused> {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| document.as_ref()?.get(name)?.as_str();
    if !status.is_success() || field("error").is_some() {
        return Err(refused(status, field("error"), field("error_description")));
    }
    let Some(document) = &document else {
        return Err(Refused::new("its answer is not JSON"));
    };
    let Some(token) = field("access_token").filter(|token| !token.is_empty()) else {
        return Err(Refused::new("its answer has no `access_token`"));
    };
    if token.len() > TOKEN_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refused::new("its `access_token` is not valid in a header"));
    }
    let kind = field("token_type").unwrap_or("bearer");
    if !kind.eq_ignore_ascii_case("bearer") {
        let kind = beginning(&printable(kind), SHOWN_MAX).into_owned();
        return Err(Refused::new(format!(
            "its tokens are of the type `{kind}`, and slod supports only `Bearer`"
        )));
    }
    Ok(Granted {
        token: Secret::new(token.to_owned()),
        lifetime: document.get("expires_in").and_then(lifetime),
    })
}

fn refused(status: StatusCode, error: Option<&str>, description: Option<&str>) -> Refused {
    let mut message = format!("it answered with status {}", status.as_u16());
    for part in [error, description].into_iter().flatten() {
        message += ": ";
        message += &beginning(&printable(part), SHOWN_MAX);
    }
    if status.is_redirection() {
        message += ", and redirects are not followed";
    }
    Refused {
        message,
        is_client_error: status.is_client_error(),
    }
}

/// Some servers write the number as a string. Negative values have expired.
fn lifetime(written: &Value) -> Option<Duration> {
    let seconds = match written {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if seconds.is_nan() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<(String, Option<u64>), String> {
        let status = StatusCode::from_u16(status).expect("valid");
        let read = granted(status, body.as_bytes());
        let read = read.map(|one| {
            let seconds = one.lifetime.map(|lifetime| lifetime.as_secs());
            (one.token.reveal().to_owned(), seconds)
        });
        read.map_err(|refused| refused.message)
    }

    #[test]
    fn tokens_are_read_as_servers_write_them() {
        for (fields, seconds) in [
            (
                r#", "token_type": "Bearer", "expires_in": 3600"#,
                Some(3600),
            ),
            (r#", "token_type": "bearer", "expires_in": "60""#, Some(60)),
            (r#", "expires_in": -5"#, Some(0)),
            (r#", "expires_in": 1e300"#, Some(u64::MAX)),
            (r#", "expires_in": "NaN""#, None),
            (r#", "expires_in": null"#, None),
            ("", None),
        ] {
            let body = format!("{{\"access_token\": \"t0k\"{fields}}}");
            assert_eq!(of(200, &body), Ok(("t0k".to_owned(), seconds)), "{body}");
        }
    }

    #[test]
    fn a_refusal_says_what_the_server_says_and_quotes_nothing_else() {
        let long = "x".repeat(500);
        let no_token = "its answer has no `access_token`";
        for (status, body, message) in [
            (
                401,
                r#"{"error": "invalid_client", "error_description": "no such client"}"#,
                "it answered with status 401: invalid_client: no such client",
            ),
            (
                200,
                r#"{"error": "bad_verification_code"}"#,
                "it answered with status 200: bad_verification_code",
            ),
            (500, "<html>hush</html>", "it answered with status 500"),
            (
                302,
                "",
                "it answered with status 302, and redirects are not followed",
            ),
            (200, "token=hush", "its answer is not JSON"),
            (200, "[]", no_token),
            (200, r#"{"access_token": ""}"#, no_token),
            (200, r#"{"access_token": 7}"#, no_token),
            (
                200,
                r#"{"access_token": "a\nb"}"#,
                "its `access_token` is not valid in a header",
            ),
            (
                200,
                r#"{"access_token": "hush", "token_type": "mac"}"#,
                "its tokens are of the type `mac`, and slod supports only `Bearer`",
            ),
        ] {
            assert_eq!(of(status, body), Err(message.to_owned()), "{body}");
        }
        let shown = of(400, &format!("{{\"error\": \"{long}\"}}")).expect_err("refused");
        assert!(shown.len() < 200, "{shown}");
        let control = of(400, r#"{"error": "a\u001b[2J"}"#).expect_err("refused");
        assert!(!control.contains('\u{1b}'), "{control:?}");
    }
}
