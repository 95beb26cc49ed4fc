//! What a store kept of a service's past.

use crate::config::ServiceSpec;
use crate::outcome::{Record, Timestamp};
use crate::store::{Store, StoreError};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// Hands over a service's outcomes of `from..to` in the order of time, a day at a time, so that a
/// long past needs no more memory than a short one.
pub fn day_by_day(
    service: &ServiceSpec,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
    mut visit: impl FnMut(&[Record]),
) -> Result<(), StoreError> {
    let mut records = Vec::new();
    let mut day = from;
    while day < to {
        let next = day.after(DAY).min(to);
        records.clear();
        for probe in &service.probes {
            store.for_each_outcome(&probe.key, day, next, |record| records.push(record))?;
        }
        records.sort_by_key(|record| record.at);
        visit(&records);
        day = next;
    }
    Ok(())
}
