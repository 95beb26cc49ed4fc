//! A service's page of metrics, in the text format, as OpenMetrics and as protobuf.

use super::Run;
use http::Response;
use slod::config::Config;
use slod::observe::scrape::{PageReader, Plan, Scan};
use slod::probe::dial::Failure;
use slod::probe::http::BodySink;
use std::collections::BTreeMap;
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
        for kind in [text, PROTOBUF] {
            let read = |length: usize| {
                let scan = Scan::new(&plan, &hasher, 1_790_000_000_000);
                read(PageReader::new(scan), kind, data.chunks(length))
            };
            let whole = read(usize::MAX);
            for length in [1, 7, 4096] {
                assert_eq!(read(length), whole, "{length}");
            }
        }
    })
}

/// The samples of a page by rule, the number of samples, and how many of them were dropped; or its fault.
type Page = Result<(BTreeMap<usize, String>, u64, u64), String>;

/// The page of these parts.
fn read<'a>(
    mut reader: PageReader<'_>,
    kind: &str,
    mut parts: impl Iterator<Item = &'a [u8]>,
) -> Page {
    let response = Response::builder().header("content-type", kind).body(());
    let (head, ()) = response.expect("valid").into_parts();
    let message = |failure: Failure| failure.message;
    reader.begin(&head).map_err(message)?;
    parts
        .try_for_each(|part| reader.take(part))
        .map_err(message)?;
    let page = reader.finish()?;
    let rules = page.by_rule.into_iter();
    let rules = rules.map(|(rule, samples)| (rule, format!("{samples:?}")));
    Ok((rules.collect(), page.samples, page.dropped.total()))
}
