//! The demo's store before the daemon starts: a generated month, with the alerts that it fired.

use crate::clock::Clock;
use crate::config::Config;
use crate::demo::History;
use crate::ledger::plans;
use crate::outcome::ProbeKey;
use crate::store::{Store, StoreError};
use std::time::{Duration, Instant};

/// What was generated, and how long it took.
pub struct Generated {
    pub outcomes: usize,
    pub took: Duration,
}

/// Writes the month before now into the config's store. Blocks.
pub fn generate(config: &Config) -> Result<Generated, StoreError> {
    let started = Instant::now();
    let mut store = Store::open(&config.store.path)?;
    let plans = plans(config);
    let plan = |key: &ProbeKey| plans.get(key).cloned().unwrap_or_default();
    let history = History::before(Clock::system().now());
    let outcomes = history.store(&mut store, &plan)?;
    history.store_samples(&mut store)?;
    Ok(Generated {
        outcomes,
        took: started.elapsed(),
    })
}
