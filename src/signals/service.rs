//! The recent history of one service.

mod charts;
mod now;
mod trends;
mod unknown;

pub(super) use unknown::nothing_by;

use super::counts::Counts;
use super::numbers::{ContainerNumbers, MetricNumbers, ProcessNumbers};
use super::outcomes::LastOutcomes;
use super::own::MetricsHistory;
use super::probes::{Attempt, ProbesHistory};
use super::process::ProcessHistory;
use super::texts::Texts;
use super::usual::UsualValues;
use crate::config::ServiceSpec;
use crate::observe::scrape::{BreakerView, ScrapeView};
use crate::outcome::Timestamp;
use crate::signal::rules::{Confirmation, Numbers};
use crate::signal::{Finding, SILENCE, Track};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The recent history of a service.
#[derive(Debug)]
pub(super) struct ServiceHistory {
    pub(super) name: Arc<str>,
    /// Of its own metrics; allocated only for a service that has some.
    pub(super) own: Option<Box<MetricsHistory>>,
    pub(super) probes: ProbesHistory,
    pub(super) outcomes: LastOutcomes,
    pub(super) processes: BTreeMap<Arc<str>, ProcessHistory>,
    /// The usual levels at each time of day.
    pub(super) usual: UsualValues,
    /// Trends found in consecutive evaluations, by sign and subject.
    confirmed: Vec<(&'static str, Arc<str>, Confirmation)>,
    /// The results of the last evaluation of trends.
    trends: Vec<Finding>,
    /// Active signs, for hysteresis.
    active: Vec<(&'static str, Arc<str>)>,
    /// At least some of its probes are due within this time.
    probed_for: Duration,
    /// Whether it has no probes of its own.
    pub(super) is_unprobed: bool,
    /// Whether it is in maintenance.
    pub(super) is_maintained: bool,
    /// The alert of a sign that has been active for this long has fired.
    pub(super) reported_after: Duration,
    /// The time until which samples are complete.
    sampled: Timestamp,
}

impl ServiceHistory {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            own: None,
            probes: ProbesHistory::default(),
            outcomes: LastOutcomes::default(),
            processes: BTreeMap::new(),
            usual: UsualValues::default(),
            confirmed: Vec::new(),
            trends: Vec::new(),
            active: Vec::new(),
            probed_for: SILENCE,
            is_unprobed: false,
            is_maintained: false,
            reported_after: Duration::MAX,
            sampled: Timestamp(0),
        }
    }

    pub(super) fn take_metrics(&mut self, at: Timestamp, numbers: &MetricNumbers) {
        if self.own.is_none() {
            // There is more to evaluate than before.
            self.trends.clear();
        }
        self.own.get_or_insert_default().take(at, numbers);
    }

    /// Takes the circuit breakers that are open or opened recently.
    pub(super) fn take_breakers(&mut self, breakers: &[BreakerView]) {
        let known = &mut self.own.get_or_insert_default().breakers;
        if *known != breakers {
            *known = breakers.to_vec();
        }
    }

    /// Takes the name of the fullest of several database pools.
    pub(super) fn take_fullest_pool(&mut self, name: Option<&Arc<str>>) {
        self.own.get_or_insert_default().fullest_pool = name.cloned();
    }

    /// Takes the result of the last scrape before a sample.
    pub(super) fn take_scrape(&mut self, at: Timestamp, scrape: &ScrapeView) {
        let own = self.own.get_or_insert_default();
        own.unread.take(at, scrape);
    }

    pub(super) fn take_process(&mut self, name: &Arc<str>, at: Timestamp, now: &ProcessNumbers) {
        if self.process(name).take(at, now) {
            self.usual.restarted(name);
        }
    }

    pub(super) fn take_container(
        &mut self,
        name: &Arc<str>,
        at: Timestamp,
        now: &ContainerNumbers,
    ) {
        self.process(name).take_container(at, now);
    }

