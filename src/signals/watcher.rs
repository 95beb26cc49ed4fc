//! All histories, and their findings.

use super::host::HostHistory;
use super::numbers::{ContainerNumbers, MetricNumbers, ProcessNumbers};
use super::outcomes::LastOutcomes;
use super::probes::Attempt;
use super::service::ServiceHistory;
use super::texts::Texts;
use super::usual::UsualValues;
use crate::alert::SignTimings;
use crate::config::{Config, ServiceSpec};
use crate::ledger::LedgerView;
use crate::ledger::snapshot::AttemptView;
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence, kinds};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Time between two evaluations of trends: one 24th of the time that they are evaluated over, for
/// which the false-alarm rates were measured.
const TREND_EVERY_MS: i64 = 300_000;
/// Histories are restarted if the clock is set back by more than this; they tolerate smaller steps,
/// as they do late attempts.
const SET_BACK: Duration = Duration::from_mins(30);
/// The kind of probes that request language models.
pub(super) const LLM: &str = "llm";
/// Maximum time to wait for attempts.
const LATEST: Duration = Duration::from_mins(10);

/// A service that uses at least this share of the host's processors is named.
const MIN_BUSIEST_SHARE: f64 = 0.1;
/// A sign that appears, and then its pending alert, are evaluated within this time, also on a busy machine.
const EVALUATED_WITHIN: Duration = Duration::from_mins(2);
/// Time after which the usual levels at each time of day are learned again.
const LEARN_EVERY: Duration = Duration::from_hours(6);

/// Owned by one task.
#[derive(Debug)]
pub struct Watcher {
    host: HostHistory,
    /// Boxed, since a B-tree of large values wastes about half of its memory.
    services: BTreeMap<Arc<str>, Box<ServiceHistory>>,
    judged: Option<Timestamp>,
    /// When signs were last evaluated.
    looked: Option<Timestamp>,
    /// When usual levels were last learned.
    learned: Option<Timestamp>,
    /// The service to continue learning with, if the last time ended early.
    learns_next: Option<Arc<str>>,
}

impl Default for Watcher {
    fn default() -> Self {
        Self {
            host: HostHistory::new(),
            services: BTreeMap::new(),
            judged: None,
            looked: None,
            learned: None,
            learns_next: None,
        }
    }
}

impl Watcher {
    /// Takes a sample of the system.
    pub fn take(&mut self, system: &SystemView) {
        let at = system.at;
        self.host.take(at, system);
        for metrics in &system.services {
            let history = self.service(&metrics.service);
            history.take_metrics(at, &MetricNumbers::of(metrics));
            history.take_breakers(&metrics.breakers);
            history.take_fullest_pool(metrics.fullest_pool.as_ref());
            history.take_scrape(at, &metrics.scrape);
        }
        for process in &system.processes {
            let history = self.service(&process.service);
            history.take_process(&process.name, at, &ProcessNumbers::of(process));
        }
        for container in &system.containers {
            let history = self.service(&container.service);
            history.take_container(&container.process, at, &ContainerNumbers::of(container));
        }
    }

    /// Restarts all histories if the clock was set back: they would ignore samples until the old
    /// time is reached again.
    pub(super) fn follow_clock(&mut self, now: Timestamp) {
        if self.looked.is_some_and(|last| now.after(SET_BACK) < last) {
            *self = Self::default();
        }
        self.looked = Some(now);
    }

    /// Whether usual levels are due to be learned. Starts learning if so.
    pub(super) fn begins_to_learn(&mut self, now: Timestamp) -> bool {
        let learned = self.learned;
        let is_due = learned.is_none_or(|at| now < at || at.after(LEARN_EVERY) <= now);
        if is_due {
            self.learned = Some(now);
        }
        is_due
    }

    /// The service to start learning with.
    pub(super) fn learns_first(&self) -> Option<&str> {
        self.learns_next.as_deref()
    }

    /// Takes the usual levels of services, and the service to start with next time.
    pub(super) fn take_usual(
        &mut self,
        usual: BTreeMap<Arc<str>, UsualValues>,
        next: Option<Arc<str>>,
    ) {
        self.learns_next = next;
        for (name, usual) in usual {
            self.service(&name).usual = usual;
        }
    }

    /// Takes when each service was last deployed.
    pub(super) fn take_deploys(&mut self, deploys: &BTreeMap<Arc<str>, Timestamp>) {
        for (name, at) in deploys {
            if let Some(history) = self.services.get_mut(name) {
                history.deployed(*at);
            }
        }
    }

    pub(super) const fn host(&mut self) -> &mut HostHistory {
        &mut self.host
    }

    /// Sets when trends were last evaluated before this daemon started.
    pub(super) fn set_judged(&mut self, judged: Option<Timestamp>) {
        self.judged = self.judged.max(judged);
    }

    pub(super) fn service(&mut self, name: &Arc<str>) -> &mut ServiceHistory {
        let known = self.services.entry(name.clone());
        known.or_insert_with(|| Box::new(ServiceHistory::new(name.clone())))
    }

