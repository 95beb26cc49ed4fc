//! Synthetic snapshots for the tests and the benchmark of the page.

mod signs;
mod system;

pub use signs::findings;
use slod::alert::{AlertKey, AlertPolicy, AlertRecord, Condition, TIERS};
use slod::alerting::AlertsView;
use slod::ledger::snapshot::{
    ATTEMPTS, AttemptView, DAYS, DayView, LastOutcome, ObjectiveView, ProbeView, QUANTILE_SPANS,
    QUANTILES, ServiceView, Snapshot, WindowView,
};
use slod::outcome::{
    Cause, Figures, Measurement, Measurements, ProbeKey, Timestamp, Verdict, VoidReason,
};
use slod::probe::KINDS;
use slod::slo::correction::Correction;
use slod::slo::{
    BudgetView, BudgetingMethod, Combine, NoDataPolicy, Objective, Precision, Sli, StandardWindows,
    Window,
};
use slod::store::Ahead;
use std::sync::Arc;
use std::time::Duration;
pub use system::system;

/// 2026-11-23 14:01:57 UTC
pub const AT: Timestamp = Timestamp::from_secs(1_795_442_517);
const INTERVAL: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_hours(24);

/// The state of a synthetic service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Healthy,
    Down,
    BudgetSpent,
    Burning,
    /// Observed, but not recently.
    Unseen,
    /// Observed for twenty minutes.
    Young,
    /// Not probed yet.
    New,
}

/// This many services, one in a hundred of which has problems.
pub fn many(count: usize) -> Snapshot {
    let troubles = [Fate::Down, Fate::Burning, Fate::BudgetSpent, Fate::Unseen];
    let services = (0..count).map(|index| {
        let fate = if index % 100 == 17 {
            troubles[index / 100 % troubles.len()]
        } else {
            Fate::Healthy
        };
        service(&format!("team-{:02}-service-{index:04}", index % 23), fate)
    });
    snapshot(services.collect())
}

pub fn snapshot(services: Vec<ServiceView>) -> Snapshot {
    Snapshot {
        at: AT,
        corrections: corrections(),
        services,
        ahead: Ahead::default(),
    }
}

pub fn service(name: &str, fate: Fate) -> ServiceView {
    let seed = name.bytes().map(u64::from).sum();
    ServiceView {
        name: name.into(),
        description: "Answers questions of guests".into(),
        labels: Arc::new([("team".to_owned(), "assistants".to_owned())]),
        probes: vec![probe(name, "health", fate, seed)],
        objectives: vec![
            objective("availability", Sli::Availability, 0.999, fate),
            objective("latency-p95", LATENCY_P95, 0.95, fate),
            objective("latency-p99", LATENCY_P99, 0.99, fate),
            objective("errors", Sli::Success, 0.999, fate),
        ],
        days: days(fate, seed),
        maintenance: None,
    }
}

/// A planned correction and a past one.
pub fn corrections() -> Arc<[Correction]> {
    Arc::new([
        correction("2", 2, "weekly deploy window", &[]),
        correction("1", -30, "a <b>drill</b> of the load balancer", &["errors"]),
    ])
}

/// A correction of two hours that starts this many hours from now.
fn correction(id: &str, hours: i64, reason: &str, slos: &[&str]) -> Correction {
    let from = Timestamp(AT.0 + hours * 3_600_000);
    Correction {
        id: id.into(),
        slos: slos.iter().map(|name| (*name).to_owned()).collect(),
        author: "ada".into(),
        ..Correction::once(from, from.after(Duration::from_hours(2)), reason)
    }
}

const LATENCY_P95: Sli = Sli::Latency {
    of: None,
    below: Duration::from_millis(500),
};
const LATENCY_P99: Sli = Sli::Latency {
    of: None,
    below: Duration::from_secs(1),
};

/// Bad events of 100,000, over the long and the short windows.
fn bad_of_100k(sli: Sli, fate: Fate) -> (u64, u64) {
    let fast = matches!(sli, Sli::Latency { .. });
    match fate {
        Fate::Down => (95, 60_000),
        Fate::BudgetSpent if !fast => (134, 0),
        Fate::Burning if !fast => (71, 420),
        _ if fast => (310, 120),
        _ => (18, 12),
    }
}

