//! Which corrections are in force: the config's and those that were made by hand.

use crate::config::{Config, CorrectionSpec};
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::store::{Store, StoreError};

/// Those of the config, the repeated ones up to two days ahead, then those of the store.
pub fn in_force(
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<Vec<Correction>, StoreError> {
    let occurrences = |spec: &CorrectionSpec| spec.occurrences(now);
    let mut all: Vec<_> = config.corrections.iter().flat_map(occurrences).collect();
    all.extend(store.corrections()?);
    Ok(all)
}
