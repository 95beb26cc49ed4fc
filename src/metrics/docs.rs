//! Generates `docs/METRICS.md` from the declarations.

use super::gathered::kind;
use super::own::SelfMetrics;
use crate::exposition::{Family, MetricKind};
use crate::probe::http::oauth2;
use crate::{alerting, ledger, observe, runs, signals};
use std::fmt::Write as _;

const HEAD: &str = "# Metrics

Generated from the declarations in the code; do not edit by hand.

Ratios are from 0 to 1, times in seconds. Unknown values are absent, never NaN. Counters start at 0 with the daemon.
Scrape with `honor_labels: true`, because the labels describe other targets.

`/metrics` has the text format 0.0.4, OpenMetrics 1.0.0 and, for a Prometheus with native histograms, protobuf, as the header
`Accept` requests. In protobuf, `slod_probe_duration_seconds` and the histograms of AI providers are native histograms as well: of
schema 5, whose buckets are 2.2% wide, so a quantile is at most 2.2% off. Prometheus then stores their classic buckets only with
`always_scrape_classic_histograms: true` (before 3.0 `scrape_classic_histograms: true`). Summaries have the type gauge in protobuf,
where a summary requires a count and a sum.
";

/// Returns the text of the page.
pub fn markdown(own: &SelfMetrics) -> String {
    let mut out = HEAD.to_owned();
    let services = ledger::metrics::families().chain(alerting::metrics::families());
    let services = services.chain([&signals::metrics::ACTIVE]);
    table(&mut out, "Services", services.map(row));
    table(&mut out, "Load runs", runs::metrics::families().map(row));
    table(
        &mut out,
        "Host and processes",
        observe::metrics::families().map(row),
    );
    let own = own.declared().into_iter().map(|family| {
        let labels: Vec<_> = family
            .get_metric()
            .iter()
            // All metrics of a family have the same labels.
            .take(1)
            .flat_map(prometheus::proto::Metric::get_label)
            .map(|pair| pair.name().to_owned())
            .collect();
        (
            family.name().to_owned(),
            kind(&family),
            labels.join(", "),
            family.help().to_owned(),
        )
    });
    let tokens = oauth2::metrics::families().map(row);
    table(&mut out, "slod itself", own.chain(tokens));
    out
}

type Row = (String, MetricKind, String, String);

fn row(family: &Family) -> Row {
    let Family {
        name,
        kind,
        labels,
        help,
        ..
    } = family;
    (
        (*name).to_owned(),
        *kind,
        labels.join(", "),
        (*help).to_owned(),
    )
}

fn table(out: &mut String, title: &str, rows: impl Iterator<Item = Row>) {
    write!(
        out,
        "\n## {title}\n\n| family | type | labels | meaning |\n|---|---|---|---|\n"
    )
    .unwrap_or_default();
    for (name, kind, labels, help) in rows {
        writeln!(out, "| `{name}` | {} | {labels} | {help} |", kind.label()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::label_fault;

    /// Accepted with a warning of `slod check`: only alerts have these labels, and users commonly set them on
    /// services.
    const WARNED_OF: [&str; 3] = ["signal", "subject", "tier"];

    #[test]
    fn services_cannot_have_labels_that_would_hide_those_of_their_metrics() {
        let all = ledger::metrics::families()
            .chain(alerting::metrics::families())
            .chain([&signals::metrics::ACTIVE])
            .chain(runs::metrics::families())
            .chain(observe::metrics::families());
        let of_services = all.filter(|family| family.labels.contains(&"service"));
        let labels: Vec<_> = of_services.flat_map(|family| family.labels).collect();
        assert!(labels.len() > 100, "{labels:?}");
        for label in labels {
            let is_refused = label_fault(label).is_some() || WARNED_OF.contains(label);
            assert!(
                is_refused,
                "`{label}` is not refused as a label of a service"
            );
        }
    }
}
