//! The recent history of one service, and its warning signs.

use super::finding;
use super::numbers::{ContainerNumbers, MetricNumbers, ProcessNumbers};
use super::own::MetricsHistory;
use super::probes::{Attempt, ProbesHistory};
use super::process::{GROWTH_WINDOW, GROWTH_WINDOWS, ProcessHistory, RECENT};
use super::provider::ProviderHistory;
use super::texts::Texts;
use super::usual::{Learned, Usuals};
use crate::config::{LoadSpec, ServiceSpec};
use crate::outcome::Timestamp;
use crate::signal::rules::{
    Answer, COUNTED, Confirmed, Grows, Meanwhile, Numbers, QUEUE_CONFIRMATIONS, breaker_open,
    counted, cpu_high_at_peak, errors_climbing, growing, is_slower, latency_rising,
    latency_unusual, load_high, pool_exhausted, provider_failing, provider_slow, throughput_low,
};
use crate::signal::{Finding, Keep, Presence, Settings, SignalKind, Track, kinds};
use crate::trend::{CONFIRMATIONS, Errors, GrowthRules};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is remembered of a service.
#[derive(Debug)]
pub(super) struct ServiceHistory {
    pub(super) name: Arc<str>,
    /// Of its own metrics; only a service that has some pays for it.
    pub(super) own: Option<Box<MetricsHistory>>,
    pub(super) probes: ProbesHistory,
    pub(super) processes: BTreeMap<Arc<str>, ProcessHistory>,
    /// What is usual at each time of day.
    pub(super) usual: Usuals,
    /// Trends that were found in a row, by sign and subject.
    confirmed: Vec<(&'static str, Arc<str>, Confirmed)>,
    /// What the last evaluation of the trends found.
    trends: Vec<Finding>,
    /// Signs that are there, so that they clear lower than they begin.
    active: Vec<(&'static str, Arc<str>)>,
}

/// Why nothing is known of what only a service's own metrics show.
const NO_METRICS: &str = "`metrics` is not configured for the service, or was not read yet";

impl ServiceHistory {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            own: None,
            probes: ProbesHistory::default(),
            processes: BTreeMap::new(),
            usual: Usuals::default(),
            confirmed: Vec::new(),
            trends: Vec::new(),
            active: Vec::new(),
        }
    }

    pub(super) fn take_metrics(&mut self, at: Timestamp, numbers: &MetricNumbers) {
        if self.own.is_none() {
            // There is more to judge than before.
            self.trends.clear();
        }
        self.own.get_or_insert_default().take(at, numbers);
    }

    pub(super) fn take_process(&mut self, name: &Arc<str>, at: Timestamp, now: &ProcessNumbers) {
        self.process(name).take(at, now);
    }

    pub(super) fn take_container(
        &mut self,
        name: &Arc<str>,
        at: Timestamp,
        now: &ContainerNumbers,
    ) {
        self.process(name).take_container(at, now);
    }

    fn process(&mut self, name: &Arc<str>) -> &mut ProcessHistory {
        let known = self.processes.entry(name.clone());
        known.or_insert_with(|| {
            // There is more to judge than before.
            self.trends.clear();
            ProcessHistory::new()
        })
    }

