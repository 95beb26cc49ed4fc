//! The samples of a run, by time since its start.

use super::{ObservedSeries, RunRecord};
use crate::sample::{SeriesKey, increase};
use crate::stats::baseline::Baseline;
use crate::stats::order::{median_of, usable};

/// The width of a usual range in spreads, and its minimum as a share of the middle.
const SPREADS: f64 = 3.0;
const BAND_SHARE: f64 = 0.1;
/// Minimum number of samples for a usual range.
const BAND_SAMPLES: usize = 3;
/// Seconds for which values must be beyond a limit, in at least two samples.
const SUSTAINED: f64 = 5.0;

/// One series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub key: SeriesKey,
    /// Seconds since the start of the run, and values.
    pub points: Vec<(f64, f64)>,
}

/// A part of a run, in seconds since its start.
pub(super) type Span = (f64, f64);

impl Curve {
    fn of(run: &RunRecord, series: &ObservedSeries) -> Self {
        let since = |at: crate::outcome::Timestamp| (at.0 - run.from.0) as f64 / 1000.0;
        let points = series.samples.iter().map(|one| (since(one.at), one.value));
        Self {
            key: series.key.clone(),
            points: points.filter(|(_, value)| usable(*value)).collect(),
        }
    }

    /// `the host`, `rag`, `app of rag`, `eth0 of the host`.
    pub fn subject(&self) -> String {
        let owner = self.key.label("service").unwrap_or("the host");
        let part = ["process", "probe", "device", "mountpoint"];
        match part.iter().find_map(|label| self.key.label(label)) {
            Some(part) => format!("{part} of {owner}"),
            None => owner.to_owned(),
        }
    }

    pub fn is_about_same(&self, other: &Self) -> bool {
        self.key.labels().eq(other.key.labels())
    }

    /// The latest value up to a time, or the first one if there is none.
    pub fn at(&self, second: f64) -> Option<f64> {
        let after = self.points.partition_point(|(at, _)| *at <= second);
        let point = self.points.get(after.saturating_sub(1))?;
        Some(point.1)
    }

    pub fn inside(&self, (from, to): Span) -> &[(f64, f64)] {
        let first = self.points.partition_point(|(at, _)| *at < from);
        let last = self.points.partition_point(|(at, _)| *at <= to);
        self.points.get(first..last).unwrap_or_default()
    }

    pub fn highest(&self, span: Span) -> Option<f64> {
        let values = self.inside(span).iter().map(|(_, value)| *value);
        values.max_by(f64::total_cmp)
    }

    pub fn mean(&self, span: Span) -> Option<f64> {
        let points = self.inside(span);
        let sum: f64 = points.iter().map(|(_, value)| value).sum();
        (!points.is_empty()).then(|| sum / points.len() as f64)
    }

    pub fn median(&self, span: Span) -> Option<f64> {
        median_of(self.inside(span).iter().map(|(_, value)| *value))
    }

    /// Since when values stay beyond a limit for at least 5 s and two samples; `None` if they never do.
    pub fn crossing(&self, span: Span, is_beyond: impl Fn(f64) -> bool) -> Option<f64> {
        let mut since = None;
        for (at, value) in self.inside(span) {
            match since {
                _ if !is_beyond(*value) => since = None,
                None => since = Some(*at),
                Some(start) if at - start >= SUSTAINED => return Some(start),
                Some(_) => {}
            }
        }
        None
    }

    /// The middle and the upper end of the usual values in a part of the run. The end is at least `least`
    /// above the middle.
    pub fn band(&self, span: Span, least: f64) -> Option<(f64, f64)> {
        let points = self.inside(span);
        let usual = Baseline::of(points.iter().map(|(_, value)| *value))?;
        let wide = (SPREADS * usual.spread).max(BAND_SHARE * usual.median.abs());
        let highest = usual.median + wide.max(least);
        (points.len() >= BAND_SAMPLES).then_some((usual.median, highest))
    }

    /// Computes a value for each of `count` windows of `width` seconds.
    pub fn windows(
        &self,
        width: f64,
        count: u32,
        of: impl Fn(&[f64]) -> Option<f64>,
    ) -> Vec<Option<f64>> {
        let value = |number: u32| {
            let from = f64::from(number) * width;
            let inside = self.points.iter().filter(|(at, _)| *at >= from);
            let inside = inside.take_while(|(at, _)| *at < from + width);
            of(&inside.map(|(_, value)| *value).collect::<Vec<_>>())
        };
        (0..count).map(value).collect()
    }
}

/// The gauges of a family.
pub(super) fn gauges(run: &RunRecord, family: &str) -> Vec<Curve> {
    let named = run.observed.iter().filter(|one| one.key.name() == family);
    let curves = named.map(|series| Curve::of(run, series));
    curves.filter(|one| !one.points.is_empty()).collect()
}

/// The counters of a family as rates per second since the previous sample.
pub(super) fn rates(run: &RunRecord, family: &str) -> Vec<Curve> {
    let mut curves = gauges(run, family);
    for curve in &mut curves {
        let pairs = curve.points.windows(2);
        let rate = |pair: &[(f64, f64)]| {
            let ((from, before), (to, after)) = (pair[0], pair[1]);
            (to > from).then(|| (to, increase(before, after) / (to - from)))
        };
        curve.points = pairs.filter_map(rate).collect();
    }
    curves.retain(|one| !one.points.is_empty());
    curves
}

/// Each part as a share of the whole with the same labels.
pub(super) fn shares(parts: Vec<Curve>, wholes: &[Curve]) -> Vec<Curve> {
    let share = |mut part: Curve| {
        let whole = wholes.iter().find(|one| one.is_about_same(&part))?;
        let divided = |(at, value): &(f64, f64)| {
            let whole = whole.at(*at).filter(|whole| *whole > 0.0)?;
            Some((*at, value / whole))
        };
        part.points = part.points.iter().filter_map(divided).collect();
        (!part.points.is_empty()).then_some(part)
    };
    parts.into_iter().filter_map(share).collect()
}

/// The length of a run in seconds, as far as it was measured.
pub(super) fn length(run: &RunRecord) -> f64 {
    let last = run.windows.last();
    let load = last.map_or(0.0, |one| (one.start + one.length).as_secs_f64());
    load.max((run.to.0 - run.from.0) as f64 / 1000.0)
}

/// Minimum share of the highest load for a part to count as the highest load.
const NEARLY: f64 = 0.9;

/// The parts of a run with the highest load; the whole run if no load was measured.
pub(super) fn at_highest_load(run: &RunRecord) -> Vec<Span> {
    let peak = run.windows.iter().map(|one| one.due).fold(0.0, f64::max);
    let mut spans: Vec<Span> = Vec::new();
    for window in run.windows.iter().filter(|one| one.due >= NEARLY * peak) {
        let from = window.start.as_secs_f64();
        let to = from + window.length.as_secs_f64();
        match spans.last_mut() {
            Some(last) if from - last.1 < 0.001 => last.1 = to,
            _ => spans.push((from, to)),
        }
    }
    if spans.is_empty() {
        spans.push((0.0, length(run)));
    }
    spans
}
