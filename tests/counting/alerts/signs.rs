//! Live alerts of warning signs match a backtest of the samples and outcomes that were stored meanwhile.

use super::at;
use proptest::prelude::*;
use slod::alert::{AlertRecord, Source};
use slod::alerting::{Inputs, LiveAlerts};
use slod::config::Config;
use slod::ledger::{RestoreFrom, restore};
use slod::observe::{
    HostView, ProcessView, RoleValue, RoleView, SeriesNames, ServiceMetrics, SystemView, metrics,
};
use slod::outcome::{Outcome, Record, Verdict};
use slod::report::backtest::replayed_with_signs;
use slod::roles::Role;
use slod::signals::{NOT_REPLAYED, Watcher, restored};
use slod::store::{Store, Tick};
use slod::units::whole;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const MIB: f64 = 1_048_576.0;
/// Length of a history in seconds.
const END: i64 = 7 * 3600;
/// Time between two samples, and between two evaluations of the daemon. The backtest evaluates once a minute.
const SAMPLED: usize = 10;
const EVALUATED: i64 = 30;
/// How far apart both may see a sign: live samples and outcomes are evaluated a little later than stored ones.
const APART: i64 = 180;
/// The same for trends, which are evaluated every five minutes.
const TRENDS_APART: i64 = 1200;
const TRENDS: [&str; 3] = ["memory_growing", "latency_rising", "errors_climbing"];

/// From when, and for how long, in minutes.
type Span = Option<(i64, i64)>;

/// What happens to a service and its host.
#[derive(Clone, Debug)]
struct History {
    has_metrics: bool,
    /// MiB per hour.
    leak: f64,
    /// How much the response times rise per hour.
    slower: f64,
    /// By how much the share of failed requests rises per hour.
    failing: f64,
    busy: Span,
    pool_full: Span,
    breaker_open: Span,
    gone: Span,
    /// The machine is suspended.
    suspended: Span,
    /// slod is stopped, and then started.
    stopped: Span,
}

fn history() -> impl Strategy<Value = History> {
    let span = || prop::option::of((20_i64..250, 20_i64..90));
    let growth = |most| prop_oneof![Just(0.0), Just(most)];
    (
        any::<bool>(),
        (growth(60.0), growth(0.3), growth(0.03)),
        (span(), span(), span(), span()),
        (span(), span()),
    )
        .prop_map(
            |(
                has_metrics,
                (leak, slower, failing),
                (busy, pool_full, breaker_open, gone),
                (suspended, stopped),
            )| {
                History {
                    has_metrics,
                    leak,
                    slower,
                    failing,
                    busy,
                    pool_full,
                    breaker_open,
                    gone,
                    suspended,
                    stopped,
                }
            },
        )
}

fn holds(span: Span, second: i64) -> bool {
    span.is_some_and(|(from, length)| (from * 60..(from + length) * 60).contains(&second))
}

/// A factor that varies a little.
fn wobble(second: i64) -> f64 {
    1.0 + (second / 10 * 7919 % 101) as f64 / 5000.0
}

fn counter(role: Role, value: f64) -> RoleView {
    RoleView {
        value: Some(RoleValue::Counter(value)),
        ..gauge(role, 0.0)
    }
}

fn gauge(role: Role, value: f64) -> RoleView {
    RoleView {
        role,
        selector: "name".into(),
        library: None,
        series: 1,
        value: Some(RoleValue::Gauge(value)),
    }
}

impl History {
    fn config(&self) -> Config {
        let metrics = if self.has_metrics {
            "metrics: { url: \"http://127.0.0.1:1/metrics\" }, "
        } else {
            ""
        };
        let text = format!(
            "services:\n  - {{ name: web, {metrics}processes: [ {{ name: main, port: 1 }} ], probes: [ {{ name: p, interval: 10s, http: {{ url: \"http://127.0.0.1:1/\" }} }} ] }}\n"
        );
        text.parse().expect("valid")
    }

