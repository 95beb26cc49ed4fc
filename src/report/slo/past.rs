//! Every outcome of a service, in the order of time.

use crate::config::ServiceSpec;
use crate::outcome::{Record, Timestamp};
use crate::store::{Store, StoreError};
use crate::units::DAY;

/// Hands over the outcomes of `from..to` that a service watches, a day at a time, so that a long past
/// needs no more memory than a short one. Each comes with its probe's position in
/// [`ServiceSpec::watched`].
pub fn day_by_day(
    service: &ServiceSpec,
    store: &Store,
    from: Timestamp,
    to: Timestamp,
    mut visit: impl FnMut(usize, &Record),
) -> Result<(), StoreError> {
    let mut records: Vec<(usize, Record)> = Vec::new();
    let mut day = from;
    while day < to {
        let next = day.after(DAY).min(to);
        for (probe, spec) in service.watched().enumerate() {
            store.for_each_outcome(&spec.key, day, next, |record| records.push((probe, record)))?;
        }
        // A stable sort of sorted runs: cheap.
        records.sort_by_key(|(_, record)| record.at);
        records
            .drain(..)
            .for_each(|(probe, record)| visit(probe, &record));
        day = next;
    }
    Ok(())
}