    /// Takes attempts of its probes, in the order of their times. Those that were taken before are
    /// left out.
    pub(super) fn take_attempts(&mut self, attempts: &[Attempt<'_>], counts_llm: bool) {
        for attempt in attempts {
            let taken = self.probes.taken(attempt.probe);
            if taken.is_none_or(|taken| taken < attempt.at) {
                self.probes.take(*attempt, counts_llm);
            }
        }
    }

    /// Moves on to the moments that samples and attempts are known of, also without any, and forgets
    /// what is no longer configured.
    pub(super) fn move_on(&mut self, sampled: Timestamp, probed: Timestamp, spec: &ServiceSpec) {
        self.advance(sampled, spec);
        self.probes.advance(probed);
    }

    /// Growth is looked for from the last deployment on, so that its step is no leak. Response times and
    /// errors go on: a version that makes them worse is what they are watched for.
    pub(super) fn deployed(&mut self, at: Timestamp) {
        if let Some(own) = &mut self.own {
            own.deployed(at);
        }
        for process in self.processes.values_mut() {
            process.deployed(at);
        }
    }

    fn advance(&mut self, now: Timestamp, spec: &ServiceSpec) {
        if spec.metrics.is_none() {
            self.own = None;
        }
        let is_known = |name: &Arc<str>| spec.processes.iter().any(|one| one.name == *name);
        self.processes.retain(|name, _| is_known(name));
        let is_probed = |name: &str| spec.probes.iter().any(|one| *one.key.probe == *name);
        self.probes.retain(is_probed);
        if let Some(own) = &mut self.own {
            own.advance(now);
        }
        for process in self.processes.values_mut() {
            process.advance(now);
        }
    }

    /// Whose response times are known: its own metrics first.
    fn latency(&self) -> (&Track, Numbers) {
        let own = self.own.as_ref().map(|own| &own.p95);
        let own = own.filter(|p95| !p95.known(usize::MAX).is_empty());
        own.map_or((&self.probes.p95, Numbers::Probes), |p95| {
            (p95, Numbers::Own)
        })
    }

    /// Whose errors are known, likewise.
    pub(super) fn errors(&self) -> (&super::counts::Counts, Numbers) {
        let own = self.own.as_ref().map(|own| &own.errors);
        let own = own.filter(|errors| errors.windows().iter().any(|one| one.total > 0));
        own.map_or((&self.probes.errors, Numbers::Probes), |errors| {
            (errors, Numbers::Own)
        })
    }

    /// Judges the trends again. It is done as often as the false alarms were measured for.
    pub(super) fn judge_trends(&mut self, settings: &Settings) {
        let mut found = self.own_trends(settings);
        let unknown = Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Mean);
        let own = self.own.as_ref();
        let traffic = own.map_or(&unknown, |own| &own.traffic_by_growth);
        for (name, process) in &self.processes {
            let trends = process.trends(traffic, settings);
            found.extend(trends.map(|(kind, answer)| (kind, name.clone(), answer)));
        }
        let mut confirmed = Vec::new();
        let mut before = std::mem::take(&mut self.confirmed);
        let each = found.into_iter().map(|(kind, subject, answer)| {
            let is_it =
                |(name, about, _): &(&str, Arc<str>, _)| *name == kind.name && *about == subject;
            let known = before.iter().position(is_it);
            let mut state = known.map_or_else(Confirmed::default, |at| before.swap_remove(at).2);
            let answer = state.step_of(confirmations(kind), answer);
            let finding = finding(kind, Some(&self.name), &subject, answer);
            if state != Confirmed::default() {
                confirmed.push((kind.name, subject, state));
            }
            finding
        });
        self.trends = each.collect();
        self.confirmed = confirmed;
    }

    /// Shares the texts of what it keeps with other services.
    pub(super) fn share(&mut self, texts: &mut Texts) {
        for one in &mut self.trends {
            texts.share(&mut one.subject);
            texts.share(&mut one.evidence);
        }
    }

