//! The recent history of one service, and its warning signs.

use super::counts::Counts;
use super::finding;
use crate::config::{LoadSpec, ServiceSpec};
use crate::observe::{ContainerView, ProcessView, ServiceMetrics};
use crate::outcome::Timestamp;
use crate::roles::Role;
use crate::signal::rules::{
    COUNTED, Confirmed, MEMORY, above, errors_climbing, growing, latency_rising,
};
use crate::signal::{Finding, Keep, Presence, SignalKind, Track, kinds};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const GROWTH_WINDOW: Duration = Duration::from_secs(120);
pub(super) const DRIFT_WINDOW: Duration = Duration::from_secs(300);
/// Two hours of each.
const GROWTH_WINDOWS: usize = 60;
pub(super) const DRIFT_WINDOWS: usize = 24;
/// Minutes that counters are looked at over.
const RECENT: usize = 10;
/// A share of fewer of them says little.
const KNOWN_MIN: usize = 5;
/// A breaker that is open for a larger share of them is frequently open.
const OPEN_MAX: f64 = 0.05;
const TRIPS: f64 = 3.0;
const TIMEOUTS: f64 = 3.0;
const POOL: (f64, f64) = (0.9, 0.8);
const CPU: (f64, f64) = (0.8, 0.7);
const THROTTLED: (f64, f64) = (0.25, 0.15);
const MIB: f64 = 1_048_576.0;

