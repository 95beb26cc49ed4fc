//! Counts stored history hour by hour: by hourly counts if these are sufficient, otherwise outcome by outcome.

use super::service::ServiceCounting;
use super::span::Span;
use crate::outcome::{ProbeKey, Record, Timestamp};
use crate::store::{Store, StoreError};
use crate::units::HOUR;
use std::collections::HashMap;
use std::rc::Rc;

/// Counts a span of the store. Only one hour is in memory at a time.
pub fn count(
    services: &mut [ServiceCounting<'_>],
    store: &Store,
    span: Span,
) -> Result<(), StoreError> {
    let index = index(services);
    let pending = store.pending_hours()?;
    for hour in store.kept_hours(span.from, span.elapsed_end())? {
        // Blocks do not contain pending outcomes.
        let finished = !pending.contains(&hour);
        if finished {
            let wanted = |key: &ProbeKey| index.contains_key(key);
            store.for_each_outline(hour, wanted, |key, outline| {
                let outline = outline.map(Rc::new);
                for (service, probe) in index.get(key).into_iter().flatten() {
                    services[*service].outline(hour, *probe, outline.as_ref());
                }
            })?;
        }
        for service in &mut *services {
            if !service.close_hour(hour, finished) {
                outcomes(service, store, hour, span)?;
            }
        }
    }
    Ok(())
}

/// Users of each probe: index of the service, and of the probe within it.
fn index(services: &[ServiceCounting<'_>]) -> HashMap<ProbeKey, Vec<(usize, usize)>> {
    let mut index: HashMap<ProbeKey, Vec<(usize, usize)>> = HashMap::new();
    for (number, service) in services.iter().enumerate() {
        for (probe, spec) in service.spec.watched().enumerate() {
            let places = index.entry(spec.key.clone()).or_default();
            places.push((number, probe));
        }
    }
    index
}

/// Passes a service's outcomes of one hour on, ordered by time.
fn outcomes(
    service: &mut ServiceCounting<'_>,
    store: &Store,
    hour: Timestamp,
    span: Span,
) -> Result<(), StoreError> {
    let (from, to) = (
        hour.max(span.from),
        hour.after(HOUR).min(span.elapsed_end()),
    );
    let mut records: Vec<(usize, Record)> = Vec::new();
    let measurements = service.spec.measurements();
    for (probe, spec) in service.spec.watched().enumerate() {
        let all = store
            .outcomes_of_hour(&spec.key, hour, &measurements)?
            .into_iter();
        let wanted = all.filter(|record| (from..to).contains(&record.at));
        records.extend(wanted.map(|record| (probe, record)));
    }
    // Stable sort of sorted runs, which is fast.
    records.sort_by_key(|(_, record)| record.at);
    for (probe, record) in &records {
        service.record(*probe, record);
    }
    Ok(())
}
