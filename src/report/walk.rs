//! Reads the history of several services in parallel.

use crate::config::{Config, ServiceSpec};
use crate::store::{Store, StoreError};
use crate::tasks::threads;
use std::num::NonZero;
use std::thread;

/// Reads each service, in config order: the services are divided among the CPUs, each with its own reader.
pub fn each_share<'c, T: Send>(
    config: &'c Config,
    store: &Store,
    read: impl Fn(&Store, &'c [ServiceSpec]) -> Result<Vec<T>, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let share = config.services.len().div_ceil(processors).max(1);
    let parts: Result<Vec<_>, _> = config
        .services
        .chunks(share)
        .map(|services| Ok((store.reader()?, services)))
        .collect();
    let read = |(reader, services): (Store, &'c [ServiceSpec])| {
        let found = read(&reader, services);
        found.map(|found| (found, reader.unreadable_blocks()))
    };
    let mut all = Vec::new();
    for part in threads::each(parts?, read) {
        let (found, unreadable) = part?;
        store.add_unreadable(unreadable);
        all.extend(found);
    }
    Ok(all)
}
