//! The history of samples: every family that a collector writes is also stored as a time series
//! with the same name and labels.

use crate::exposition::{Head, Labels, MetricKind, Sink};
use crate::outcome::Timestamp;
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::{SERIES_MAX, StoreHandle, Tick};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Stores samples. Cheap to clone, for every task with its own sampling times.
#[derive(Clone, Debug)]
pub struct Recorder {
    store: StoreHandle,
    names: Arc<Mutex<SeriesNames>>,
}

impl Recorder {
    pub fn new(store: StoreHandle) -> Self {
        Self {
            store,
            names: Arc::default(),
        }
    }

    /// Records what `write` writes as sampled at `at`, such as `(kind.write)(sink, &view)` for a
    /// collector. Values that are not finite are omitted, and so are families that only carry
    /// labels (`_info`).
    pub fn record(&self, at: Timestamp, write: impl FnOnce(&mut dyn Sink)) {
        let mut names = self.names.lock();
        let tick = names.tick(at, write);
        drop(names);
        self.store.keep_samples(tick);
    }

    /// Sets the retention: older samples are deleted.
    pub fn keep_for(&self, retention: Duration) {
        self.store.keep_samples_for(retention);
    }
}

type Known = HashSet<Arc<SeriesKey>>;

/// Interned names of series: each is allocated once, however many samples wait to be stored.
#[derive(Debug, Default)]
pub struct SeriesNames(Known);

impl SeriesNames {
    /// Converts what `write` writes to samples.
    pub fn tick(&mut self, at: Timestamp, write: impl FnOnce(&mut dyn Sink)) -> Tick {
        if self.0.len() > 2 * SERIES_MAX {
            self.0.clear();
        }
        let mut sink = SampleSink {
            known: &mut self.0,
            family: String::new(),
            kind: None,
            samples: Vec::new(),
        };
        write(&mut sink);
        let samples = sink.samples;
        Tick { at, samples }
    }
}

/// A sink that collects samples.
struct SampleSink<'a> {
    known: &'a mut Known,
    family: String,
    /// `None` if the family is not stored.
    kind: Option<SeriesKind>,
    samples: Vec<(Arc<SeriesKey>, SeriesKind, f64)>,
}

impl Sink for SampleSink<'_> {
    fn family(&mut self, head: &Head<'_>) {
        head.name.clone_into(&mut self.family);
        self.kind = match head.kind {
            _ if head.name.ends_with("_info") => None,
            MetricKind::Counter | MetricKind::Histogram => Some(SeriesKind::Counter),
            MetricKind::Gauge | MetricKind::Summary => Some(SeriesKind::Gauge),
        };
    }

    fn number(&mut self, suffix: &str, labels: &Labels, value: f64) {
        let Some(kind) = self.kind.filter(|_| value.is_finite()) else {
            return;
        };
        let name = format!("{}{suffix}", self.family);
        let key = SeriesKey::new(&name, labels.pairs());
        let key = if let Some(known) = self.known.get(&key) {
            Arc::clone(known)
        } else {
            let key = Arc::new(key);
            self.known.insert(Arc::clone(&key));
            key
        };
        self.samples.push((key, kind, value));
    }

    fn whole(&mut self, suffix: &str, labels: &Labels, value: u64) {
        self.number(suffix, labels, value as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::exposition::{Family, Histogram};
    use crate::store::{CountingPlan, Store};

    const AT: Timestamp = Timestamp(1_795_000_000_000);

    #[tokio::test]
    async fn written_families_have_a_history() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let store = Store::open(&path).expect("a new store");
        let plan = |_: &_| CountingPlan::default();
        let writer = store
            .writer(Clock::system(), Duration::from_hours(24), plan)
            .expect("a thread");
        let recorder = Recorder::new(writer.handle());
        let labels = || Labels::new(&[("service", "rag"), ("process", "app")]);
        for tick in 0..3_u32 {
            recorder.record(Timestamp(AT.0 + 10_000 * i64::from(tick)), |sink| {
                sink.family(&(&Family::gauge("a_ratio", "ratio", &[], "")).into());
                sink.value(&labels(), 0.25);
                sink.value(&Labels::default(), f64::NAN);
                sink.family(&(&Family::counter("b_total", &[], "")).into());
                sink.count(&labels(), tick.into());
                sink.family(&(&Family::gauge("c_info", "", &[], "")).into());
                sink.count(&labels(), 1);
                sink.family(&(&Family::histogram("d_seconds", "seconds", &[], "")).into());
                let mut bounds = [0.5, 2.0].into_iter();
                let buckets = [1, 0, u64::from(tick)];
                let histogram = Histogram {
                    bounds: &mut bounds,
                    buckets: &buckets,
                    sum: 1.5,
                    exponential: None,
                };
                sink.histogram(&mut Labels::default(), histogram);
            });
        }
        assert!(writer.close(Duration::from_secs(10)));
        let store = Store::open_read_only(&path).expect("a store");
        let series = store.series().expect("readable");
        let last = |info: &crate::store::SeriesInfo| {
            let mut last = 0.0;
            let end = Timestamp(i64::MAX);
            let visited = store.for_each_point(info.id, AT, end, |point| {
                last = point.last;
                true
            });
            visited.expect("readable");
            (info.key.to_string(), info.kind.label(), last)
        };
        let kept: Vec<_> = series.iter().map(last).collect();
        let kept: Vec<_> = kept
            .iter()
            .map(|(name, kind, value)| (&**name, *kind, *value))
            .collect();
        assert_eq!(
            kept,
            [
                (r#"a_ratio{process="app",service="rag"}"#, "gauge", 0.25),
                (r#"b_total{process="app",service="rag"}"#, "counter", 2.0),
                (r#"d_seconds_bucket{le="0.5"}"#, "counter", 1.0),
                (r#"d_seconds_bucket{le="2.0"}"#, "counter", 1.0),
                (r#"d_seconds_bucket{le="+Inf"}"#, "counter", 3.0),
                ("d_seconds_sum", "counter", 1.5),
                ("d_seconds_count", "counter", 3.0),
            ]
        );
    }
}
