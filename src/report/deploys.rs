//! Error budget that a service burned after a deployment.

use super::slo::model::DeploymentReport;
use super::slo::of_service;
use super::slo::span::Span;
use crate::config::{Config, ServiceSpec};
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::slo::Window;
use crate::store::{Marker, Store, StoreError};
use crate::units::DAY;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Maximum number of markers, the newest, for which this is computed: each needs up to a day of outcomes.
const MAX_COUNTED: usize = 20;
/// Maximum number of markers listed in a report.
const MAX_LISTED: usize = 100;
/// Maximum number of markers within a day after another one.
const MAX_NEXT: u32 = 1000;
/// Smallest budget ratio that is mentioned.
const MENTIONED: f64 = 0.001;

/// Part of an objective's budget that was spent after a marker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BudgetSpend {
    pub slo: String,
    pub ratio: f64,
    /// Counted time: until the next marker of the service, at most one day.
    pub seconds: u64,
}

/// Burned budgets by marker ID; markers of services that are no longer configured have none.
pub type SpendByMarker = BTreeMap<i64, Vec<BudgetSpend>>;

/// The latest markers of a report's time range.
pub fn in_report(
    config: &Config,
    store: &Store,
    span: Span,
) -> Result<Vec<DeploymentReport>, StoreError> {
    let mut markers = store.markers(None, (span.from, span.to), MAX_NEXT)?;
    markers.retain(|marker| {
        let mut services = config.services.iter();
        services.any(|spec| *spec.name == *marker.service)
    });
    markers.truncate(MAX_LISTED);
    let mut burned = burned(config, store, &markers, span.now)?;
    let report = |marker: Marker| DeploymentReport {
        at: marker.at.to_utc(),
        burned: burned.remove(&marker.id),
        service: marker.service,
        version: marker.version,
        text: marker.text,
        author: marker.author,
    };
    Ok(markers.into_iter().rev().map(report).collect())
}

/// Counts for the first of these markers, which are the newest.
pub fn burned(
    config: &Config,
    store: &Store,
    markers: &[Marker],
    now: Timestamp,
) -> Result<SpendByMarker, StoreError> {
    let mut all = SpendByMarker::new();
    for marker in markers.iter().take(MAX_COUNTED) {
        let mut services = config.services.iter();
        if let Some(spec) = services.find(|spec| *spec.name == *marker.service) {
            all.insert(marker.id, burned_after(config, store, spec, marker, now)?);
        }
    }
    Ok(all)
}

fn burned_after(
    config: &Config,
    store: &Store,
    spec: &ServiceSpec,
    marker: &Marker,
    now: Timestamp,
) -> Result<Vec<BudgetSpend>, StoreError> {
    let ends = marker.at.after(DAY).min(now);
    let later = (Timestamp(marker.at.0 + 1), ends);
    let next = store.markers(Some(&marker.service), later, MAX_NEXT)?;
    let to = next.last().map_or(ends, |next| next.at);
    if to <= marker.at {
        return Ok(Vec::new());
    }
    let span = Span::new(marker.at, to, now);
    let report = of_service(config, store, spec, span)?;
    let each = spec.objectives.iter().zip(report.objectives);
    let spent = each.filter_map(|(objective, measured)| {
        Some(BudgetSpend {
            slo: measured.name,
            ratio: measured.budget_spent_ratio? * share(span, &objective.window),
            seconds: span.length().as_secs(),
        })
    });
    Ok(spent.filter(|one| one.ratio >= MENTIONED).collect())
}

/// The share of a window that a span covers, since budgets grow with the expected events.
fn share(span: Span, window: &Window) -> f64 {
    span.length().as_secs_f64() / window.length.as_secs_f64()
}

/// Renders `burned 8.2% of the budget of availability in 3h`; empty if nothing was burned.
pub fn words(burned: &[BudgetSpend]) -> String {
    let each = burned.iter().map(|one| {
        let within = std::time::Duration::from_secs(one.seconds);
        format!(
            "{} of the budget of {} in {}",
            numbers::spent(one.ratio),
            one.slo,
            numbers::span(within)
        )
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() {
        return String::new();
    }
    format!("burned {}", each.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Outcome, ProbeKey, Record, Verdict};
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000 * 60);
    const INTERVAL: Duration = Duration::from_mins(1);

    fn config() -> Config {
        "services:
  - name: web
    probes: [ { name: p, interval: 60s, tcp: { address: '127.0.0.1:1' } } ]
    objectives: [ { name: errors, sli: success, target: 99%, window: 30d } ]\n"
            .parse()
            .expect("valid")
    }

    fn before(minutes: u32) -> Timestamp {
        NOW.before(INTERVAL * minutes)
    }

    fn marker(id: i64, at: Timestamp) -> Marker {
        Marker {
            id,
            at,
            service: "web".to_owned(),
            version: "v2".to_owned(),
            text: String::new(),
            author: "ada".to_owned(),
        }
    }

    #[test]
    fn budget_burned_until_the_next_deployment() {
        let (_folder, mut store) = Store::temporary();
        // One failure per minute for twenty minutes, starting two hours ago.
        let records = (1..=600).map(|minutes| Record {
            key: ProbeKey::new("web", "p"),
            at: before(minutes),
            interval: INTERVAL,
            outcome: Outcome::new(
                if (101..=120).contains(&minutes) {
                    Verdict::Bad(Cause::Timeout)
                } else {
                    Verdict::Good
                },
                Duration::from_millis(10),
            ),
        });
        store.append(&records.collect::<Vec<_>>()).expect("stored");
        let mut deploy = |minutes: u32| {
            let marker = marker(0, before(minutes));
            store.add_marker(&marker).expect("kept")
        };
        let (first, second, third) = (deploy(480), deploy(120), deploy(60));
        let markers = [third.clone(), second.clone(), first.clone()];
        let burned = burned(&config(), &store, &markers, NOW).expect("reads");
        assert_eq!((burned[&first.id].len(), burned[&third.id].len()), (0, 0));
        // 20 of the 432 failures that 99% over 30 days allows.
        let [one] = &burned[&second.id][..] else {
            panic!("{burned:?}");
        };
        assert!((one.ratio - 20.0 / 432.0).abs() < 1e-3, "{one:?}");
        assert_eq!(
            words(&burned[&second.id]),
            "burned 4.7% of the budget of errors in 60m"
        );
        let span = Span::new(before(600), NOW, NOW);
        let report = crate::report::slo::report(&config(), &store, span).expect("counted");
        let order = report.deployments.iter().map(|one| one.at);
        assert!(order.is_sorted() && report.deployments.len() == 3);
        for text in [report.to_text(), report.to_markdown(), report.to_html()] {
            assert!(text.contains("Deployments"), "{text}");
            assert!(
                text.contains("burned 4.7% of the budget of errors in 60m"),
                "{text}"
            );
            assert!(text.contains("less than 0.1% of any budget"), "{text}");
        }
    }

    #[test]
    fn only_the_newest_markers_are_counted() {
        let (_folder, store) = Store::temporary();
        let marker = |id: i64| marker(id, before(1000 - u32::try_from(id).expect("small")));
        let markers: Vec<_> = (0..30).rev().map(marker).collect();
        let burned = burned(&config(), &store, &markers, NOW).expect("reads");
        let counted: Vec<_> = burned.into_keys().collect();
        assert_eq!(counted, (10..30).collect::<Vec<_>>());
    }
}
