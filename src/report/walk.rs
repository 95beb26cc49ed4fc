//! A store's past, service by service.

use crate::config::{Config, ServiceSpec};
use crate::store::{Store, StoreError};
use std::num::NonZero;
use std::thread;

/// Reads something of each service, in the order of the config: each processor its share of them,
/// with a reader of its own.
pub fn each_share<'c, T: Send>(
    config: &'c Config,
    store: &Store,
    read: impl Fn(&Store, &'c [ServiceSpec]) -> Result<Vec<T>, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = config.services.len().div_ceil(threads).max(1);
    let read = &read;
    thread::scope(|scope| {
        let mut workers = Vec::new();
        for services in config.services.chunks(share) {
            let reader = store.reader()?;
            let work = move || {
                let found = read(&reader, services);
                found.map(|found| (found, reader.unreadable_blocks()))
            };
            let worker = thread::Builder::new().spawn_scoped(scope, work);
            workers.push(worker.map_err(StoreError::io("start a thread that reads the store"))?);
        }
        let mut all = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(part) => {
                    let (found, unreadable) = part?;
                    store.add_unreadable(unreadable);
                    all.extend(found);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(all)
    })
}
