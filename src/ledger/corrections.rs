//! The active corrections: those of the config and those added at runtime.

use crate::config::Config;
use crate::slo::correction::Correction;
use crate::store::{Store, StoreError};

/// Returns the corrections of the config, then those of the store.
pub fn in_force(config: &Config, store: &Store) -> Result<Vec<Correction>, StoreError> {
    let mut all = config.corrections.clone();
    all.extend(store.corrections()?);
    Ok(all)
}
