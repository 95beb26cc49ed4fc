//! Selects the format and encoding of a response. Pure.

use super::text::TextFormat;

/// Selects the format for an `Accept` header: the served type with the highest q-value, or text
/// 0.0.4 if none matches, as scrapers and users of `curl` expect.
pub fn choose(accept: &str) -> TextFormat {
    // Media types and the names of their parameters are case-insensitive.
    let accept = accept.to_ascii_lowercase();
    let mut best = (0.0, TextFormat::Text);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let (mut quality, mut version) = (1.0, None);
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("q", q)) => quality = q.trim().parse().unwrap_or(0.0),
                Some(("version", v)) => version = Some(v.trim_matches('"')),
                _ => {}
            }
        }
        if let Some(format) = served(media, version)
            && quality > best.0
        {
            best = (quality, format);
        }
    }
    best.1
}

/// Whether an `Accept-Encoding` header allows gzip.
pub fn takes_gzip(accept: &str) -> bool {
    let accept = accept.to_ascii_lowercase();
    let quality = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default();
        let q = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok());
        (coding == "gzip" || coding == "*").then_some((coding == "*", q.unwrap_or(1.0)))
    };
    // An entry for gzip takes precedence over `*`.
    let best = accept
        .split(',')
        .filter_map(quality)
        .min_by_key(|(any, _)| *any);
    best.is_some_and(|(_, q)| q > 0.0)
}

fn served(media: &str, version: Option<&str>) -> Option<TextFormat> {
    match (media, version) {
        ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => {
            Some(TextFormat::OpenMetrics)
        }
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => Some(TextFormat::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_selected_for_prometheus_and_text_for_curl() {
        let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(choose(prometheus), TextFormat::OpenMetrics);
        for accept in [
            "",
            "*/*",
            "text/html",
            "text/plain",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0, */*;q=0.1",
        ] {
            assert_eq!(choose(accept), TextFormat::Text, "{accept}");
        }
        assert_eq!(
            choose("Text/Plain;Q=0.4, Application/OpenMetrics-Text; Version=1.0.0; q=0.9"),
            TextFormat::OpenMetrics
        );
        assert_eq!(
            choose("text/plain;q=0.4, application/openmetrics-text; version=1.0.0; q=0.9"),
            TextFormat::OpenMetrics
        );
        assert_eq!(
            choose("text/plain;q=0.9,application/openmetrics-text;q=0.4"),
            TextFormat::Text
        );
    }

    #[test]
    fn gzip_is_used_if_accepted() {
        for accept in ["gzip", "deflate, gzip;q=0.5", "*", "br;q=1.0, GZIP"] {
            assert!(takes_gzip(accept), "{accept}");
        }
        for accept in [
            "",
            "identity",
            "gzip;q=0",
            "br, *;q=0",
            "gzip;q=0, *",
            "gzip;Q=0",
        ] {
            assert!(!takes_gzip(accept), "{accept}");
        }
    }
}
