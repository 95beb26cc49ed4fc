//! A service's days before those in live state, counted from the store in the same way as at
//! startup.

use super::restore::{RestoreFrom, restore};
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::slo::{DayView, Window};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// The number of days counted.
pub const LONG_DAYS: usize = 90;
const LENGTH: Duration = Duration::from_hours(LONG_DAYS as u64 * 24);

/// Returns the last days by the service's first objective, oldest first; empty without an
/// objective. Blocks.
pub fn long_days(
    config: &Config,
    service: &str,
    corrections: &[Correction],
    store: &Store,
    now: Timestamp,
) -> Result<Vec<DayView>, StoreError> {
    let mut alone = config.clone();
    alone.services.retain(|one| *one.name == *service);
    for service in &mut alone.services {
        service.objectives.truncate(1);
        for objective in &mut service.objectives {
            // State covers the longest window.
            let longest = Window::rolling(LENGTH);
            let objective = Arc::make_mut(objective);
            objective.additional_windows.push(longest);
        }
    }
    let mut ledger = restore(RestoreFrom::new(&alone, corrections, Some(store), now))?;
    let service = ledger.advance(now).services.first();
    let first = service.and_then(|service| service.objectives.first());
    Ok(first.map_or_else(Vec::new, |first| {
        first.tracker.days::<LONG_DAYS>(now).into()
    }))
}
