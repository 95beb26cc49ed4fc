//! Which headers are secrets.

use http::HeaderName;

/// Parts of header names whose values open doors.
const SECRET: [&str; 6] = ["auth", "cookie", "token", "secret", "api-key", "password"];

/// Whether a header's value is never shown, and never sent to another origin.
pub fn is_secret(name: &HeaderName) -> bool {
    SECRET.iter().any(|part| name.as_str().contains(part))
}
