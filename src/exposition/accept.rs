//! Selects the format and encoding of a response. Pure.

use super::protobuf;
use super::text::TextFormat;

/// The format of a page of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFormat {
    Text(TextFormat),
    /// Length-delimited messages, with native histograms.
    Protobuf,
}

impl PageFormat {
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text(format) => format.content_type(),
            Self::Protobuf => protobuf::CONTENT_TYPE,
        }
    }
}

/// Selects the format for an `Accept` header: the served type with the highest q-value, or text
/// 0.0.4 if none matches, as scrapers and users of `curl` expect.
pub fn choose(accept: &str) -> PageFormat {
    // Media types and the names of their parameters are case-insensitive.
    let accept = accept.to_ascii_lowercase();
    let mut best = (0.0, PageFormat::Text(TextFormat::Text));
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<_> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameter = |name: &str| {
            let found = parameters.iter().find(|(known, _)| known.trim() == name);
            found.map(|(_, value)| value.trim().trim_matches('"'))
        };
        let quality = parameter("q").map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if let Some(format) = served(media, parameter)
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

/// The format of a media range in lower case with these parameters.
fn served<'p>(media: &str, parameter: impl Fn(&str) -> Option<&'p str>) -> Option<PageFormat> {
    match (media, parameter("version")) {
        ("application/vnd.google.protobuf", _) => {
            let is_family = parameter("proto") == Some("io.prometheus.client.metricfamily");
            let is_delimited = parameter("encoding") == Some("delimited");
            (is_family && is_delimited).then_some(PageFormat::Protobuf)
        }
        ("application/openmetrics-text", None | Some("1.0.0" | "0.0.1")) => {
            Some(PageFormat::Text(TextFormat::OpenMetrics))
        }
        ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => {
            Some(PageFormat::Text(TextFormat::Text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: PageFormat = PageFormat::Text(TextFormat::Text);
    const OPEN: PageFormat = PageFormat::Text(TextFormat::OpenMetrics);

    #[test]
    fn protobuf_is_selected_if_it_is_preferred_in_this_form() {
        // Prometheus with native histograms.
        let prometheus = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(choose(prometheus), PageFormat::Protobuf);
        let quoted = "text/plain;q=0.3, application/vnd.google.protobuf; Proto=\"io.prometheus.client.MetricFamily\"; encoding=\"delimited\"";
        assert_eq!(choose(quoted), PageFormat::Protobuf);
        assert_eq!(choose(&prometheus.replace("q=0.6", "q=0.45")), OPEN);
        assert_eq!(choose(&prometheus.replace("q=0.6", "q=0")), OPEN);
        for accept in [
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            "application/vnd.google.protobuf;proto=other.Family;encoding=delimited",
        ] {
            assert_eq!(choose(accept), TEXT, "{accept}");
        }
    }

    #[test]
    fn openmetrics_is_selected_for_prometheus_and_text_for_curl() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(choose(prometheus), OPEN);
        for accept in [
            "",
            "*/*",
            "text/html",
            "text/plain",
            "application/openmetrics-text;version=2.0.0",
            "application/openmetrics-text;q=0, */*;q=0.1",
        ] {
            assert_eq!(choose(accept), TEXT, "{accept}");
        }
        assert_eq!(
            choose("Text/Plain;Q=0.4, Application/OpenMetrics-Text; Version=1.0.0; q=0.9"),
            OPEN
        );
        assert_eq!(
            choose("text/plain;q=0.4, application/openmetrics-text; version=1.0.0; q=0.9"),
            OPEN
        );
        assert_eq!(
            choose("text/plain;q=0.9,application/openmetrics-text;q=0.4"),
            TEXT
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
