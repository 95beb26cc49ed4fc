//! A service's page of metrics, in the text format, as OpenMetrics and as protobuf.

use super::Run;
use http::Response;
use slod::config::Config;
use slod::observe::scrape::{PageReader, Plan, Scan};
use slod::probe::http::BodySink;
use std::hash::RandomState;

const CONFIG: &str = "services: [ { name: a, probes: [ { name: p, tcp: { address: 'h:1' } } ], metrics: { url: 'http://h/', queue_depth: 'queue{a=~\"b.*\"}' } } ]";
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub fn pages() -> Run {
    let config: Config = CONFIG.parse().expect("valid");
    let plan = Plan::new(config.metrics().next().expect("one"));
    let hasher = RandomState::new();
    Box::new(move |data| {
        let is_open = data.ends_with(b"# EOF\n");
        let text = if is_open { OPENMETRICS } else { "text/plain" };
        for (kind, part_len) in [(text, 7), (text, 4096), (PROTOBUF, 7), (PROTOBUF, 4096)] {
            let mut reader = PageReader::new(Scan::new(&plan, &hasher, 1_790_000_000_000));
            let (head, ()) = Response::builder()
                .header("content-type", kind)
                .body(())
                .expect("valid")
                .into_parts();
            if reader.begin(&head).is_err() {
                return;
            }
            if data.chunks(part_len).all(|part| reader.take(part).is_ok()) {
                let _ = reader.finish();
            }
        }
    })
}
