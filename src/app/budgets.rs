//! The token budgets of a config's probes, and what was spent of them so far.

use crate::config::Config;
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::llm::LlmProbe;
use crate::probe::of_type;
use crate::store::{Store, StoreError};
use std::time::Duration;

/// The longest local day, at the end of daylight saving time, plus one hour.
const LONGEST_DAY: Duration = Duration::from_hours(26);

/// The probes that have a budget.
pub(super) fn budgeted(config: &Config) -> impl Iterator<Item = (&ProbeKey, &LlmProbe)> {
    let probes = config.probes();
    let probes = probes.filter_map(|spec| Some((&spec.key, of_type::<LlmProbe>(&*spec.probe)?)));
    probes.filter(|(_, probe)| probe.has_budget())
}

/// Lets the probes of a new config continue the budgets of those that they replace, including
/// attempts that are still running. Returns the probes that replace none.
pub(super) fn continue_budgets<'a>(
    config: &'a Config,
    old: &Config,
) -> Vec<(&'a ProbeKey, &'a LlmProbe)> {
    let continues = |(key, probe): &(&ProbeKey, &LlmProbe)| {
        let mut before = budgeted(old);
        let same = before.find(|(old_key, _)| old_key == key);
        same.map(|(_, old)| probe.continue_from(old)).is_some()
    };
    budgeted(config).filter(|probe| !continues(probe)).collect()
}

/// Restores what was spent on the current day, from the outcomes in the store.
pub(super) fn recall<'a>(
    probes: impl IntoIterator<Item = (&'a ProbeKey, &'a LlmProbe)>,
    store: &Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (key, probe) in probes {
        let outcomes = store.outcomes(key, now.before(LONGEST_DAY), Timestamp(now.0 + 1))?;
        probe.recall(&outcomes, now);
    }
    Ok(())
}

/// The same for attempts outside of the daemon.
pub fn recall_budgets(config: &Config, now: Timestamp) -> Result<(), StoreError> {
    if budgeted(config).next().is_some() {
        let store = Store::open_read_only(&config.store.path)?;
        recall(budgeted(config), &store, now)?;
    }
    Ok(())
}
