//! A service with all kinds of objectives, and a journey over it.

use async_trait::async_trait;
use slod::config::{
    Config, ObserveSpec, Pattern, ProbeSpec, ServiceSpec, Shard, StoreSpec, WebSpec,
};
use slod::outcome::{DurationOf, Measurement, Measures, Outcome, ProbeKey, Verdict};
use slod::probe::{Attempt, Probe};
use slod::slo::calendar::{Calendar, Period};
use slod::slo::{BudgetingMethod, Combine, NoDataPolicy, Objective, ProbeRef, Sli, Window};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub struct Nothing;

#[async_trait]
impl Probe for Nothing {
    async fn run(&self, _: &mut Attempt) -> Outcome {
        Outcome::new(Verdict::Good, Duration::ZERO)
    }

    fn target(&self) -> String {
        String::new()
    }
}

/// The current month in a time zone.
fn month(zone: &str) -> Window {
    let period = Period::Month;
    let zone = zone.parse().expect("a zone");
    Window {
        length: period.nominal(),
        calendar: Some(Calendar { period, zone }),
    }
}

pub fn objective(name: &str, sli: Sli, budgeting: BudgetingMethod, probes: &[&str]) -> Objective {
    Objective {
        name: name.into(),
        sli,
        source: slod::slo::EventSource::Probes,
        target: 0.99,
        window: Window::rolling(Duration::from_hours(30 * 24)),
        additional_windows: ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu"]
            .map(month)
            .into(),
        budgeting,
        missing: NoDataPolicy::Exclude,
        combine: Combine::Pooled,
        probes: probes.iter().map(|name| counted(name)).collect(),
    }
}

/// Parses `probe` or `service/probe`.
pub fn counted(name: &str) -> ProbeRef {
    let (service, probe) = match name.split_once('/') {
        Some((service, probe)) => (Some(service.into()), probe),
        None => (None, name),
    };
    ProbeRef {
        service,
        probe: probe.to_owned(),
        weight: if probe == "a" { 3 } else { 1 },
    }
}

pub fn sliced(
    name: &str,
    budgeting: BudgetingMethod,
    combine: Combine,
    missing: NoDataPolicy,
    probes: &[&str],
) -> Objective {
    Objective {
        combine,
        missing,
        ..objective(name, Sli::Availability, budgeting, probes)
    }
}

pub const SLICES: BudgetingMethod = BudgetingMethod::Timeslices { slice_target: 0.75 };
pub const BELOW: Duration = Duration::from_millis(300);
/// Would be in the middle of a bucket if it were not a threshold.
pub const BELOW_CONNECT: Duration = Duration::from_micros(100_500);

fn probe(name: &str, ms: u64) -> ProbeSpec {
    ProbeSpec {
        key: ProbeKey::new("s", name),
        interval: Duration::from_millis(ms),
        timeout: Duration::from_secs(1),
        kind: "nothing",
        measures: &Measures {
            duration: DurationOf::Attempt,
            measurements: Measurement::ALL,
            code: None,
        },
        fingerprint: 0,
        thresholds: Arc::default(),
        probe: Arc::new(Nothing),
    }
}

/// A service with two probes. `extra` adds an objective; `interval` sets the first probe's interval
/// in milliseconds.
pub fn config(path: &Path, interval: u64, extra: bool) -> Config {
    let mut objectives = vec![
        objective("both", Sli::Success, BudgetingMethod::Occurrences, &[]),
        objective("slices", Sli::Availability, SLICES, &[]),
        objective(
            "fast",
            Sli::Latency {
                of: None,
                below: BELOW,
            },
            BudgetingMethod::Occurrences,
            &["a"],
        ),
    ];
    let ratio = BudgetingMethod::RatioTimeslices;
    let (weighted, both) = (Combine::Weighted, ["a", "b"]);
    objectives.extend([
        sliced("ratio", ratio, Combine::Pooled, NoDataPolicy::Exclude, &[]),
        sliced("all", SLICES, Combine::All, NoDataPolicy::Bad, &[]),
        sliced("any", ratio, Combine::Any, NoDataPolicy::Good, &[]),
        sliced("weighted", ratio, weighted, NoDataPolicy::Bad, &both),
        sliced("alone", SLICES, Combine::Pooled, NoDataPolicy::Bad, &["b"]),
    ]);
    let connect = Sli::Latency {
        of: Some(Measurement::Connect),
        below: BELOW_CONNECT,
    };
    objectives.extend([
        objective("connect", connect, BudgetingMethod::Occurrences, &[]),
        objective("connects", connect, SLICES, &["a"]),
    ]);
    if extra {
        objectives.push(objective("added", Sli::Availability, SLICES, &["b"]));
    }
    let journey = [
        sliced(
            "ends",
            SLICES,
            weighted,
            NoDataPolicy::Exclude,
            &["s/a", "s/b"],
        ),
        objective(
            "steps",
            Sli::Success,
            BudgetingMethod::Occurrences,
            &["s/b"],
        ),
    ];
    Config {
        web: WebSpec::default(),
        listen: ([127, 0, 0, 1], 0).into(),
        store: StoreSpec {
            path: path.to_owned(),
            retention: Duration::from_hours(400 * 24),
        },
        max_concurrent_probes: 1,
        shard: Shard::WHOLE,
        observe: ObserveSpec {
            interval: Duration::from_secs(10),
            retention: Duration::from_hours(30 * 24),
            root: "/".into(),
            collectors: [].into(),
            disk_exclude: nothing(),
            filesystem_exclude: nothing(),
            network_exclude: nothing(),
        },
        corrections: Vec::new(),
        alerts: std::sync::Arc::default(),
        vantage: Vec::new(),
        signals: slod::signal::Settings::default(),
        scenarios: Vec::new(),
        routing: std::sync::Arc::default(),
        heartbeat: None,
        remote_writes: Vec::new(),
        inputs: slod::config::Inputs::default(),
        elsewhere: BTreeMap::new(),
        services: vec![
            ServiceSpec {
                probes: vec![probe("a", interval), probe("b", 60_000)],
                ..service("s", objectives)
            },
            ServiceSpec {
                borrowed: vec![probe("a", interval), probe("b", 60_000)],
                ..service("journey", journey.into())
            },
        ],
    }
}

fn service(name: &str, objectives: Vec<Objective>) -> ServiceSpec {
    ServiceSpec {
        name: name.into(),
        description: "".into(),
        labels: [].into(),
        probes: Vec::new(),
        borrowed: Vec::new(),
        objectives: objectives.into_iter().map(Arc::new).collect(),
        processes: Vec::new(),
        metrics: None,
        load: None,
        signals: slod::signal::Settings::default(),
        shard: 1,
    }
}

fn nothing() -> Pattern {
    Pattern(regex::Regex::new("^$").expect("valid"))
}
