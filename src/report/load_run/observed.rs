//! Values of the service and of the host during a run, from the samples that were taken.

use crate::load::{ObservedSeries, RunRecord};
use crate::outcome::Timestamp;
use crate::report::families::{DrawnFamily, name};
use crate::report::quantiles::{buckets, of_steps};
use crate::sample::{Point, SeriesKind, Steps, increase};
use std::time::Duration;

/// Number of steps of a run for which quantiles are estimated.
const QUANTILE_STEPS: u32 = 60;
/// Minimum width of these steps: they need several requests.
const QUANTILE_STEP_MIN: Duration = Duration::from_secs(10);

/// A series during a run, or a quantile.
pub struct ObservedLine {
    /// Untrusted text.
    pub name: String,
    /// Whether the values are those of a gauge; otherwise they are the rates of a counter.
    pub is_gauge: bool,
    /// Seconds since the start of the run, and values.
    pub points: Vec<(f64, f64)>,
}

/// All lines of a family.
pub fn observed_lines(run: &RunRecord, family: &DrawnFamily) -> Vec<ObservedLine> {
    if let Some(histogram) = family.histogram() {
        return quantiles(run, &histogram);
    }
    let series = run.observed.iter().filter(|one| family.has(&one.key));
    let line = |series: &ObservedSeries| ObservedLine {
        name: name(&series.key),
        is_gauge: series.kind == SeriesKind::Gauge,
        points: points(series, run.from),
    };
    series.map(line).collect()
}

/// The quantiles of all requests of each step. The sampled quantiles of the service are those of the last five minutes,
/// and would include requests from before the run.
fn quantiles(run: &RunRecord, histogram: &str) -> Vec<ObservedLine> {
    let step = QUANTILE_STEP_MIN.max(run.to.since(run.from) / QUANTILE_STEPS);
    let series = run.observed.iter().map(|one| (&one.key, one));
    let buckets = buckets(series, histogram).into_iter();
    let counted = buckets.map(|(bound, series)| {
        let mut steps = Steps::new(SeriesKind::Counter, Some(step), run.from);
        for sample in &series.samples {
            steps.add(&Point::from(*sample));
        }
        (bound, steps.finish())
    });
    let steps = of_steps(counted);
    let names = ["p50", "p95", "p99"].into_iter().enumerate();
    let line = |(index, name): (usize, &str)| {
        let middle = |at: Timestamp| seconds_since(run.from, at.after(step / 2)).max(0.0);
        let points = steps.iter();
        let points = points.map(|(at, values)| (middle(*at), values[index]));
        ObservedLine {
            name: name.to_owned(),
            is_gauge: true,
            points: points.collect(),
        }
    };
    names.map(line).collect()
}

/// Values of a gauge, or rates of a counter.
fn points(series: &ObservedSeries, from: Timestamp) -> Vec<(f64, f64)> {
    let since = |at| seconds_since(from, at);
    if series.kind == SeriesKind::Gauge {
        let samples = series.samples.iter();
        return samples.map(|one| (since(one.at), one.value)).collect();
    }
    let pairs = series.samples.windows(2);
    let rates = pairs.filter_map(|pair| {
        let seconds = since(pair[1].at) - since(pair[0].at);
        let rise = increase(pair[0].value, pair[1].value);
        (seconds > 0.0).then(|| (since(pair[1].at), rise / seconds))
    });
    rates.collect()
}

fn seconds_since(from: Timestamp, at: Timestamp) -> f64 {
    at.0.saturating_sub(from.0) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Model, OBSERVED, Scenario};
    use crate::report::families::DRAWN;
    use crate::sample::{Sample, SeriesKey};

    /// A series with a sample every ten seconds.
    fn sampled(text: &str, kind: SeriesKind, values: &[f64]) -> ObservedSeries {
        let key: SeriesKey = text.parse().expect("valid");
        let samples = (0..).zip(values);
        let samples = samples.map(|(number, value)| Sample {
            at: Timestamp::from_secs(number * 10),
            value: *value,
        });
        ObservedSeries {
            key,
            kind,
            samples: samples.collect(),
        }
    }

    #[test]
    fn quantiles_cover_the_requests_of_each_step() {
        let bucket = |bound: &str, counts: &[f64]| {
            let name = format!(r#"slod_service_request_duration_seconds_bucket{{le="{bound}"}}"#);
            sampled(&name, SeriesKind::Counter, counts)
        };
        let gauge = r#"slod_service_request_duration_quantile_seconds{quantile="0.95"}"#;
        let scenario = Scenario {
            name: OBSERVED.to_owned(),
            purpose: String::new(),
            model: Model::Open { poisson: false },
            stages: Vec::new(),
        };
        let run = RunRecord {
            to: Timestamp::from_secs(60),
            observed: vec![
                // A tenth of the requests is slow at first, and none later.
                bucket("0.1", &[0.0, 90.0, 180.0, 280.0, 380.0]),
                bucket("5", &[0.0, 100.0, 200.0, 300.0, 400.0]),
                bucket("+Inf", &[0.0, 100.0, 200.0, 300.0, 400.0]),
                // Before the run, all were.
                sampled(gauge, SeriesKind::Gauge, &[4.9; 5]),
            ],
            ..RunRecord::begun("web", scenario, OBSERVED, Timestamp(0))
        };
        let times = "slod_service_request_duration_quantile_seconds";
        let family = DRAWN.iter().find(|one| one.family == times);
        let lines = observed_lines(&run, family.expect("drawn"));
        let is_slow = lines.iter().map(|line| {
            let slow = line.points.iter().map(|(_, value)| *value > 0.1);
            (&*line.name, slow.collect::<Vec<_>>())
        });
        assert_eq!(
            is_slow.collect::<Vec<_>>(),
            [
                ("p50", vec![false; 4]),
                ("p95", vec![true, true, false, false]),
                ("p99", vec![true, true, false, false]),
            ]
        );
    }
}
