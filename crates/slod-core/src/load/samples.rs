//! Bounded collection of the samples taken during a run.

use super::ObservedSeries;
use crate::outcome::Timestamp;
use crate::sample::{Sample, SeriesKey, SeriesKind};
use std::collections::HashMap;
use std::sync::Arc;

/// Maximum number of samples per series: an hour at one every five seconds. Beyond that, every second
/// sample is dropped, including future ones.
pub const SAMPLES_MAX: usize = 720;
/// Maximum number of series with the label `service`.
pub const SERVICE_SERIES_MAX: usize = 400;
/// Maximum number of other series, which belong to the host.
pub const HOST_SERIES_MAX: usize = 200;
/// The series with the number of dropped series.
const DROPPED: &str = "slod_run_series_dropped";

type Values = Vec<(Arc<SeriesKey>, SeriesKind, f64)>;

/// Samples of a run, tick by tick. The last tick is always included.
#[derive(Clone, Debug)]
pub struct Samples {
    series: Vec<ObservedSeries>,
    places: HashMap<Arc<SeriesKey>, usize>,
    of_service: usize,
    dropped: usize,
    /// The times of the retained ticks.
    ticks: Vec<Timestamp>,
    /// Number of added ticks.
    added: usize,
    /// One of this many ticks is retained.
    stride: usize,
    /// The last tick, if it is not retained otherwise.
    skipped: Option<(Timestamp, Values)>,
}

impl Default for Samples {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            places: HashMap::new(),
            of_service: 0,
            dropped: 0,
            ticks: Vec::new(),
            added: 0,
            stride: 1,
            skipped: None,
        }
    }
}

impl Samples {
    /// Adds the samples of a tick. A tick that is not later than the previous one is ignored.
    pub fn add(&mut self, at: Timestamp, values: Values) {
        let skipped = self.skipped.as_ref().map(|(at, _)| *at);
        if self.ticks.last().copied().max(skipped) >= Some(at) {
            return;
        }
        let number = self.added;
        self.added += 1;
        if self.ticks.len() >= SAMPLES_MAX {
            self.thin();
        }
        if !number.is_multiple_of(self.stride) {
            self.skipped = Some((at, values));
            return;
        }
        self.skipped = None;
        self.keep(at, values);
    }

    fn keep(&mut self, at: Timestamp, values: Values) {
        self.ticks.push(at);
        let mut dropped = 0;
        for (key, kind, value) in values {
            match self.place(&key, kind) {
                Some(place) => self.series[place].samples.push(Sample { at, value }),
                None => dropped += 1,
            }
        }
        self.dropped = self.dropped.max(dropped);
    }

    /// The index of a series; `None` if there are too many.
    fn place(&mut self, key: &Arc<SeriesKey>, kind: SeriesKind) -> Option<usize> {
        if let Some(place) = self.places.get(key) {
            return Some(*place);
        }
        let is_of_service = key.label("service").is_some();
        let of_host = self.series.len() - self.of_service;
        let has_room = if is_of_service {
            self.of_service < SERVICE_SERIES_MAX
        } else {
            of_host < HOST_SERIES_MAX
        };
        if !has_room {
            return None;
        }
        self.of_service += usize::from(is_of_service);
        self.places.insert(key.clone(), self.series.len());
        self.series.push(ObservedSeries {
            key: (**key).clone(),
            kind,
            samples: Vec::new(),
        });
        Some(self.series.len() - 1)
    }

    fn thin(&mut self) {
        self.stride *= 2;
        self.ticks = self.ticks.iter().step_by(2).copied().collect();
        for one in &mut self.series {
            one.samples
                .retain(|sample| self.ticks.binary_search(&sample.at).is_ok());
        }
    }

    /// The series, in the order of their first samples. If some were dropped, the last series contains
    /// their number.
    pub fn finish(mut self) -> Vec<ObservedSeries> {
        if let Some((at, values)) = self.skipped.take() {
            if self.ticks.len() >= SAMPLES_MAX {
                self.thin();
            }
            self.keep(at, values);
        }
        if let Some(at) = self.ticks.last().filter(|_| self.dropped > 0) {
            self.series.push(ObservedSeries {
                key: SeriesKey::new(DROPPED, []),
                kind: SeriesKind::Gauge,
                samples: vec![Sample {
                    at: *at,
                    value: self.dropped as f64,
                }],
            });
        }
        self.series.retain(|one| !one.samples.is_empty());
        self.series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, service: Option<&str>, value: f64) -> (Arc<SeriesKey>, SeriesKind, f64) {
        let labels = service.map(|service| ("service", service));
        (
            Arc::new(SeriesKey::new(name, labels)),
            SeriesKind::Gauge,
            value,
        )
    }

    fn at(tick: usize) -> Timestamp {
        Timestamp::from_secs(5 * i64::try_from(tick).expect("small"))
    }

    #[test]
    fn a_run_of_any_length_has_a_bounded_number_of_samples_and_its_last_one() {
        for ticks in [1, 2, 1439, 1440, 1441, 5000, 17_281] {
            let mut samples = Samples::default();
            for tick in 0..ticks {
                samples.add(at(tick), vec![value("a", None, tick as f64)]);
            }
            let series = samples.finish();
            let kept = &series[0].samples;
            assert!(kept.len() <= SAMPLES_MAX, "{}", kept.len());
            assert!(
                kept.len() >= ticks.min(SAMPLES_MAX) / 2,
                "{ticks}: {}",
                kept.len()
            );
            assert_eq!(kept[0].at, at(0));
            assert_eq!(
                kept.last().map(|sample| (sample.at, sample.value)),
                Some((at(ticks - 1), (ticks - 1) as f64))
            );
            assert!(kept.is_sorted_by(|a, b| a.at < b.at));
        }
    }

    #[test]
    fn host_and_service_series_have_separate_limits_and_dropped_ones_are_counted() {
        let mut samples = Samples::default();
        for tick in 0..2 {
            let host = (0..1000).map(|n| value(&format!("h{n}"), None, 1.0));
            let own = (0..1000).map(|n| value(&format!("s{n}"), Some("rag"), 1.0));
            samples.add(at(tick), host.chain(own).collect());
        }
        let series = samples.finish();
        assert_eq!(series.len(), HOST_SERIES_MAX + SERVICE_SERIES_MAX + 1);
        let dropped = series.last().expect("series");
        assert_eq!(dropped.key.name(), DROPPED);
        assert!((dropped.samples[0].value - 1400.0).abs() < 1e-9);
    }

    #[test]
    fn a_tick_that_is_not_later_is_ignored() {
        let mut samples = Samples::default();
        for tick in [1, 1, 0, 2] {
            samples.add(at(tick), vec![value("a", None, tick as f64)]);
        }
        let times: Vec<_> = samples.finish()[0]
            .samples
            .iter()
            .map(|one| one.at)
            .collect();
        assert_eq!(times, [at(1), at(2)]);
    }
}
