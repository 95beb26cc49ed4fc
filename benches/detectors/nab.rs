//! Series of the Numenta Anomaly Benchmark: real measurements with labeled windows.

use crate::Table;
use chrono::NaiveDateTime;
use slod_core::stats::season::{Season, ShiftWatch};
use std::fs;
use std::path::Path;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// Series begin with days that are only learned from.
const LEARNED: Duration = Duration::from_hours(2 * 24);
const REMEMBERED: Duration = Duration::from_hours(7 * 24);

type Series = Vec<(Duration, f64)>;
/// When alarms begin.
type Detector = fn(&Series) -> Vec<Duration>;

/// What a detector did on the series of a folder.
#[derive(Default)]
struct Score {
    days: f64,
    labeled: usize,
    found: usize,
    false_alarms: usize,
    delays: Vec<f64>,
}

/// `folder` has `windows.json` and the series that it names.
pub fn report(folder: &Path) {
    let text = fs::read_to_string(folder.join("windows.json")).expect("windows.json");
    let labels = labels(&text);
    let mut table = Table::new([
        "NAB",
        "series-days",
        "false alarms per series-day",
        "labels found",
        "median delay from the label's start",
    ]);
    for kind in ["artificialNoAnomaly", "realAWSCloudwatch", "realKnownCause"] {
        let detectors: [(&str, Detector); 2] = [
            ("season and cumulative sum", shifts),
            ("3 sigma of the last day", sigmas),
        ];
        for (name, detector) in detectors {
            let mut score = Score::default();
            for (file, windows) in labels.iter().filter(|(file, _)| file.starts_with(kind)) {
                if let Ok(text) = fs::read_to_string(folder.join(file)) {
                    let series = series(&text);
                    score.add(&series, windows, &detector(&series));
                }
            }
            table.row(&format!("{kind}: {name}"), score.cells());
        }
    }
    table.print();
}

impl Score {
    fn add(&mut self, series: &Series, windows: &[(Duration, Duration)], alarms: &[Duration]) {
        let (Some(first), Some(last)) = (series.first(), series.last()) else {
            return;
        };
        self.days += last.0.saturating_sub(first.0 + LEARNED).as_secs_f64() / DAY.as_secs_f64();
        let inside = |window: &(Duration, Duration), at: Duration| window.0 <= at && at <= window.1;
        self.false_alarms += alarms
            .iter()
            .filter(|at| !windows.iter().any(|window| inside(window, **at)))
            .count();
        for window in windows.iter().filter(|window| window.1 > first.0 + LEARNED) {
            self.labeled += 1;
            if let Some(at) = alarms.iter().find(|at| inside(window, **at)) {
                self.found += 1;
                self.delays
                    .push(at.saturating_sub(window.0).as_secs_f64() / 3600.0);
            }
        }
    }

    fn cells(mut self) -> [String; 4] {
        self.delays.sort_by(f64::total_cmp);
        let delay = self.delays.get(self.delays.len() / 2);
        [
            format!("{:.0}", self.days),
            format!("{:.2}", self.false_alarms as f64 / self.days),
            format!("{} of {}", self.found, self.labeled),
            delay.map_or("-".to_owned(), |hours| format!("{hours:.1} h")),
        ]
    }
}

/// When a lasting deviation begins. What is usual is learned anew every day from the last seven.
fn shifts(series: &Series) -> Vec<Duration> {
    let mut alarms = Vec::new();
    let mut watch: Option<ShiftWatch> = None;
    let mut learned = Duration::ZERO;
    let mut before = false;
    for (index, (time, value)) in series.iter().enumerate() {
        if *time < series[0].0 + LEARNED {
            continue;
        }
        if *time >= learned + DAY {
            learned = *time;
            let from = series.partition_point(|(at, _)| *at + REMEMBERED < *time);
            match (&mut watch, Season::of(&series[from..index])) {
                (Some(watch), Some(season)) => watch.learn(season),
                (none, season) => *none = season.map(ShiftWatch::new),
            }
        }
        let found = watch
            .as_mut()
            .and_then(|watch| watch.push(*time, *value))
            .is_some();
        if found && !before {
            alarms.push(*time);
        }
        before = found;
    }
    alarms
}

/// When a value begins to be more than three standard deviations from the mean of the last day.
fn sigmas(series: &Series) -> Vec<Duration> {
    let outside = |index: usize| {
        let (time, value) = series[index];
        let from = series.partition_point(|(at, _)| *at + DAY < time);
        let last = &series[from..index];
        let n = last.len() as f64;
        let mean = last.iter().map(|(_, v)| v).sum::<f64>() / n;
        let variance = last.iter().map(|(_, v)| (v - mean).powi(2)).sum::<f64>() / n;
        (value - mean).abs() > 3.0 * variance.sqrt()
    };
    let from = series.partition_point(|(at, _)| *at < series[0].0 + LEARNED);
    (from.max(1)..series.len())
        .filter(|index| outside(*index) && !outside(index - 1))
        .map(|index| series[index].0)
        .collect()
}

fn series(text: &str) -> Series {
    let point = |line: &str| {
        let (time, value) = line.split_once(',')?;
        Some((time_of(time)?, value.trim().parse().ok()?))
    };
    text.lines().skip(1).filter_map(point).collect()
}

/// Since a midnight.
fn time_of(text: &str) -> Option<Duration> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
    u64::try_from(time.and_utc().timestamp())
        .ok()
        .map(Duration::from_secs)
}

/// The strings of `{ "file": [["from", "to"], ...], ... }`: times belong to the file before them.
fn labels(text: &str) -> Vec<(String, Vec<(Duration, Duration)>)> {
    let mut files: Vec<(String, Vec<Duration>)> = Vec::new();
    for text in text.split('"').skip(1).step_by(2) {
        match (time_of(text), files.last_mut()) {
            (Some(time), Some((_, times))) => times.push(time),
            _ => files.push((text.to_owned(), Vec::new())),
        }
    }
    let pairs = |times: Vec<Duration>| times.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    files
        .into_iter()
        .map(|(file, times)| (file, pairs(times)))
        .collect()
}
