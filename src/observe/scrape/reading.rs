//! The counters of a service, extracted from samples of its live or stored series.

use crate::load::Reading;
use crate::sample::SeriesKey;

/// The counters of a service from samples of one time.
pub fn reading<'a>(service: &str, samples: impl Iterator<Item = (&'a SeriesKey, f64)>) -> Reading {
    let mut found = Reading::default();
    let own = samples.filter(|(key, _)| key.label("service") == Some(service));
    for (key, value) in own {
        match key.name() {
            "slod_service_requests_total" => found.requests = Some(value),
            "slod_service_errors_total" => found.errors = Some(value),
            "slod_service_request_duration_seconds_sum" => found.seconds = Some(value),
            "slod_service_request_duration_seconds_bucket" => {
                // Rust parses `+Inf` as infinity, in any case.
                let bound = key.label("le").and_then(|bound| bound.parse().ok());
                found.buckets.extend(bound.map(|bound: f64| (bound, value)));
            }
            _ => {}
        }
    }
    found
        .buckets
        .sort_by(|one, other| one.0.total_cmp(&other.0));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_s_own_counters_are_read() {
        let texts = [
            (r#"slod_service_requests_total{service="rag"}"#, 9.0),
            (r#"slod_service_requests_total{service="other"}"#, 99.0),
            (r#"slod_service_errors_total{service="rag"}"#, 1.0),
            (
                r#"slod_service_request_duration_seconds_bucket{service="rag",le="+Inf"}"#,
                9.0,
            ),
            (
                r#"slod_service_request_duration_seconds_bucket{service="rag",le="0.5"}"#,
                7.0,
            ),
            (
                r#"slod_service_request_duration_seconds_sum{service="rag"}"#,
                3.5,
            ),
            ("slod_host_load1", 2.0),
        ];
        let keys = texts.map(|(text, value)| (text.parse::<SeriesKey>().expect("valid"), value));
        let samples = keys.iter().map(|(key, value)| (key, *value));
        let expected = Reading {
            requests: Some(9.0),
            errors: Some(1.0),
            seconds: Some(3.5),
            buckets: vec![(0.5, 7.0), (f64::INFINITY, 9.0)],
        };
        assert_eq!(reading("rag", samples), expected);
    }
}