fn objective(name: &str, sli: Sli, target: f64, fate: Fate) -> ObjectiveView {
    let (long, short) = bad_of_100k(sli, fate);
    let budgeting = match sli {
        Sli::Availability => BudgetingMethod::Timeslices { slice_target: 0.9 },
        _ => BudgetingMethod::Occurrences,
    };
    let observed = match fate {
        Fate::New => Duration::ZERO,
        Fate::Young => Duration::from_mins(20),
        _ => 40 * DAY,
    };
    let view = |span: Duration| {
        let bad = match fate {
            // A month's few failures are not in the last five minutes; a burning budget has some in
            // them.
            Fate::Burning if span <= DAY / 288 && short > 400 => 10_000,
            _ if span <= DAY / 4 => short,
            _ => long,
        };
        window(span, observed, budgeting, bad, target)
    };
    let period = view(30 * DAY);
    ObjectiveView {
        objective: Arc::new(Objective {
            name: name.to_owned(),
            sli,
            source: slod::slo::EventSource::Probes,
            target,
            window: Window::rolling(30 * DAY),
            additional_windows: Vec::new(),
            budgeting,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: Vec::new(),
        }),
        policy: AlertPolicy::default(),
        since: (fate != Fate::New).then(|| AT.before(observed)),
        uncounted: None,
        windows: StandardWindows::of(|window| view(window.length())),
        budget: BudgetView {
            window: Window::rolling(30 * DAY),
            period,
            remaining: Some(1.0 - period.bad as f64 / ((1.0 - target) * period.expected)),
            affordable: Some(Duration::from_mins(38)),
            recovery: (fate == Fate::BudgetSpent).then(|| AT.after(9 * DAY)),
            exhaustion: (fate == Fate::Burning).then(|| AT.after(Duration::from_hours(14))),
        },
        additional_budgets: Vec::new(),
        corrected: false,
        precision: Precision::default(),
    }
}

/// Firing alerts: all tiers but the slowest for services that are down, one tier for burning budgets.
pub fn firing(services: &[ServiceView]) -> AlertsView {
    let mut all = Vec::new();
    for service in services {
        let down = service.probes.iter().any(|one| one.failing_since.is_some());
        for view in &service.objectives {
            let burning = view.budget.exhaustion.is_some();
            let since: &[(usize, u64)] = match view.objective.sli {
                _ if down => &[(0, 55), (1, 50), (2, 40)],
                Sli::Success if burning => &[(1, 60)],
                _ => &[],
            };
            all.extend(since.iter().map(|(tier, minutes)| {
                let (tier, slo) = (TIERS[*tier], view.objective.name.as_str());
                let from = AT.before(Duration::from_mins(*minutes));
                let key = AlertKey::budget(service.name.clone(), slo.into(), Condition::Tier(tier));
                AlertRecord::new(key, "", tier.urgency, from, "")
            }));
        }
    }
    AlertsView::new(AT, all)
}

fn window(
    span: Duration,
    observed: Duration,
    budgeting: BudgetingMethod,
    bad_of_100k: u64,
    target: f64,
) -> WindowView {
    let spacing = match budgeting {
        BudgetingMethod::Occurrences => INTERVAL,
        BudgetingMethod::Timeslices { .. } | BudgetingMethod::RatioTimeslices => {
            BudgetingMethod::SLICE
        }
    };
    let events = span.min(observed).as_secs() / spacing.as_secs();
    let bad = events * bad_of_100k / 100_000;
    let expected = (span.as_secs() / spacing.as_secs()) as f64;
    let sli = (events > 0).then(|| (events - bad) as f64 / events as f64);
    WindowView {
        good: events - bad,
        bad,
        void: 0,
        expected,
        nominal: expected,
        sli,
        burn_rate: sli.map(|sli| (1.0 - sli) / (1.0 - target)),
        coverage: Some(events as f64 / expected),
        beyond_retention: false,
    }
}

fn days(fate: Fate, seed: u64) -> [DayView; DAYS] {
    let today = AT.0.div_euclid(86_400_000);
    std::array::from_fn(|index| {
        let ago = (DAYS - 1 - index) as u64;
        let bad = match (ago + seed) % 23 {
            5 => 3,
            11 if seed.is_multiple_of(3) => 40,
            _ => u64::from((ago + seed).is_multiple_of(4)),
        };
        let (good, bad) = match fate {
            Fate::New => (0, 0),
            Fate::Young if ago > 0 => (0, 0),
            Fate::Young => (20, 0),
            _ if ago > 26 => (0, 0),
            Fate::Down if ago == 0 => (790, 51),
            Fate::BudgetSpent if (4..7).contains(&ago) => (1390, 50),
            _ => (1440 - bad, bad),
        };
        let known = good + bad > 0;
        // The counted share is in percent.
        let (percent, corrected, coverage) = match ago {
            // Observation started at noon.
            26 if known => (50, 0.0, Some(0.5)),
            11 if known => (60, 0.4, Some(1.0)),
            10 if known => (30, 0.4, Some(0.5)),
            9 if known => (0, 1.0, None),
            0 if fate == Fate::Young => (100, 0.0, Some(0.024)),
            _ => (100, 0.0, Some(if known { 1.0 } else { 0.0 })),
        };
        DayView {
            start: Timestamp((today - ago as i64) * 86_400_000),
            good: good * percent / 100,
            bad: (bad * percent).div_ceil(100),
            coverage,
            corrected,
        }
    })
}

