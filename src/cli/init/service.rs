//! Derives a service from its address.

use std::net::IpAddr;
use url::Url;

/// Parses a URL with a host. The default scheme is https, or http for IP addresses and local names.
pub(super) fn target(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.split(['/', ':']).next().unwrap_or_default();
        let is_local = !host.contains('.') || host.parse::<IpAddr>().is_ok();
        format!("{}://{text}", if is_local { "http" } else { "https" })
    };
    let expected = "expected a URL such as https://api.example/health, or tcp://HOST:PORT";
    let url = Url::parse(&with_scheme).map_err(|_| expected.to_owned())?;
    let is_valid = match url.scheme() {
        "http" | "https" => true,
        "tcp" => url.port().is_some(),
        _ => false,
    };
    (is_valid && url.has_host())
        .then_some(url)
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
pub(super) fn free_name(services: &[(String, Url)], name: &str) -> String {
    let is_free = |name: &String| services.iter().all(|(taken, _)| taken != name);
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
        for text in ["", "ftp://a.example/", "tcp://db", "http://", "a b"] {
            assert!(target(text).is_err(), "{text}");
        }
    }

    #[test]
    fn services_of_one_host_get_different_names() {
        let url = |text| target(text).expect("valid");
        let taken = [
            ("a".to_owned(), url("http://a")),
            ("a-2".to_owned(), url("http://a")),
        ];
        assert_eq!(free_name(&taken, "a"), "a-3");
        assert_eq!(free_name(&taken, "b"), "b");
    }
}