    fn own_trends(&self, settings: &Settings) -> Vec<(&'static SignalKind, Arc<str>, Answer)> {
        let least = |kind| settings.level(kind).begins;
        let (p95, by) = self.latency();
        let unknown = Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Mean);
        let own = self.own.as_ref();
        let traffic = own.map_or(&unknown, |own| &own.traffic);
        let latency = latency_rising(p95, traffic, by, least(&kinds::LATENCY_RISING));
        let (errors, by) = self.errors();
        let errors = errors_climbing(&errors.windows(), by, least(&kinds::ERRORS_CLIMBING));
        let mut found: Vec<(_, Arc<str>, _)> = vec![
            (&kinds::LATENCY_RISING, "".into(), latency),
            (&kinds::ERRORS_CLIMBING, "".into(), errors),
        ];
        let Some(own) = own else { return found };
        let (by_growth, by_minute) = (&own.traffic_by_growth, &own.traffic_by_minute);
        for (kind, track, traffic, unit) in [
            (
                &kinds::CONNECTIONS_GROWING,
                &own.connections,
                by_growth,
                "connections",
            ),
            (&kinds::QUEUE_GROWING, &own.queue, by_minute, "waiting"),
        ] {
            let number = Grows {
                track,
                traffic,
                rules: GrowthRules {
                    share: least(kind),
                    ..COUNTED
                },
                unit,
                scale: 1.0,
                limit: None,
            };
            found.push((kind, "".into(), growing(&number)));
        }
        found
    }

    /// All signs as they are now.
    pub(super) fn findings(
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
        match &self.own {
            Some(own) => self.judge_own(own, load, settings, &mut push),
            None => {
                for kind in [
                    &kinds::POOL_EXHAUSTED,
                    &kinds::BREAKER_OPEN,
                    &kinds::CONNECTION_TIMEOUTS,
                ] {
                    push(kind, "", (Presence::Unknown, NO_METRICS.to_owned()));
                }
            }
        }
        for (probe, provider) in &self.probes.providers {
            self.judge_provider(probe, provider, settings, &mut push);
        }
        self.judge_usual(settings, now, &mut push);
        let slows = is_slower(self.latency().0);
        for (name, process) in &self.processes {
            let was = |kind: &SignalKind| self.was_active(kind, name);
            for (kind, answer) in process.recent(settings, was, slows) {
                push(kind, name, answer);
            }
            if let Some(answer) = self.at_peak(process, load, settings) {
                push(&kinds::CPU_HIGH_AT_PEAK, name, answer);
            }
        }
        let active = all.iter().filter(|one| one.presence != Presence::Clear);
        let active = active.filter(|one| {
            // What nobody knows of for a moment stays as it was.
            one.presence == Presence::Active || self.was_active(one.kind, &one.subject)
        });
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

    fn judge_own(
        &self,
        own: &MetricsHistory,
        load: Option<&LoadSpec>,
        settings: &Settings,
        push: &mut dyn FnMut(&'static SignalKind, &str, Answer),
    ) {
        let level = |kind| settings.level(kind);
        let was = |kind| self.was_active(kind, "");
        let kind = &kinds::POOL_EXHAUSTED;
        push(kind, "", pool_exhausted(&own.pool, level(kind), was(kind)));
        let kind = &kinds::BREAKER_OPEN;
        push(kind, "", breaker_open(&own.breaker, level(kind).begins));
        let kind = &kinds::CONNECTION_TIMEOUTS;
        let least = level(kind).begins;
        let timeouts = counted(&own.timeouts, RECENT, least, "connections timed out");
        push(kind, "", timeouts);
        let kind = &kinds::LOAD_HIGH;
        if let Some((track, peak, unit)) = at_peak(own, load) {
            let answer = load_high(track, peak, level(kind), was(kind), unit);
            push(kind, "", answer);
        }
        if let Some(provider) = &own.provider {
            self.judge_provider("", provider, settings, push);
        }
    }

    /// Compares the last hour with what is usual at this time of day.
    fn judge_usual(
        &self,
        settings: &Settings,
        now: Timestamp,
        push: &mut dyn FnMut(&'static SignalKind, &str, Answer),
    ) {
        let (p95, by) = self.latency();
        let learned = match by {
            Numbers::Own => &self.usual.own_p95,
            Numbers::Probes => &self.usual.probes_p95,
        };
        let usual = |learned: &Option<Learned>| learned.as_ref().map(|one| one.at(now));
        let kind = &kinds::LATENCY_UNUSUAL;
        let (level, was) = (settings.level(kind), self.was_active(kind, ""));
        let answer = latency_unusual(mean_of_hour(p95), usual(learned), level, was, by);
        push(kind, "", answer);
        if let Some(own) = &self.own {
            let kind = &kinds::THROUGHPUT_LOW;
            let (level, was) = (settings.level(kind), self.was_active(kind, ""));
            let Errors { errors, total } = self.probes.errors.lately();
            let is_good = errors * FAILING_OF < total.max(1);
            let rate = mean_of_hour(&own.traffic);
            let answer = throughput_low(rate, usual(&self.usual.rate), level, was, is_good);
            push(kind, "", answer);
        }
    }

    fn judge_provider(
        &self,
        subject: &str,
        provider: &ProviderHistory,
        settings: &Settings,
        push: &mut dyn FnMut(&'static SignalKind, &str, Answer),
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

    /// How the service does while its provider is in trouble.
    fn meanwhile(&self) -> Meanwhile {
        let Errors { errors, total } = self.errors().0.lately();
        let p95 = self.latency().0;
        if total == 0 {
            Meanwhile::Unknown
        } else if errors * FAILING_OF >= total {
            Meanwhile::Failing
        } else if is_slower(p95) {
            Meanwhile::Slower
        } else {
            Meanwhile::Usual
        }
    }

    fn at_peak(
        &self,
        process: &ProcessHistory,
        load: Option<&LoadSpec>,
        settings: &Settings,
    ) -> Option<Answer> {
        let (cpu, _) = process.cpu()?;
        let (track, peak, _) = at_peak(self.own.as_ref()?, load)?;
        let most = settings.level(&kinds::CPU_HIGH_AT_PEAK).begins;
        Some(cpu_high_at_peak(cpu, track, peak, most))
    }
}

/// Evaluations in a row in which a trend has to be found.
fn confirmations(kind: &SignalKind) -> u32 {
    if kind.name == kinds::QUEUE_GROWING.name {
        QUEUE_CONFIRMATIONS
    } else {
        CONFIRMATIONS
    }
}

/// A service fails if one of so many requests does.
const FAILING_OF: u64 = 50;

/// The mean of the last hour, if at least half of it is known.
fn mean_of_hour(track: &Track) -> Option<f64> {
    const WINDOWS: usize = 12;
    let known = track.known(WINDOWS);
    let is_enough = known.len() * 2 >= WINDOWS;
    is_enough.then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The load by the minute, with the peak that is expected of it.
fn at_peak<'a>(
    own: &'a MetricsHistory,
    load: Option<&LoadSpec>,
) -> Option<(&'a Track, f64, &'static str)> {
    let load = load?;
    let rate = load.peak_rate;
    let rate = rate.map(|peak| (&own.traffic_by_minute, peak, "requests/s"));
    let users = load.peak_users.map(f64::from);
    rate.or(users.map(|peak| (&own.connections_by_minute, peak, "users at the same time")))
}

#[cfg(test)]
mod tests;
