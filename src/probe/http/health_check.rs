//! Detects health checks by the path of an address.

use url::Url;

/// Words in the paths of health checks.
const WORDS: [&str; 14] = [
    "health",
    "healthz",
    "healthcheck",
    "healthy",
    "ready",
    "readyz",
    "readiness",
    "live",
    "livez",
    "liveness",
    "alive",
    "ping",
    "status",
    "heartbeat",
];

/// Whether an address probably answers without doing the service's work. Only the path is checked,
/// since a host may be named `status.example.com`.
pub fn is_health_check(url: &str) -> bool {
    let path =
        Url::parse(url).map_or_else(|_| String::new(), |url| url.path().to_ascii_lowercase());
    path.split('/').any(|segment| {
        let mut words = segment.split(|c: char| !c.is_ascii_alphanumeric());
        // The path in Ruby on Rails; elsewhere it is part of another word, such as `sign-up`.
        segment == "up" || words.any(|word| WORDS.contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_are_detected_by_path() {
        for (url, expected) in [
            ("http://rag:8000/health", true),
            ("http://rag:8000/api/health_check?deep=1", true),
            ("http://rag:8000/-/Ready", true),
            ("http://rag:8000/healthz/db", true),
            ("http://rag:8000/up", true),
            ("http://rag:8000/sign-up", false),
            ("http://status.example.com/chat", false),
            ("http://rag:8000/search?q=health", false),
            ("http://rag:8000/delivery", false),
            ("rag:8000", false),
        ] {
            assert_eq!(is_health_check(url), expected, "{url}");
        }
    }
}
