//! Quantiles of a stored histogram over time, from the increases of its buckets.

use crate::observe::{QUANTILES, histogram_quantile, make_monotonic};
use crate::outcome::Timestamp;
use crate::sample::{SeriesKey, Step};
use crate::store::{SeriesInfo, Store, StoreError};
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of buckets that are read. Of more, those in between are left out, which makes the estimate
/// coarser.
const BUCKETS: usize = 40;

/// The buckets of a histogram that were counted in one step.
#[derive(Debug, Default)]
struct Counted(Vec<(f64, f64)>);

/// Values of p50, p95 and p99 at the starts of steps.
pub type QuantileSteps = Vec<(Timestamp, [f64; QUANTILES.len()])>;

/// Estimates p50, p95 and p99 of all observations in each step, in order of time. The average of quantiles over shorter
/// times would be no quantile of anything. Steps without observations are omitted.
///
/// `histogram` is the family of the buckets without `_bucket`, and `all` are the series of one service.
pub fn quantiles(
    store: &Store,
    all: &[&SeriesInfo],
    histogram: &str,
    range: (Timestamp, Timestamp),
    step: Duration,
    limit: usize,
) -> Result<QuantileSteps, StoreError> {
    let all = all.iter().map(|info| (&info.key, *info));
    let mut counted = Vec::new();
    for (bound, info) in buckets(all, histogram) {
        let steps = store.steps(info, range, Some(step), limit)?;
        counted.push((bound, steps.unwrap_or_default()));
    }
    Ok(of_steps(counted))
}

/// Estimates the quantiles of each step from the steps of [`buckets`].
pub fn of_steps(buckets: impl IntoIterator<Item = (f64, Vec<Step>)>) -> QuantileSteps {
    let mut steps: BTreeMap<Timestamp, Counted> = BTreeMap::new();
    for (bound, counted) in buckets {
        for one in counted {
            // A bucket that did not change has no samples.
            let increase = one.increase.unwrap_or(0.0);
            steps.entry(one.at).or_default().0.push((bound, increase));
        }
    }
    let known = steps.into_iter();
    let known = known.filter_map(|(at, counted)| Some((at, counted.quantiles()?)));
    known.collect()
}

/// Returns the buckets of a histogram among series, by their upper bounds, which ascend to +Inf.
pub fn buckets<'a, T>(
    all: impl Iterator<Item = (&'a SeriesKey, T)>,
    histogram: &str,
) -> Vec<(f64, T)> {
    let bound = |key: &SeriesKey| {
        let is_bucket = key.name().strip_suffix("_bucket") == Some(histogram);
        let bound = key.label("le").filter(|_| is_bucket)?;
        bound.parse::<f64>().ok()
    };
    let mut found: Vec<_> = all
        .filter_map(|(key, one)| Some((bound(key)?, one)))
        .collect();
    found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let every = found.len().div_ceil(BUCKETS).max(1);
    // Counted from the end, so that +Inf is one of them.
    let mut kept: Vec<_> = found.into_iter().rev().step_by(every).collect();
    kept.reverse();
    kept
}

impl Counted {
    fn quantiles(mut self) -> Option<[f64; QUANTILES.len()]> {
        make_monotonic(&mut self.0);
        let mut values = [0.0; QUANTILES.len()];
        for (value, (q, _)) in values.iter_mut().zip(QUANTILES) {
            *value = histogram_quantile(q, &self.0, false)?;
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SeriesKey, SeriesKind};
    use crate::store::Tick;
    use std::sync::Arc;

    const FAMILY: &str = "slod_service_request_duration_seconds";
    const MINUTE: Duration = Duration::from_mins(1);
    const BEGIN: Timestamp = Timestamp(1_795_003_200_000);

    /// The quantiles of an hour, from the cumulative counts of buckets at minutes.
    fn of_hour(bounds: &[&str], counted: &[(u32, &[f64])]) -> QuantileSteps {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(&folder.path().join("slod.db")).expect("a store");
        let ticks = counted.iter().map(|(minute, counts)| Tick {
            at: BEGIN.after(MINUTE * *minute),
            samples: bounds
                .iter()
                .zip(*counts)
                .map(|(bound, count)| {
                    let name = format!("{FAMILY}_bucket");
                    let key = SeriesKey::new(&name, [("service", "rag"), ("le", bound)]);
                    (Arc::new(key), SeriesKind::Counter, *count)
                })
                .collect(),
        });
        store
            .append_samples(&ticks.collect::<Vec<_>>())
            .expect("stored");
        let all = store.series().expect("readable");
        let all: Vec<_> = all.iter().collect();
        let range = (BEGIN, BEGIN.after(MINUTE * 60));
        quantiles(&store, &all, FAMILY, range, MINUTE * 60, 10).expect("readable")
    }

    #[test]
    fn a_step_weighs_each_observation_the_same() {
        // 990 fast requests in the first minute, and 10 slow ones in each of the next three.
        let counted: [(u32, &[f64]); 5] = [
            (0, &[0.0, 0.0, 0.0]),
            (1, &[990.0, 990.0, 990.0]),
            (2, &[990.0, 1000.0, 1000.0]),
            (3, &[990.0, 1010.0, 1010.0]),
            (4, &[990.0, 1020.0, 1020.0]),
        ];
        let found = of_hour(&["0.1", "4", "+Inf"], &counted);
        let [(at, [p50, p95, p99])] = found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(at, BEGIN);
        assert!(p50 < 0.1 && p95 < 0.1, "{p50} {p95}");
        assert!((0.1..4.0).contains(&p99), "{p99}");
        assert_eq!(of_hour(&["0.1", "4", "+Inf"], &counted[..1]), []);
    }

    #[test]
    fn of_many_buckets_some_are_read_and_always_the_last() {
        let bounds: Vec<String> = (1..=100).map(|bound| bound.to_string()).collect();
        let mut bounds: Vec<&str> = bounds.iter().map(String::as_str).collect();
        bounds.push("+Inf");
        let counts: Vec<f64> = (1..=101).map(|count| f64::from(count.min(100))).collect();
        let found = of_hour(&bounds, &[(0, &vec![0.0; 101]), (1, &counts)]);
        let [(_, [p50, p95, p99])] = found[..] else {
            panic!("{found:?}");
        };
        for (value, wanted) in [(p50, 50.0), (p95, 95.0), (p99, 99.0)] {
            assert!((value - wanted).abs() < 3.0, "{value} instead of {wanted}");
        }
    }
}
