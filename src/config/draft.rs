//! A config that was read without errors, with source positions: the input of the lints.

use super::keys::service;
use super::model::{
    Config, Inputs, LoadSpec, MetricsSpec, ObserveSpec, ProbeSpec, ProcessSpec, RemoteWriteSpec,
    ScenarioSpec, ServiceSpec, StoreSpec, WebSpec,
};
use super::shard::Shard;
use crate::alert::AlertRules;
use crate::outcome::ProbeKey;
use crate::receiver::{HeartbeatSpec, Routing};
use crate::signal::Settings;
use crate::slo::correction::Correction;
use crate::slo::{EventSource, Objective, Sli, Threshold};
use crate::yaml::{Declared, Node, Section, Spot};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A value and the section that it was read from.
#[derive(Clone)]
pub(super) struct Located<'n, T> {
    pub(super) value: T,
    pub(super) section: Section<'n>,
}

pub(super) struct Draft<'n> {
    pub(super) document: &'n Node,
    pub(super) root: Section<'n>,
    pub(super) listen: SocketAddr,
    pub(super) web: WebSpec,
    pub(super) store: StoreSpec,
    pub(super) max_concurrent_probes: usize,
    pub(super) shard: Shard,
    pub(super) observe: ObserveSpec,
    pub(super) corrections: Vec<Correction>,
    pub(super) alerts: AlertRules,
    pub(super) vantage: Vec<Located<'n, ProbeSpec>>,
    pub(super) signals: Settings,
    pub(super) scenarios: Vec<ScenarioSpec>,
    pub(super) routing: Routing,
    pub(super) heartbeat: Option<HeartbeatSpec>,
    pub(super) remote_writes: Vec<Arc<RemoteWriteSpec>>,
    pub(super) services: Vec<ServiceDraft<'n>>,
}

pub(super) struct ServiceDraft<'n> {
    pub(super) section: Section<'n>,
    pub(super) name: Arc<str>,
    pub(super) description: Arc<str>,
    pub(super) labels: Arc<[(String, String)]>,
    /// Including probes with invalid settings.
    pub(super) probe_names: Vec<String>,
    /// Whether all of its probes are valid.
    pub(super) has_valid_probes: bool,
    pub(super) probes: Vec<Located<'n, ProbeSpec>>,
    /// Probes of other services that its objectives name.
    pub(super) borrowed: Vec<Located<'n, ProbeSpec>>,
    /// Names of objectives with invalid settings, which other parts may refer to.
    pub(super) invalid_objectives: Vec<String>,
    pub(super) objectives: Vec<Located<'n, Arc<Objective>>>,
    pub(super) processes: Vec<ProcessSpec>,
    pub(super) metrics: Option<Arc<MetricsSpec>>,
    pub(super) load: Option<Box<LoadSpec>>,
    pub(super) signals: Settings,
    /// The number of its shard.
    pub(super) shard: u32,
}

impl<T> Located<'_, T> {
    pub(super) fn spot_of(&self, key: &dyn Declared) -> Spot {
        self.section.spot_of(key)
    }
}

impl<'n> ServiceDraft<'n> {
    /// Including objectives with invalid settings.
    pub(super) fn objective_names(&self) -> impl Iterator<Item = &str> {
        let valid = self.objectives.iter().map(|one| one.value.name.as_str());
        valid.chain(self.invalid_objectives.iter().map(String::as_str))
    }

    /// The probes that count for an objective.
    pub(super) fn counting<'s>(
        &'s self,
        objective: &'s Objective,
    ) -> impl Iterator<Item = &'s Located<'n, ProbeSpec>> {
        let counts = |probe: &&Located<'n, ProbeSpec>| {
            let ProbeSpec { key, measures, .. } = &probe.value;
            objective.weight_of(&self.name, key, measures).is_some()
        };
        self.probes.iter().chain(&self.borrowed).filter(counts)
    }

    /// Whether it has metrics and no probes of its own.
    pub(super) fn is_only_scraped(&self) -> bool {
        self.probe_names.is_empty() && self.section.has(&service::METRICS)
    }

    /// Adds the thresholds of the objectives that count real requests to the service's metrics.
    fn place_thresholds_of_metrics(&mut self) {
        let Some(metrics) = &mut self.metrics else {
            return;
        };
        let objectives = self.objectives.iter().map(|placed| &placed.value);
        let counting = objectives.filter(|one| one.source == EventSource::Metrics);
        let mut thresholds: Vec<Duration> = counting
            .filter_map(|objective| match objective.sli {
                Sli::Latency { below, .. } => Some(below),
                _ => None,
            })
            .collect();
        thresholds.sort_unstable();
        thresholds.dedup();
        Arc::make_mut(metrics).thresholds = thresholds.into();
    }
}

impl Draft<'_> {
    pub(super) fn into_config(mut self, inputs: Inputs) -> Config {
        self.place_thresholds();
        for service in &mut self.services {
            service.place_thresholds_of_metrics();
        }
        let services = self.services.into_iter().map(|service| ServiceSpec {
            name: service.name,
            description: service.description,
            labels: service.labels,
            probes: values(service.probes),
            borrowed: values(service.borrowed),
            objectives: values(service.objectives),
            processes: service.processes,
            metrics: service.metrics,
            load: service.load,
            signals: service.signals,
            shard: service.shard,
        });
        let mut services: Vec<_> = services.collect();
        // Collected into the larger allocation of the draft, which grew by doubling.
        services.shrink_to_fit();
        Config {
            listen: self.listen,
            web: self.web,
            store: self.store,
            max_concurrent_probes: self.max_concurrent_probes,
            shard: self.shard,
            observe: self.observe,
            corrections: self.corrections,
            alerts: Arc::new(self.alerts),
            vantage: values(self.vantage),
            signals: self.signals,
            scenarios: self.scenarios,
            services,
            elsewhere: BTreeMap::new(),
            routing: Arc::new(self.routing),
            heartbeat: self.heartbeat,
            remote_writes: self.remote_writes,
            inputs,
        }
    }

    /// Adds to every probe the latency thresholds of its own service's objectives and of those of
    /// other services that count it.
    fn place_thresholds(&mut self) {
        let mut thresholds: HashMap<ProbeKey, Vec<Threshold>> = HashMap::new();
        for service in &self.services {
            for objective in service.objectives.iter().map(|placed| &placed.value) {
                if let Some(threshold) = objective.sli.threshold() {
                    for probe in service.counting(objective) {
                        let key = probe.value.key.clone();
                        thresholds.entry(key).or_default().push(threshold);
                    }
                }
            }
        }
        let probes = self.services.iter_mut();
        for probe in probes.flat_map(|service| &mut service.probes) {
            if let Some(found) = thresholds.remove(&probe.value.key) {
                probe.value.thresholds = found.into();
            }
        }
    }
}

/// The values in a new allocation: `collect` would reuse the larger one of the placed values.
fn values<T>(placed: Vec<Located<'_, T>>) -> Vec<T> {
    let mut values = Vec::with_capacity(placed.len());
    values.extend(placed.into_iter().map(|placed| placed.value));
    values
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_services_of_a_config_have_no_spare_room() {
        let service = |number| {
            format!(
                "  - {{ name: s{number}, probes: [{{ name: p, tcp: {{ address: \"h:1\" }} }}] }}\n"
            )
        };
        let services: String = (0..5).map(service).collect();
        let config: Config = format!("services:\n{services}").parse().expect("valid");
        assert_eq!((config.services.len(), config.services.capacity()), (5, 5));
    }
}
