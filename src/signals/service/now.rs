//! The current warning signs of one service.

use super::ServiceHistory;
use crate::config::LoadSpec;
use crate::outcome::Timestamp;
use crate::signal::kinds::{OF_LOAD, OF_METRICS};
use crate::signal::rules::{
    Answer, Numbers, ServiceCondition, breaker_open, counted, cpu_high_at_peak, is_slower,
    latency_unusual, load_high, pool_exhausted, provider_failing, provider_slow, throughput_low,
};
use crate::signal::{Finding, Presence, RECENT, Settings, SignalKind, Track, kinds};
use crate::signals::own::MetricsHistory;
use crate::signals::process::{Meanwhile, NOT_SEEN, ProcessHistory};
use crate::signals::provider::ProviderHistory;
use crate::signals::{NO_METRICS, Push, breakers, finding, unknown};
use crate::trend::Errors;

impl ServiceHistory {
    /// Evaluates all signs.
    pub(in crate::signals) fn findings(
        &mut self,
        load: Option<&LoadSpec>,
        settings: &Settings,
        now: Timestamp,
    ) -> Vec<Finding> {
        if self.trends.is_empty() {
            self.judge_trends(settings);
        }
        let mut all = self.trends.clone();
        let mut push = |kind, subject: &str, answer| {
            all.push(finding(kind, Some(&self.name), subject, answer));
        };
        if let Some(own) = &self.own {
            self.judge_own(own, load, settings, &mut push);
        } else {
            let could_be_had = |kind: &&SignalKind| {
                **kind != kinds::METRICS_UNREADABLE && (load.is_some() || !OF_LOAD.contains(kind))
            };
            for kind in OF_METRICS.into_iter().filter(could_be_had) {
                push(kind, "", unknown(NO_METRICS));
            }
        }
        for (probe, provider) in &self.probes.providers {
            self.judge_provider(probe, provider, settings, &mut push);
        }
        self.judge_usual(settings, now, &mut push);
        let was = |kind: &SignalKind, subject: &str| self.was_active(kind, subject);
        self.outcomes.judge(settings, now, was, &mut push);
        self.judge_processes(load, settings, &mut push);
        for one in &mut all {
            self.doubt(one);
        }
        self.remember_active(&all);
        let active = all.iter_mut();
        for one in active.filter(|one| one.presence == Presence::Active) {
            one.chart = self.chart(one.kind, &one.subject);
        }
        all
    }

    /// Remembers the active signs, for hysteresis. A sign that is temporarily unknown keeps its
    /// state.
    fn remember_active(&mut self, all: &[Finding]) {
        let active = all.iter().filter(|one| match one.presence {
            Presence::Active => true,
            Presence::Unknown => self.was_active(one.kind, &one.subject),
            Presence::Clear => false,
        });
        self.active = active
            .map(|one| (one.kind.name, one.subject.clone()))
            .collect();
    }

    fn judge_processes(&self, load: Option<&LoadSpec>, settings: &Settings, push: &mut Push<'_>) {
        let meanwhile = Meanwhile {
            slows: is_slower(self.latency().0),
            is_maintained: self.is_maintained,
            reported_after: self.reported_after,
        };
        for (name, process) in &self.processes {
            let was = |kind: &SignalKind| self.was_active(kind, name);
            for (kind, answer) in process.recent(settings, was, meanwhile) {
                push(kind, name, answer);
            }
            if let Some(answer) = self.judge_cpu_at_peak(process, load, settings) {
                push(&kinds::CPU_HIGH_AT_PEAK, name, answer);
            }
        }
    }

    fn was_active(&self, kind: &SignalKind, subject: &str) -> bool {
        self.active
            .iter()
            .any(|(name, known)| *name == kind.name && **known == *subject)
    }

    fn judge_own(
        &self,
        own: &MetricsHistory,
        load: Option<&LoadSpec>,
        settings: &Settings,
        push: &mut Push<'_>,
    ) {
        let level = |kind| settings.level(kind);
        let was = |kind| self.was_active(kind, "");
        let kind = &kinds::METRICS_UNREADABLE;
        push(kind, "", own.unread.judge(level(kind).begins));
        let kind = &kinds::POOL_EXHAUSTED;
        let (presence, evidence) = pool_exhausted(&own.pool, level(kind), was(kind));
        let evidence = match &own.fullest_pool {
            Some(name) if presence != Presence::Unknown => {
                format!("{evidence}; the fullest pool is {name}")
            }
            _ => evidence,
        };
        push(kind, "", (presence, evidence));
        let kind = &kinds::BREAKER_OPEN;
        let (presence, evidence) = breaker_open(&own.breaker, level(kind).begins);
        let evidence = match breakers::words(&own.breakers) {
            names if names.is_empty() || presence == Presence::Unknown => evidence,
            names => format!("{evidence}: {names}"),
        };
        push(kind, "", (presence, evidence));
        let kind = &kinds::CONNECTION_TIMEOUTS;
        let least = level(kind).begins;
        let what = ["connection timed out", "connections timed out"];
        let timeouts = counted(&own.timeouts, RECENT, least, what);
        push(kind, "", timeouts);
        let kind = &kinds::LOAD_HIGH;
        if let Some((track, peak, unit)) = expected_load(own, load) {
            let answer = load_high(track, peak, level(kind), was(kind), unit);
            push(kind, "", answer);
        }
        if let Some(provider) = &own.provider {
            self.judge_provider("", provider, settings, push);
        }
    }

