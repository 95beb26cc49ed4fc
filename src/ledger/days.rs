//! A service's days further back than live state goes, counted from the store as a start would.

use super::restore::{RestoreFrom, restore};
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::slo::correction::Correction;
use crate::slo::{DayView, Window};
use crate::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// How many days are counted.
pub const LONG_DAYS: usize = 90;
const LENGTH: Duration = Duration::from_hours(LONG_DAYS as u64 * 24);

/// The last days by the service's first objective, oldest first; none without an objective. Blocks
/// while it reads.
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
            // State goes back as far as the longest window.
            let longest = Window::rolling(LENGTH);
            Arc::make_mut(objective).further.push(longest);
        }
    }
    let mut ledger = restore(RestoreFrom {
        config: &alone,
        corrections,
        store: Some(store),
        now,
    })?;
    let service = ledger.advance(now).services.first();
    let first = service.and_then(|service| service.objectives.first());
    Ok(first.map_or_else(Vec::new, |first| {
        first.tracker.days::<LONG_DAYS>(now).into()
    }))
}