    /// Takes when processes were last seen before the samples.
    pub(super) fn take_seen(&mut self, name: &Arc<str>, at: Timestamp) {
        self.process(name).running.seen_at(at);
    }

    fn process(&mut self, name: &Arc<str>) -> &mut ProcessHistory {
        let known = self.processes.entry(name.clone());
        known.or_insert_with(|| {
            // There is more to evaluate than before.
            self.trends.clear();
            ProcessHistory::new()
        })
    }

    /// Takes attempts of its probes, in order of time. Attempts taken before are skipped.
    pub(super) fn take_attempts(&mut self, attempts: &[Attempt<'_>], counts_llm: bool) {
        for attempt in attempts {
            let taken = self.probes.taken(attempt.probe);
            if taken.is_none_or(|taken| taken < attempt.at) {
                self.probes.take(*attempt, counts_llm);
            }
        }
    }

    /// Advances to the times until which samples and attempts are complete, and removes what is no
    /// longer configured.
    pub(super) fn move_on(&mut self, sampled: Timestamp, probed: Timestamp, spec: &ServiceSpec) {
        self.advance(sampled, spec);
        self.probes.advance(probed);
        let intervals = spec.probes.iter().map(|probe| probe.interval);
        let shortest = intervals.min().unwrap_or_default();
        self.probed_for = SILENCE.max(shortest * 3);
        self.is_unprobed = spec.probes.is_empty();
    }

    /// Restarts the evaluation of growth at a deployment, so that its step is not taken for a leak.
    /// Response times and errors continue, since a version that makes them worse must be detected.
    pub(super) fn deployed(&mut self, at: Timestamp) {
        self.usual.deployed(at);
        if let Some(own) = &mut self.own {
            own.deployed(at);
        }
        for process in self.processes.values_mut() {
            process.deployed(at);
        }
    }

    fn advance(&mut self, now: Timestamp, spec: &ServiceSpec) {
        self.sampled = now;
        if spec.metrics.is_none() {
            self.own = None;
        }
        let is_known = |name: &Arc<str>| spec.processes.iter().any(|one| one.name == *name);
        self.processes.retain(|name, _| is_known(name));
        // Processes that were never seen have findings too, which say so.
        for one in &spec.processes {
            self.process(&one.name);
        }
        let is_probed = |name: &str| spec.probes.iter().any(|one| *one.key.probe == *name);
        self.probes.retain(is_probed);
        if let Some(own) = &mut self.own {
            own.advance(now);
        }
        for process in self.processes.values_mut() {
            process.advance(now);
        }
    }

    /// Its own metrics, unless they cannot be read.
    pub(super) fn readable(&self) -> Option<&MetricsHistory> {
        let own = self.own.as_deref();
        own.filter(|own| own.unread.why().is_none())
    }

    /// How long data remains valid without a new sample.
    pub(super) const fn known_for(&self, numbers: Numbers) -> Duration {
        match numbers {
            Numbers::Own => SILENCE,
            Numbers::Probes => self.probed_for,
        }
    }

    /// The track of response times and its source: its own metrics if they have them.
    fn latency(&self) -> (&Track, Numbers) {
        let own = self.readable().map(|own| &own.p95);
        let own = own.filter(|p95| !p95.known(usize::MAX).is_empty());
        own.map_or((&self.probes.p95, Numbers::Probes), |p95| {
            (p95, Numbers::Own)
        })
    }

    /// The errors and their source: its own metrics if they have them.
    pub(super) fn errors(&self) -> (&Counts, Numbers) {
        let own = self.readable().map(|own| &own.errors);
        let own = own.filter(|errors| errors.windows().iter().any(|one| one.total > 0));
        own.map_or((&self.probes.errors, Numbers::Probes), |errors| {
            (errors, Numbers::Own)
        })
    }

    /// Shares its texts with other services.
    pub(super) fn share(&mut self, texts: &mut Texts) {
        for one in &mut self.trends {
            texts.share(&mut one.subject);
            texts.share(&mut one.evidence);
        }
    }
}

#[cfg(test)]
mod tests;