fn attempts(fate: Fate, base: Duration) -> Box<[AttemptView]> {
    let count = if fate == Fate::New {
        0
    } else {
        ATTEMPTS as u64
    };
    let attempts = (0..count).map(|number| {
        let is_bad = number == 9 || (fate == Fate::Down && number > 50);
        AttemptView {
            at: AT.before(INTERVAL * u32::try_from(count - number).expect("few")),
            verdict: match number {
                20 => Verdict::Void(VoidReason::Network),
                _ if is_bad => Verdict::Bad(Cause::Status),
                _ => Verdict::Good,
            },
            latency: base + Duration::from_millis(number * 37 % 90),
        }
    });
    attempts.collect()
}

pub fn probe(service: &str, name: &str, fate: Fate, seed: u64) -> ProbeView {
    let mut failures = [0; Cause::ALL.len()];
    failures[Cause::Timeout as usize] = 3;
    failures[Cause::Status as usize] = if fate == Fate::Down { 51 } else { 0 };
    let mut voids = [0; VoidReason::ALL.len()];
    voids[VoidReason::Network as usize] = 2;
    let base = Duration::from_millis(90 + seed % 160);
    let probed = fate != Fate::New;
    ProbeView {
        key: ProbeKey::new(service, name),
        kind: "http",
        measures: &KINDS[0].measures,
        target: format!("https://{service}.example/health").into(),
        interval: INTERVAL,
        runs: if probed { 259_121 } else { 0 },
        failures: if probed { failures } else { [0; _] },
        voids: if probed { voids } else { [0; _] },
        missed: u64::from(probed),
        last: probed.then(|| last(fate, base)),
        failing_since: (fate == Fate::Down).then(|| AT.before(Duration::from_secs(510))),
        recent_failures: recent(fate),
        attempts: attempts(fate, base),
        timeout: Duration::from_secs(5),
        quantiles: std::array::from_fn(|span| quantiles(fate, base, span)),
    }
}

/// Withheld if the sample would be too small.
fn quantiles(fate: Fate, base: Duration, span: usize) -> [Option<Duration>; QUANTILES.len()] {
    let few = span == 0 || fate == Fate::Young;
    assert!(span < QUANTILE_SPANS.len());
    match fate {
        Fate::New | Fate::Unseen => [None; _],
        _ if few => [Some(base), None, None],
        _ => [Some(base), Some(base * 2), Some(base * 5)],
    }
}

fn last(fate: Fate, base: Duration) -> LastOutcome {
    let ago = if fate == Fate::Unseen { 780 } else { 4 };
    let at = AT.before(Duration::from_secs(ago));
    match fate {
        Fate::Down => failure(at, Cause::Status, "the status is 503, expected 200-299"),
        _ => LastOutcome {
            at,
            verdict: Verdict::Good,
            latency: base,
            measured: phases(base),
            figures: Figures::default(),
            code: Some(200),
            tls_not_after: Some(AT.after(61 * DAY).0 / 1000),
            tls_lifetime: None,
            message: None,
        },
    }
}

fn phases(total: Duration) -> Measurements {
    let mut phases = Measurements::default();
    for (phase, percent) in Measurement::PHASES.iter().zip([4, 9, 21, 58, 8]) {
        phases.add(*phase, total * percent / 100);
    }
    phases
}

pub fn failure(at: Timestamp, cause: Cause, message: &str) -> LastOutcome {
    let latency = Duration::from_millis(37);
    LastOutcome {
        at,
        verdict: Verdict::Bad(cause),
        latency,
        measured: phases(latency),
        figures: Figures::default(),
        code: (cause == Cause::Status).then_some(503),
        tls_not_after: None,
        tls_lifetime: None,
        message: Some(message.into()),
    }
}

fn recent(fate: Fate) -> Vec<Arc<LastOutcome>> {
    let ago = |secs| AT.before(Duration::from_secs(secs));
    let timeout = |secs| failure(ago(secs), Cause::Timeout, "no answer within 5s");
    let status = |secs| {
        failure(
            ago(secs),
            Cause::Status,
            "the status is 503, expected 200-299",
        )
    };
    let failures = match fate {
        Fate::Down => vec![status(4), status(14), status(24), timeout(8000)],
        Fate::Burning | Fate::BudgetSpent => vec![timeout(130), timeout(1900), status(9000)],
        Fate::Healthy => vec![timeout(23_000)],
        Fate::Unseen | Fate::Young | Fate::New => Vec::new(),
    };
    failures.into_iter().map(Arc::new).collect()
}