/// What is remembered of a service.
#[derive(Debug)]
pub(super) struct ServiceHistory {
    name: Arc<str>,
    p95: Track,
    errors: Counts,
    /// Requests per second, in windows as wide as those that they explain.
    traffic: Track,
    traffic_by_growth: Track,
    traffic_by_minute: Track,
    connections: Track,
    queue: Track,
    pool: Track,
    open: Track,
    trips: Track,
    timeouts: Track,
    processes: BTreeMap<Arc<str>, ProcessHistory>,
    /// Trends that were found in a row, by sign and subject.
    confirmed: BTreeMap<(&'static str, Arc<str>), Confirmed>,
    /// What the last evaluation of the trends found.
    trends: Vec<Finding>,
    /// Signs that are there, so that they clear lower than they begin.
    active: Vec<(&'static str, Arc<str>)>,
    has_metrics: bool,
}

#[derive(Debug)]
struct ProcessHistory {
    memory: Track,
    threads: Track,
    files: Track,
    restarts: Track,
    /// Of a container.
    cpu: Track,
    throttled: Track,
    kills: Track,
    periods: Option<(u64, u64)>,
}

impl ProcessHistory {
    fn new() -> Self {
        let grows = || Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Lowest);
        let minutes = || Track::new(MINUTE, RECENT, Keep::Highest);
        Self {
            memory: grows(),
            threads: grows(),
            files: grows(),
            restarts: minutes(),
            cpu: Track::new(MINUTE, RECENT, Keep::Mean),
            throttled: Track::new(MINUTE, RECENT, Keep::Mean),
            kills: minutes(),
            periods: None,
        }
    }

    fn advance(&mut self, now: Timestamp) {
        for track in [
            &mut self.memory,
            &mut self.threads,
            &mut self.files,
            &mut self.restarts,
            &mut self.cpu,
            &mut self.throttled,
            &mut self.kills,
        ] {
            track.take(now, None);
        }
    }
}

impl ServiceHistory {
    pub(super) fn new(name: Arc<str>) -> Self {
        let minutes = |keep| Track::new(MINUTE, RECENT, keep);
        let grows = || Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Lowest);
        Self {
            name,
            p95: Track::new(DRIFT_WINDOW, DRIFT_WINDOWS, Keep::Mean),
            errors: Counts::default(),
            traffic: Track::new(DRIFT_WINDOW, DRIFT_WINDOWS, Keep::Mean),
            traffic_by_growth: Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Mean),
            traffic_by_minute: minutes(Keep::Mean),
            connections: grows(),
            queue: grows(),
            pool: minutes(Keep::Highest),
            open: minutes(Keep::Mean),
            trips: minutes(Keep::Highest),
            timeouts: minutes(Keep::Highest),
            processes: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            trends: Vec::new(),
            active: Vec::new(),
            has_metrics: false,
        }
    }

    pub(super) fn take_metrics(&mut self, at: Timestamp, metrics: &ServiceMetrics) {
        let number = |role| metrics.number(role);
        if !self.has_metrics {
            self.has_metrics = true;
            // There is more to judge than before.
            self.trends.clear();
        }
        self.p95.take(at, metrics.quantiles.map(|[_, p95, _]| p95));
        self.errors
            .take(at, number(Role::Errors), number(Role::Requests));
        let rate = metrics.requests_per_second;
        self.traffic.take(at, rate);
        self.traffic_by_growth.take(at, rate);
        self.traffic_by_minute.take(at, rate);
        self.connections.take(at, number(Role::ActiveConnections));
        self.queue.take(at, number(Role::QueueDepth));
        let waiting = number(Role::DbPoolWaiting).filter(|waiting| *waiting > 0.0);
        self.pool
            .take(at, waiting.map(|_| 1.0).or_else(|| metrics.pool_usage()));
        self.open.take(at, number(Role::CircuitBreakerOpen));
        self.trips.take(at, number(Role::CircuitBreakerTrips));
        self.timeouts.take(at, number(Role::ConnectionTimeouts));
    }

    pub(super) fn take_process(&mut self, at: Timestamp, process: &ProcessView) {
        let known = self.processes.entry(process.name.clone());
        let history = known.or_insert_with(ProcessHistory::new);
        let number = |value: Option<u64>| value.map(|value| value as f64);
        let memory = process.anonymous_bytes.or(process.resident_bytes);
        history.memory.take(at, number(memory));
        history.threads.take(at, number(process.threads));
        history.files.take(at, number(process.open_fds));
        history.restarts.take(at, Some(process.restarts as f64));
    }

    pub(super) fn take_container(&mut self, at: Timestamp, container: &ContainerView) {
        let known = self.processes.entry(container.process.clone());
        let history = known.or_insert_with(ProcessHistory::new);
        history.cpu.take(at, container.cpu_usage_max);
        history
            .kills
            .take(at, container.oom_kills.map(|kills| kills as f64));
        if let (Some(periods), Some(throttled)) = (container.periods, container.throttled_periods) {
            let before = history.periods.replace((periods, throttled));
            let share = before.and_then(|(all, reached)| {
                let all = periods.checked_sub(all).filter(|all| *all > 0)?;
                Some(throttled.checked_sub(reached)? as f64 / all as f64)
            });
            history.throttled.take(at, share);
        }
    }

    /// Judges the trends again. It is done as often as the false alarms were measured for.
    pub(super) fn judge_trends(&mut self) {
        let mut found = Vec::new();
        let traffic = &self.traffic_by_growth;
        if self.has_metrics {
            found.push((
                &kinds::LATENCY_RISING,
                "".into(),
                latency_rising(&self.p95, &self.traffic),
            ));
            let windows = self.errors.windows();
            found.push((
                &kinds::ERRORS_CLIMBING,
                "".into(),
                errors_climbing(&windows),
            ));
            for (kind, track) in [
                (&kinds::CONNECTIONS_GROWING, &self.connections),
                (&kinds::QUEUE_GROWING, &self.queue),
            ] {
                found.push((
                    kind,
                    "".into(),
                    growing(track, traffic, &COUNTED, 1.0, "of them"),
                ));
            }
        }
        for (name, process) in &self.processes {
            let memory = growing(&process.memory, traffic, &MEMORY, MIB, "MiB");
            found.push((&kinds::MEMORY_GROWING, name.clone(), memory));
            for (kind, track, unit) in [
                (&kinds::THREADS_GROWING, &process.threads, "threads"),
                (&kinds::OPEN_FILES_GROWING, &process.files, "files"),
            ] {
                found.push((
                    kind,
                    name.clone(),
                    growing(track, traffic, &COUNTED, 1.0, unit),
                ));
            }
        }
        let confirmed = &mut self.confirmed;
        let each = found.into_iter().map(|(kind, subject, answer)| {
            let state = confirmed
                .entry((kind.name, Arc::clone(&subject)))
                .or_default();
            finding(kind, Some(&self.name), &subject, state.step(answer))
        });
        self.trends = each.collect();
    }

    /// Moves on to a moment, also without samples, and forgets what is no longer configured.
    pub(super) fn advance(&mut self, now: Timestamp, spec: &ServiceSpec) {
        if spec.metrics.is_none() && self.has_metrics {
            *self = Self {
                processes: std::mem::take(&mut self.processes),
                ..Self::new(self.name.clone())
            };
        }
        let is_known = |name: &Arc<str>| spec.processes.iter().any(|one| one.name == *name);
        self.processes.retain(|name, _| is_known(name));
        for track in [
            &mut self.p95,
            &mut self.traffic,
            &mut self.traffic_by_growth,
            &mut self.traffic_by_minute,
            &mut self.connections,
            &mut self.queue,
            &mut self.pool,
            &mut self.open,
            &mut self.trips,
            &mut self.timeouts,
        ] {
            track.take(now, None);
        }
        for process in self.processes.values_mut() {
            process.advance(now);
        }
    }

    /// All signs as they are now.
    pub(super) fn findings(&mut self, load: Option<&LoadSpec>) -> Vec<Finding> {
        if self.trends.is_empty() {
            self.judge_trends();
        }
        let mut all = self.trends.clone();
        if self.has_metrics {
            self.judge_metrics(load, &mut all);
        } else {
            for kind in [
                &kinds::LATENCY_RISING,
                &kinds::ERRORS_CLIMBING,
                &kinds::POOL_EXHAUSTED,
                &kinds::BREAKER_OPEN,
                &kinds::CONNECTION_TIMEOUTS,
            ] {
                let evidence = "`metrics` is not configured for the service".to_owned();
                all.push(finding(
                    kind,
                    Some(&self.name),
                    "",
                    (Presence::Unknown, evidence),
                ));
            }
        }
        self.judge_processes(&mut all);
        let active = all.iter().filter(|one| one.presence == Presence::Active);
        self.active = active
            .map(|one| (one.kind.name, one.subject.clone()))
            .collect();
        all
    }

    fn was_active(&self, kind: &SignalKind, subject: &str) -> bool {
        self.active
            .iter()
            .any(|(name, known)| *name == kind.name && **known == *subject)
    }

    fn judge_metrics(&self, load: Option<&LoadSpec>, all: &mut Vec<Finding>) {
        let mut push = |kind: &'static SignalKind, answer| {
            all.push(finding(kind, Some(&self.name), "", answer));
        };
        let was = self.was_active(&kinds::POOL_EXHAUSTED, "");
        push(
            &kinds::POOL_EXHAUSTED,
            above(&self.pool, POOL.0, POOL.1, was, "use of the database pool"),
        );
        push(&kinds::BREAKER_OPEN, self.breaker());
        push(
            &kinds::CONNECTION_TIMEOUTS,
            counted(&self.timeouts, TIMEOUTS, "connections timed out"),
        );
        if let Some(peak) = load.and_then(|load| load.peak_rate) {
            let answer = match self.traffic_by_minute.above(peak, 5) {
                None => (
                    Presence::Unknown,
                    "fewer than 5 minutes are known".to_owned(),
                ),
                Some(minutes) => {
                    let presence = if minutes >= 3 {
                        Presence::Active
                    } else {
                        Presence::Clear
                    };
                    let last = self.traffic_by_minute.last().unwrap_or_default();
                    (
                        presence,
                        format!(
                            "more than {peak:.1} requests/s arrived in {minutes} of the last 5 minutes, last {last:.1}"
                        ),
                    )
                }
            };
            push(&kinds::LOAD_HIGH, answer);
        }
    }

    fn breaker(&self) -> (Presence, String) {
        let known: Vec<f64> = self.open.values().into_iter().flatten().collect();
        let trips = increase(&self.trips);
        if known.is_empty() && trips.is_none() {
            let evidence = "the metrics show no circuit breaker".to_owned();
            return (Presence::Unknown, evidence);
        }
        let open = known.iter().sum::<f64>() / (known.len().max(1)) as f64;
        let opened = trips.unwrap_or_default();
        if known.len() < KNOWN_MIN && opened < TRIPS {
            let evidence = format!("fewer than {KNOWN_MIN} minutes are known");
            return (Presence::Unknown, evidence);
        }
        let is_active = open > OPEN_MAX || opened >= TRIPS;
        let evidence = format!(
            "open for {:.0} % of the last {RECENT} minutes; opened {opened:.0} times",
            open * 100.0
        );
        (
            if is_active {
                Presence::Active
            } else {
                Presence::Clear
            },
            evidence,
        )
    }

    fn judge_processes(&self, all: &mut Vec<Finding>) {
        let slows = all.iter().any(|one| {
            one.kind.name == kinds::LATENCY_RISING.name && one.presence == Presence::Active
        });
        for (name, process) in &self.processes {
            let mut push = |kind: &'static SignalKind, answer| {
                all.push(finding(kind, Some(&self.name), name, answer));
            };
            push(
                &kinds::RESTARTED,
                counted(&process.restarts, 1.0, "restarts"),
            );
            if process.kills.last().is_some() {
                push(
                    &kinds::OUT_OF_MEMORY,
                    counted(&process.kills, 1.0, "kills for lack of memory"),
                );
            }
            if process.cpu.last().is_some() {
                let was = self.was_active(&kinds::CPU_HIGH, name);
                let what = "use of the container's processors";
                push(
                    &kinds::CPU_HIGH,
                    above(&process.cpu, CPU.0, CPU.1, was, what),
                );
            }
            if process.throttled.last().is_some() {
                let was = self.was_active(&kinds::THROTTLED, name);
                let (presence, evidence) = above(
                    &process.throttled,
                    THROTTLED.0,
                    THROTTLED.1,
                    was,
                    "share of throttled periods",
                );
                let answer = if presence == Presence::Active && !slows {
                    (
                        Presence::Clear,
                        format!("{evidence}; response times do not rise"),
                    )
                } else {
                    (presence, evidence)
                };
                push(&kinds::THROTTLED, answer);
            }
        }
    }
}

/// By how much a counter rose in the minutes that are known.
fn increase(track: &Track) -> Option<f64> {
    let known: Vec<f64> = track.values().into_iter().flatten().collect();
    let (first, last) = (known.first()?, known.last()?);
    Some((last - first).max(0.0))
}

/// Whether a counter rose by so much in the last minutes.
fn counted(track: &Track, least: f64, what: &str) -> (Presence, String) {
    match increase(track) {
        None => (Presence::Unknown, format!("{what} are not known")),
        Some(count) => {
            let presence = if count >= least {
                Presence::Active
            } else {
                Presence::Clear
            };
            (
                presence,
                format!("{count:.0} {what} in the last {RECENT} minutes"),
            )
        }
    }
}

#[cfg(test)]
mod tests;
