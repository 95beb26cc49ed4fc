//! A run of the past, from the samples and outcomes that the daemon stored.

use super::watch::Watch;
use crate::config::{Config, ServiceSpec};
use crate::load::{Ending, RunRecord, SAMPLES_MAX};
use crate::outcome::{Timestamp, millis};
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::{Store, StoreError, Tick};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Maximum length of a run of the past.
pub const LONGEST: Duration = Duration::from_hours(7 * 24);
/// How far before the run a counter is looked up, as in Prometheus.
const LOOKBACK: Duration = Duration::from_mins(5);
/// Minimum width of a window.
const WIDTH_MIN: Duration = Duration::from_secs(1);

/// The run of a service from `from` to `to`, which is after `from` and not in the future.
pub fn past(
    config: &Config,
    service: &ServiceSpec,
    (from, to): (Timestamp, Timestamp),
) -> Result<RunRecord, StoreError> {
    let samples_max = u32::try_from(SAMPLES_MAX).unwrap_or(u32::MAX);
    let width = WIDTH_MIN.max(to.since(from) / samples_max);
    let store = Store::open_read_only(&config.store.path)?;
    let ticks = ticks(&store, &service.name, (from, to), width)?;
    let mut watch = Watch::new(config, service, from, width);
    let purpose = format!("the past, {}", watch.purpose());
    for tick in ticks {
        watch.take(tick);
    }
    Ok(watch.finish(to, Ending::Completed, purpose))
}

/// Samples of the host and the service: the last sample of each series in each interval of `width`.
fn ticks(
    store: &Store,
    service: &str,
    (from, to): (Timestamp, Timestamp),
    width: Duration,
) -> Result<Vec<Tick>, StoreError> {
    let width = millis(width);
    let mut found: BTreeMap<Timestamp, Vec<(Arc<SeriesKey>, SeriesKind, f64)>> = BTreeMap::new();
    let all = store.series()?.into_iter();
    for info in all.filter(|info| info.key.label("service").is_none_or(|of| of == service)) {
        let (key, kind) = (Arc::new(info.key), info.kind);
        let mut last: Option<(Timestamp, f64)> = None;
        let mut keep = |sample: Option<(Timestamp, f64)>| {
            if let Some((at, value)) = sample {
                let tick = found.entry(at).or_default();
                tick.push((key.clone(), kind, value));
            }
        };
        store.for_each_point(info.id, from.before(LOOKBACK), to, |point| {
            let slot = |at: Timestamp| (at.0 - from.0).div_euclid(width);
            if last.is_some_and(|(at, _)| slot(at) != slot(point.at)) {
                keep(last);
            }
            last = Some((point.at, point.last));
            true
        })?;
        keep(last);
    }
    let tick = |(at, samples)| Tick { at, samples };
    Ok(found.into_iter().map(tick).collect())
}