    /// Compares the last hour with the usual level at this time of day.
    fn judge_usual(&self, settings: &Settings, now: Timestamp, push: &mut Push<'_>) {
        let (p95, by) = self.latency();
        let usual = self.usual.p95(by, now);
        let kind = &kinds::LATENCY_UNUSUAL;
        let (level, was) = (settings.level(kind), self.was_active(kind, ""));
        let answer = latency_unusual(mean_of_hour(p95), usual, level, was, by);
        push(kind, "", answer);
        if let Some(own) = &self.own {
            let kind = &kinds::THROUGHPUT_LOW;
            let (level, was) = (settings.level(kind), self.was_active(kind, ""));
            let is_good = !is_failing(self.probes.errors.lately());
            let rate = mean_of_hour(&own.traffic);
            let usual = self.usual.rate.as_ref().map(|one| one.at(now));
            let answer = throughput_low(rate, usual, level, was, is_good);
            push(kind, "", answer);
        }
    }

    fn judge_provider(
        &self,
        subject: &str,
        provider: &ProviderHistory,
        settings: &Settings,
        push: &mut Push<'_>,
    ) {
        let service = self.meanwhile();
        let kind = &kinds::PROVIDER_SLOW;
        let was = self.was_active(kind, subject);
        let slow = provider_slow(&provider.latency, settings.level(kind), was, service);
        push(kind, subject, slow);
        let kind = &kinds::PROVIDER_FAILING;
        let was = self.was_active(kind, subject);
        let failing = provider_failing(
            &provider.failed,
            &provider.requests,
            settings.level(kind),
            was,
            service,
        );
        push(kind, subject, failing);
    }

    /// The state of the service during problems of its provider.
    fn meanwhile(&self) -> ServiceCondition {
        let (counts, by) = self.errors();
        let lately = counts.lately();
        if lately.total == 0 || self.is_provider(by) {
            return ServiceCondition::Unknown;
        }
        if is_failing(lately) {
            return ServiceCondition::Failing;
        }
        let (p95, by) = self.latency();
        match is_slower(p95).filter(|_| !self.is_provider(by)) {
            Some(true) => ServiceCondition::Slower,
            Some(false) => ServiceCondition::Usual,
            None => ServiceCondition::NotFailing,
        }
    }

    /// Whether the service's data reflects its provider: all of its probes request language models.
    fn is_provider(&self, by: Numbers) -> bool {
        by == Numbers::Probes && self.probes.are_of_providers
    }

    fn judge_cpu_at_peak(
        &self,
        process: &ProcessHistory,
        load: Option<&LoadSpec>,
        settings: &Settings,
    ) -> Option<Answer> {
        load?;
        let Some(own) = &self.own else {
            return Some(unknown(NO_METRICS));
        };
        let (track, peak, _) = expected_load(own, load)?;
        let Some((cpu, _)) = process.cpu() else {
            return Some(unknown(NOT_SEEN));
        };
        let most = settings.level(&kinds::CPU_HIGH_AT_PEAK).begins;
        Some(cpu_high_at_peak(cpu, track, peak, most))
    }
}

/// A service is failing if one in this many requests fails.
const FAILING_OF: u64 = 50;

/// Without requests the service is not failing. Counts of the service's own metrics may be
/// arbitrarily large.
fn is_failing(lately: Errors) -> bool {
    lately.total > 0 && lately.errors >= lately.total.div_ceil(FAILING_OF)
}

/// The mean of the last hour, if at least half of it is known.
fn mean_of_hour(track: &Track) -> Option<f64> {
    const WINDOWS: usize = 12;
    let known = track.known(WINDOWS);
    let is_enough = known.len() * 2 >= WINDOWS;
    is_enough.then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The load by the minute, with its expected peak.
fn expected_load<'a>(
    own: &'a MetricsHistory,
    load: Option<&LoadSpec>,
) -> Option<(&'a Track, f64, &'static str)> {
    let load = load?;
    let rate = load.peak_rate;
    let rate = rate.map(|peak| (&own.traffic_by_minute, peak, "requests/s"));
    let users = load.peak_users.map(f64::from);
    rate.or(users.map(|peak| (&own.connections_by_minute, peak, "concurrent users")))
}
