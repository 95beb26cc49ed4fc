//! The published state of the ledger at one time, shared with it. The ledger copies what it changes
//! afterwards, and values are computed when they are read, so a view of thousands of services costs
//! almost nothing until it is read.

use super::index::Index;
use super::numbers::{LiveObjective, LiveProbe, LiveService};
use super::service::ServiceState;
use super::snapshot::{ProbeAttempts, ServiceView, Snapshot};
use crate::alert::{AlertRecord, AlertRules, MAINTAINED_FOR};
use crate::outcome::{Measures, ProbeKey, Timestamp};
use crate::slo::correction::Correction;
use crate::stats::scale::Scale;
use crate::store::Ahead;
use std::sync::Arc;

/// The state at one time.
#[derive(Debug, Default)]
pub struct LedgerView {
    pub at: Timestamp,
    /// All active corrections.
    pub corrections: Arc<[Correction]>,
    /// The alert rules of the config whose objectives it has.
    pub rules: Arc<AlertRules>,
    /// Stored outcomes in the future, which are not counted yet: the clock was ahead.
    pub ahead: Ahead,
    pub(super) services: Vec<Arc<ServiceState>>,
    pub(super) index: Arc<Index>,
    /// The buckets of all latency quantiles.
    pub(super) scale: Scale,
}

impl LedgerView {
    /// All values.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: self.at,
            corrections: self.corrections.clone(),
            ahead: self.ahead,
            services: self.services().collect(),
        }
    }

    /// The values of each service, one after the other.
    pub fn services(&self) -> impl Iterator<Item = ServiceView> {
        let mut merged = Vec::new();
        let services = self.services.iter();
        services
            .map(move |service| service.view(self.at, &self.corrections, &self.scale, &mut merged))
    }

    /// The values of one service.
    pub fn service(&self, name: &str) -> Option<ServiceView> {
        let service = self.state(name)?;
        Some(service.view(self.at, &self.corrections, &self.scale, &mut Vec::new()))
    }

    /// The newest attempts of each of a service's own probes that makes requests. Durations of
    /// other probes, such as the age of a heartbeat, do not describe the service.
    pub fn attempts(&self, service: &str) -> impl Iterator<Item = ProbeAttempts<'_>> {
        let service = self.state(service);
        let probes = service.into_iter().flat_map(|service| &service.probes);
        probes.filter_map(|probe| probe.requests())
    }

    /// One service, whose values are computed individually.
    pub fn live(&self, name: &str) -> Option<LiveService<'_>> {
        let state = self.state(name)?;
        let now = self.at;
        Some(LiveService { state, now })
    }

    fn state(&self, service: &str) -> Option<&ServiceState> {
        let state = self.services.get(self.index.service(service)?)?;
        Some(state)
    }

    /// The services whose own probes failed recently during a maintenance, with the time of the
    /// last failure.
    pub fn maintained(&self) -> impl Iterator<Item = (Arc<str>, Timestamp)> {
        let services = self
            .services
            .iter()
            .filter(|_| !self.corrections.is_empty());
        services.filter_map(|service| {
            let at = service.last_failure()?;
            let is_recent = at >= self.at.before(MAINTAINED_FOR);
            let maintenance = || service.maintenance(at, &self.corrections);
            (is_recent && maintenance().is_some()).then(|| (service.name.clone(), at))
        })
    }

    /// Whether corrections currently exclude a whole service.
    pub fn is_in_maintenance(&self, service: &str) -> bool {
        let state = self.state(service).filter(|_| !self.corrections.is_empty());
        state.is_some_and(|state| state.maintenance(self.at, &self.corrections).is_some())
    }

    /// The alerts whose subject corrections currently exclude: their objective, or the whole service of a
    /// warning sign.
    pub fn in_maintenance<'a>(
        &self,
        alerts: &'a [AlertRecord],
    ) -> impl Iterator<Item = &'a AlertRecord> {
        let next = Timestamp(self.at.0 + 1);
        let all = self.corrections.iter();
        let current: Vec<&Correction> = all
            .filter(|one| !one.occurrences(self.at, next).is_empty())
            .collect();
        // Usually there are none.
        let alerts = if current.is_empty() { &[] } else { alerts };
        alerts.iter().filter(move |alert| {
            let service = &*alert.key.service;
            let excludes = |slo: &str| current.iter().any(|one| one.concerns(service, slo));
            match (alert.key.slo(), self.state(service)) {
                (Some(slo), _) => excludes(slo),
                (None, Some(state)) => {
                    state.objective_names().all(excludes)
                        && current.iter().any(|one| one.is_for(service))
                }
                (None, None) => false,
            }
        })
    }

    /// The names of all services.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|service| &*service.name)
    }

    /// What the outcomes of a probe measure; `None` if it is not configured.
    pub fn measures(&self, key: &ProbeKey) -> Option<&'static Measures> {
        let service = self.state(&key.service)?;
        let mut own = service.probes.iter().filter(|probe| !probe.borrowed);
        own.find(|probe| probe.key == *key)
            .map(|probe| probe.measures)
    }

    /// Each probe, once.
    pub(super) fn probes(&self) -> impl Iterator<Item = LiveProbe<'_>> + Clone {
        let probes = self.services.iter().flat_map(|service| &service.probes);
        let own = probes.filter(|probe| !probe.borrowed);
        own.map(|state| LiveProbe {
            state,
            now: self.at,
            scale: &self.scale,
        })
    }

    /// Each objective of each service.
    pub fn objectives(&self) -> impl Iterator<Item = LiveObjective<'_>> + Clone {
        let now = self.at;
        self.services.iter().flat_map(move |one| {
            let service = &one.name;
            let objectives = one.objectives.iter();
            objectives.map(move |state| LiveObjective {
                service,
                probes: &one.probes,
                state,
                now,
            })
        })
    }
}
