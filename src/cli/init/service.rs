//! A service, derived from its addresses.

use crate::probe::dial::web_address;
use std::net::IpAddr;
use url::Url;

/// A service to write; it has at least one of the addresses.
#[derive(Debug)]
pub(super) struct NewService {
    pub(super) name: String,
    /// The address to probe.
    pub(super) probed: Option<Url>,
    /// The address of its metrics.
    pub(super) metrics: Option<Url>,
}

/// Parses the URL of a Prometheus endpoint. The default path is that of Prometheus.
pub(super) fn endpoint(text: &str) -> Result<Url, String> {
    let mut url = target(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or("expected a URL such as http://api.example:8000/metrics")?;
    if url.path() == "/" {
        url.set_path("/metrics");
    }
    Ok(url)
}

/// Parses a URL with a host. The default scheme is https, or http for IP addresses and local names.
pub(super) fn target(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let expected = "expected a URL such as https://api.example/health or wss://chat.example/ws, or tcp://HOST:PORT";
    if text.starts_with('/') {
        // A path, which would be parsed as a host.
        return Err(expected.to_owned());
    }
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.split(['/', ':']).next().unwrap_or_default();
        let is_local = !host.contains('.') || host.parse::<IpAddr>().is_ok();
        format!("{}://{text}", if is_local { "http" } else { "https" })
    };
    let url = web_address(&with_scheme, &["http", "https", "ws", "wss", "tcp"]);
    url.filter(|url| url.scheme() != "tcp" || url.port().is_some())
        .ok_or_else(|| expected.to_owned())
}

/// Derives a name such as `api-example-com` from the host; IP addresses get a generic name.
pub(super) fn name_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    if is_address || host.is_empty() {
        return "service".to_owned();
    }
    host.replace('.', "-")
}

/// Returns the name itself, or the first unused of `name-2`, `name-3`, ...
pub(super) fn free_name(services: &[NewService], name: &str) -> String {
    let is_free = |name: &String| services.iter().all(|taken| taken.name != *name);
    let numbered = (2_u64..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_a_scheme_and_others_are_refused() {
        let target = |text| target(text).map(|url| url.to_string());
        assert_eq!(
            target("localhost:8000/x"),
            Ok("http://localhost:8000/x".to_owned())
        );
        assert_eq!(target("10.0.0.1"), Ok("http://10.0.0.1/".to_owned()));
        assert_eq!(target("api.example"), Ok("https://api.example/".to_owned()));
        for text in [
            "",
            "ftp://a.example/",
            "tcp://db",
            "http://",
            "a b",
            "/health",
        ] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_without_a_path_is_at_that_of_prometheus() {
        let endpoint = |text| endpoint(text).map(|url| url.to_string());
        assert_eq!(
            endpoint("localhost:8000"),
            Ok("http://localhost:8000/metrics".to_owned())
        );
        assert_eq!(
            endpoint("http://a/actuator/prometheus"),
            Ok("http://a/actuator/prometheus".to_owned())
        );
        assert!(endpoint("tcp://a:1").is_err() && endpoint("ws://a:1").is_err());
    }

    #[test]
    fn services_of_one_host_get_different_names() {
        let taken = ["a", "a-2"].map(|name| NewService {
            name: name.to_owned(),
            probed: target("http://a").ok(),
            metrics: None,
        });
        assert_eq!(free_name(&taken, "a"), "a-3");
        assert_eq!(free_name(&taken, "b"), "b");
    }
}
