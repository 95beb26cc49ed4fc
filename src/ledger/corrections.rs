//! Which corrections are in force: the config's and those that were made by hand.

use crate::config::Config;
use crate::slo::correction::Correction;
use crate::store::{Store, StoreError};

/// Those of the config, then those of the store.
pub fn in_force(config: &Config, store: &Store) -> Result<Vec<Correction>, StoreError> {
    let mut all = config.corrections.clone();
    all.extend(store.corrections()?);
    Ok(all)
}
