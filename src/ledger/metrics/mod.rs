//! Metric families of all services: each declared once, with the function that reads it from live
//! state.

mod objectives;
mod probes;

use super::llm;
use super::numbers::{LiveObjective, LiveProbe};
use super::service::ServiceState;
use super::view::LedgerView;
use crate::exposition::{Described, Family, Labels, Sink, gauge, write_each};
pub use objectives::EXPORTED_WINDOWS;
use objectives::{OBJECTIVES, ObjectiveNumbers};
use probes::PROBES;
use std::sync::Arc;

const SERVICES: &[Described<Arc<ServiceState>>] = &[gauge(
    "slod_service_info",
    "",
    &["service"],
    "The service's configured labels, in addition to `service`; always 1. For joins such as `slod_probe_success * on (service) group_left (team) slod_service_info`.",
    |samples, _service| samples.count(1),
)];

/// All families of the services, for the docs.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let services = SERVICES.iter().map(|(family, _)| family);
    let probes = PROBES.iter().map(|(family, _)| family);
    let objectives = OBJECTIVES.iter().map(|(family, _)| family);
    services
        .chain(probes)
        .chain(llm::families())
        .chain(objectives)
}

/// Writes all families of the services.
pub fn write(sink: &mut dyn Sink, view: &LedgerView) {
    let label = |labels: &mut Labels, service: &&Arc<ServiceState>| {
        labels.push("service", &service.name);
        for (name, value) in &*service.labels {
            labels.push(name, value);
        }
    };
    write_each(
        sink,
        SERVICES,
        &view.services.iter(),
        label,
        |write, samples, service| {
            write(samples, service);
        },
    );
    let asking = view.probes();
    llm::write(
        sink,
        &asking.filter_map(|probe| Some((&probe.state.key, probe.state.llm.as_deref()?))),
    );
    let label = |labels: &mut Labels, probe: &LiveProbe<'_>| {
        labels.push("service", &probe.state.key.service);
        labels.push("probe", &probe.state.key.probe);
    };
    write_each(
        sink,
        PROBES,
        &view.probes(),
        label,
        |write, samples, probe| {
            write(samples, probe);
        },
    );
    let computed: Vec<ObjectiveNumbers> = view.objectives().map(|slo| (&slo).into()).collect();
    let label = |labels: &mut Labels, (slo, _): &(LiveObjective<'_>, &ObjectiveNumbers)| {
        labels.push("service", slo.service());
        labels.push("slo", &slo.objective().name);
    };
    let items = view.objectives().zip(&computed);
    write_each(
        sink,
        OBJECTIVES,
        &items,
        label,
        |write, samples, (slo, computed)| {
            write(samples, slo, computed);
        },
    );
}