    /// Evaluates all enabled signs.
    pub fn findings(&mut self, config: &Config, ledger: &LedgerView, now: Timestamp) -> Findings {
        self.follow_clock(now);
        let names: BTreeSet<&Arc<str>> = config.services.iter().map(|one| &one.name).collect();
        self.services.retain(|name, _| names.contains(name));
        for spec in &config.services {
            self.take_attempts(spec, ledger, now);
            let history = self.service(&spec.name);
            let before = std::mem::take(&mut history.outcomes);
            history.outcomes = LastOutcomes::of(ledger, spec, now, before);
            history.is_maintained = ledger.is_in_maintenance(&spec.name);
            history.reported_after = reported_after(&config.alerts.signs, &spec.name);
        }
        self.advance(config, now);
        let settings = &config.signals;
        let mut all = self.host.findings(settings);
        all.retain(|one| settings.is_on(one.kind));
        let is_busy =
            |one: &&mut Finding| *one.kind == kinds::CPU_HIGH && one.presence == Presence::Active;
        if let (Some(one), Some(by)) = (all.iter_mut().find(is_busy), self.busiest()) {
            one.evidence = format!("{}; {by}", one.evidence).into();
        }
        let mut indicators = Vec::new();
        let mut texts = Texts::default();
        for spec in &config.services {
            let mut found = Vec::new();
            if let Some(history) = self.services.get_mut(&spec.name) {
                history.share(&mut texts);
                found = history.findings(spec.load.as_deref(), &spec.signals, now);
                let judged = history.indicators(&found).into_iter();
                indicators.extend(judged.map(|one| texts.indicator(one)));
            }
            let found = found.into_iter();
            let wanted = found.filter(|one| spec.signals.is_on(one.kind));
            all.extend(wanted.map(|one| texts.finding(one)));
        }
        all.shrink_to_fit();
        indicators.shrink_to_fit();
        Findings {
            at: now,
            all,
            indicators,
        }
    }

    /// Which of the observed processes used most of the host's processors in the last minute, if their
    /// share is large.
    fn busiest(&self) -> Option<String> {
        let each = self.services.values().flat_map(|service| {
            let processes = service.processes.iter();
            processes.filter_map(|(name, one)| Some((one.cpu_of_host.last()?, &service.name, name)))
        });
        let (used, service, name) = each.max_by(|(one, ..), (other, ..)| one.total_cmp(other))?;
        let percent = used * 100.0;
        (used >= MIN_BUSIEST_SHARE).then(|| {
            format!("of the observed processes, {service} ({name}) used most: {percent:.0}%")
        })
    }

    /// Advances all histories to a time, and evaluates the trends if due.
    pub(super) fn advance(&mut self, config: &Config, now: Timestamp) {
        // The last samples may not have arrived yet.
        let sampled = now.before(config.observe.interval * 2);
        self.host.advance(sampled);
        for spec in &config.services {
            let history = self.service(&spec.name);
            history.move_on(sampled, probed_until(spec, now), spec);
        }
        let is_due = self
            .judged
            .is_none_or(|at| (now.0 - at.0).abs() >= TREND_EVERY_MS);
        if is_due {
            self.judged = Some(now);
            for spec in &config.services {
                self.service(&spec.name).judge_trends(&spec.signals);
            }
            self.host.judge_trends(&config.signals);
        }
    }

    /// Takes the attempts of a service's own probes since the last call.
    fn take_attempts(&mut self, spec: &ServiceSpec, ledger: &LedgerView, now: Timestamp) {
        let until = probed_until(spec, now);
        let counts_llm = counts_llm(spec);
        let history = self.service(&spec.name);
        let mut new: Vec<Attempt<'_>> = Vec::new();
        for probe in ledger.attempts(&spec.name) {
            let taken = history.probes.taken(probe.name);
            let is_new =
                |one: &AttemptView| one.at <= until && taken.is_none_or(|taken| taken < one.at);
            let attempts = probe.attempts.iter().filter(is_new);
            new.extend(attempts.map(|one| Attempt {
                probe: probe.name,
                at: one.at,
                verdict: one.verdict,
                latency: one.latency,
                is_llm: probe.is_llm,
            }));
        }
        new.sort_by_key(|one| one.at);
        history.take_attempts(&new, counts_llm);
    }
}

/// How long the processes of a service must be gone until the alert about it has fired.
pub(super) fn reported_after(timings: &SignTimings, service: &str) -> Duration {
    let timing = timings.of_sign(service, kinds::PROCESS_GONE.name);
    timing.pending + EVALUATED_WITHIN
}

/// Whether attempts of language models count for the service, which is the case if it has no other
/// probes.
pub(super) fn counts_llm(spec: &ServiceSpec) -> bool {
    spec.probes.iter().all(|probe| probe.kind == LLM)
}

/// The time until which the attempts of a service's probes are complete: some wait for control
/// probes.
fn probed_until(spec: &ServiceSpec, now: Timestamp) -> Timestamp {
    let intervals = spec.probes.iter().map(|probe| probe.interval);
    let longest = intervals.max().unwrap_or_default();
    now.before((longest * 3).min(LATEST))
}

#[cfg(test)]
mod tests;
