//! The demo's store before the daemon starts: a synthetic month and the alerts it fired.

use crate::clock::Clock;
use crate::config::Config;
use crate::demo::History;
use crate::ledger::plans;
use crate::outcome::ProbeKey;
use crate::store::{CountingPlan, Store, StoreError};
use std::time::{Duration, Instant};

/// Result of the generation.
pub struct Generated {
    pub outcomes: usize,
    pub took: Duration,
}

/// Writes a month of history up to now into the config's store. Blocks.
pub fn generate(config: &Config) -> Result<Generated, StoreError> {
    let started = Instant::now();
    let mut store = Store::open(&config.store.path)?;
    let plans = plans(config);
    let plan = |key: &ProbeKey| {
        let plan = plans.get(key);
        plan.map_or_else(CountingPlan::default, |plan| (**plan).clone())
    };
    let history = History::before(Clock::system().now());
    let outcomes = history.store(&mut store, &plan)?;
    Ok(Generated {
        outcomes,
        took: started.elapsed(),
    })
}