    /// Signs that are certain to be raised unless slod does not run for some time.
    fn signs(&self) -> [(&'static str, bool); 7] {
        let has_metrics = self.has_metrics;
        [
            ("cpu_high", self.busy.is_some()),
            ("process_gone", self.gone.is_some()),
            ("pool_exhausted", has_metrics && self.pool_full.is_some()),
            ("breaker_open", has_metrics && self.breaker_open.is_some()),
            ("errors_climbing", has_metrics && self.failing > 0.0),
            ("latency_rising", self.slower > 0.0),
            ("memory_growing", self.leak > 0.0 && self.gone.is_none()),
        ]
    }

    fn latency(&self, second: i64) -> f64 {
        let hours = second as f64 / 3600.0;
        0.1 * (1.0 + self.slower * hours) * wobble(second)
    }

    /// The outcome of the probe, which is never bad: only signs are compared.
    fn outcome(&self, config: &Config, second: i64) -> Record {
        Record {
            key: config.services[0].probes[0].key.clone(),
            at: at(second),
            interval: Duration::from_secs(10),
            outcome: Outcome::new(Verdict::Good, Duration::from_secs_f64(self.latency(second))),
        }
    }

    fn sample(&self, second: i64) -> SystemView {
        let host = HostView {
            cpu_usage: Some(if holds(self.busy, second) { 0.95 } else { 0.3 }),
            boot_time_seconds: Some(1),
            ..HostView::default()
        };
        SystemView {
            at: at(second),
            host: Some(host),
            processes: vec![self.process(second)],
            services: self.metrics(second).map(Arc::new).into_iter().collect(),
            ..SystemView::default()
        }
    }

    fn process(&self, second: i64) -> ProcessView {
        let begun = self.gone.map(|(from, length)| (from + length) * 60);
        let begun = begun.filter(|begun| *begun <= second);
        let is_there = !holds(self.gone, second);
        let hours = (second - begun.unwrap_or(0)) as f64 / 3600.0;
        let memory = (200.0 + self.leak * hours) * MIB * wobble(second);
        let known = |value: f64| is_there.then(|| whole(value));
        let started = at(begun.unwrap_or(-3600));
        ProcessView {
            service: "web".into(),
            name: "main".into(),
            count: u64::from(is_there),
            cpu_usage: is_there.then_some(0.1),
            resident_bytes: known(memory),
            anonymous_bytes: known(memory),
            threads: known(10.0),
            open_fds: known(20.0),
            started_seconds: is_there.then_some(started.0 as f64 / 1000.0),
            restarts: u64::from(begun.is_some()),
            ..ProcessView::default()
        }
    }

    fn metrics(&self, second: i64) -> Option<ServiceMetrics> {
        let (hours, p95) = (second as f64 / 3600.0, self.latency(second));
        let requests = second as f64 * 20.0;
        let errors = requests * (0.002 + self.failing * hours / 2.0);
        let is_open = holds(self.breaker_open, second);
        self.has_metrics.then(|| ServiceMetrics {
            service: "web".into(),
            at: Some(at(second)),
            roles: vec![
                counter(Role::Requests, requests),
                counter(Role::Errors, errors.floor()),
                gauge(Role::CircuitBreakerOpen, f64::from(u8::from(is_open))),
            ],
            requests_per_second: Some(20.0),
            quantiles: Some([p95 / 2.0, p95, p95 * 2.0]),
            pool_usage: Some(if holds(self.pool_full, second) {
                1.0
            } else {
                0.4
            }),
            ..ServiceMetrics::default()
        })
    }
}

/// When alerts began and ended, in seconds, by service, sign and subject.
type Alerts = BTreeMap<(String, String, String), Vec<(i64, i64)>>;

fn second(at: slod::outcome::Timestamp) -> i64 {
    (at.0 - super::at(0).0) / 1000
}

fn keep(store: &mut Store, ticks: &mut Vec<Tick>, records: &mut Vec<Record>) {
    store.append_samples(ticks).expect("stored");
    store.append(records).expect("stored");
    ticks.clear();
    records.clear();
}

/// The alerts of a daemon, which stores what it observes.
fn lived(history: &History, config: &Arc<Config>, store: &mut Store) -> Alerts {
    let mut ledger = restore(RestoreFrom::new(config, &[], None, at(0))).expect("empty");
    let (mut watcher, mut alerts) = (Watcher::default(), LiveAlerts::default());
    let (mut names, mut ticks, mut records) = (SeriesNames::default(), Vec::new(), Vec::new());
    let mut known: BTreeMap<_, AlertRecord> = BTreeMap::new();
    let mut is_stopped = false;
    for now in (0..=END).step_by(SAMPLED) {
        is_stopped |= holds(history.stopped, now);
        if holds(history.stopped, now) || holds(history.suspended, now) {
            continue;
        }
        if std::mem::take(&mut is_stopped) {
            keep(store, &mut ticks, &mut records);
            let last = store.last_seen().expect("readable");
            if let Some(last) = last.max(store.last_sampled().expect("readable")) {
                store.keep_gap((last, at(now))).expect("stored");
            }
            ledger =
                restore(RestoreFrom::new(config, &[], Some(store), at(now))).expect("readable");
            watcher = restored(config, store, at(now));
            let firing = alerts.view(at(now), &config.alerts).firing().to_vec();
            alerts = LiveAlerts::resumed(firing, at(now));
        }
        let (system, record) = (history.sample(now), history.outcome(config, now));
        watcher.take(&system);
        ledger.record(&record);
        ticks.push(names.tick(system.at, |sink| metrics::write(sink, &system)));
        records.push(record);
        if now % EVALUATED != 0 {
            continue;
        }
        let view = ledger.advance(at(now)).view();
        let inputs = Inputs {
            config: Some(config.clone()),
            rules: config.alerts.clone(),
            findings: Arc::new(watcher.findings(config, &view, at(now))),
            ..Inputs::default()
        };
        let changes = alerts.step(&view, &inputs);
        if let Some(gap) = changes.gap {
            store.keep_gap(gap).expect("stored");
        }
        known.extend(
            changes
                .records
                .into_iter()
                .map(|one| ((one.key.clone(), one.from), one)),
        );
    }
    keep(store, &mut ticks, &mut records);
    let mut all = Alerts::new();
    for alert in known.into_values() {
        let Source::Sign { sign, subject } = &alert.key.source else {
            continue;
        };
        if NOT_REPLAYED.iter().any(|kind| *kind.name == **sign) {
            continue;
        }
        let key = (
            alert.key.service.to_string(),
            sign.to_string(),
            subject.to_string(),
        );
        let end = alert.to.map_or(END, second);
        all.entry(key).or_default().push((second(alert.from), end));
    }
    all
}

fn backtested(config: &Config, store: &Store) -> Alerts {
    let found = replayed_with_signs(config, store, at(0), at(END)).expect("readable");
    let second =
        |at: chrono::DateTime<chrono::Utc>| (at.timestamp_millis() - super::at(0).0) / 1000;
    let mut all = Alerts::new();
    for one in found.signals.expect("replayed") {
        let end = one.ended_at.map_or(END, second);
        let key = (one.service, one.signal, one.subject);
        all.entry(key)
            .or_default()
            .push((second(one.fired_at), end));
    }
    all
}

/// Whether both saw the same alerts. One that begins or ends just before the end may be missing in one of them.
fn agree(sign: &str, one: &[(i64, i64)], other: &[(i64, i64)]) -> bool {
    let apart = if TRENDS.contains(&sign) {
        TRENDS_APART
    } else {
        APART
    };
    let is_near = |one: i64, other: i64| (one - other).abs() <= apart;
    let mut both = one.iter().zip(other);
    let common = one.len().min(other.len());
    let mut more = one[common..].iter().chain(&other[common..]);
    both.all(|(a, b)| is_near(a.0, b.0) && is_near(a.1, b.1))
        && more.all(|(from, _)| is_near(*from, END))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn live_alerts_of_signs_equal_a_backtest(history in history()) {
        let config = Arc::new(history.config());
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(&folder.path().join("slod.db")).expect("a new store");
        let lived = lived(&history, &config, &mut store);
        let backtested = backtested(&config, &store);
        let none = Vec::new();
        for key in lived.keys().chain(backtested.keys()) {
            let both = (lived.get(key).unwrap_or(&none), backtested.get(key).unwrap_or(&none));
            prop_assert!(agree(&key.1, both.0, both.1), "{key:?}: live and backtest: {both:?}");
        }
        let raised: BTreeSet<&str> = lived.keys().map(|(_, sign, _)| sign.as_str()).collect();
        for (sign, is_there) in history.signs() {
            let is_certain = is_there && history.suspended.is_none() && history.stopped.is_none();
            prop_assert!(!is_certain || raised.contains(sign), "{sign} is missing: {raised:?}");
        }
    }
}
