//! Merges the windows of all threads into the windows of a run.

use crate::recorder::{ThreadWindow, WINDOW};
use crate::tally::{add, histogram};
use slod_core::load::{LoadWindow, Scenario};
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of windows kept for a run; beyond it, neighbors are merged. Each takes about 2 KiB.
const KEPT_MAX: usize = 1_800;

/// Collects the parts of all threads.
#[derive(Debug)]
pub struct Windows {
    threads: usize,
    open: BTreeMap<u64, (usize, ThreadWindow)>,
    kept: Vec<LoadWindow>,
    /// Length of a kept window, in seconds.
    width: u32,
    /// Windows that are not yet merged to the current width.
    pending: Vec<LoadWindow>,
}

impl Windows {
    pub const fn new(threads: usize) -> Self {
        Self {
            threads,
            open: BTreeMap::new(),
            kept: Vec::new(),
            width: 1,
            pending: Vec::new(),
        }
    }

    /// Whether the next part of a window completes it.
    pub(crate) fn is_last(&self, number: u64) -> bool {
        self.open.get(&number).map_or(0, |(count, _)| *count) + 1 >= self.threads
    }

    /// Adds a part. Returns the window if it was the last part.
    pub(crate) fn add(
        &mut self,
        part: ThreadWindow,
        scenario: &Scenario,
        generator_cpu: Option<f64>,
    ) -> Option<LoadWindow> {
        let number = part.number;
        let count = if let Some((count, sum)) = self.open.get_mut(&number) {
            sum.add(part);
            *count += 1;
            *count
        } else {
            self.open.insert(number, (1, part));
            1
        };
        if count < self.threads {
            return None;
        }
        let (_, part) = self.open.remove(&number)?;
        let window = window(part, scenario, generator_cpu);
        self.keep(window.clone());
        Some(window)
    }

    fn keep(&mut self, window: LoadWindow) {
        self.pending.push(window);
        if self.pending.len() < self.width as usize {
            return;
        }
        self.kept.extend(merged(&std::mem::take(&mut self.pending)));
        if self.kept.len() > KEPT_MAX {
            let pairs = self.kept.chunks(2);
            self.kept = pairs.filter_map(merged).collect();
            self.width *= 2;
        }
    }

    /// All windows of the run, which ended at `end`.
    pub fn finish(mut self, scenario: &Scenario, end: Duration) -> Vec<LoadWindow> {
        // Some threads end before others.
        for (_, (_, part)) in std::mem::take(&mut self.open) {
            self.keep(window(part, scenario, None));
        }
        self.kept.extend(merged(&self.pending));
        let before = self.kept.last().map(|last| (last.start, last.length));
        close(&mut self.kept, end);
        if let (Some(last), Some((start, length))) = (self.kept.last_mut(), before)
            && last.start == start
        {
            // The mean included time without activity after the end.
            last.active *= length.as_secs_f64() / last.length.as_secs_f64();
        }
        self.kept
    }
}

fn window(part: ThreadWindow, scenario: &Scenario, generator_cpu: Option<f64>) -> LoadWindow {
    let start = WINDOW * u32::try_from(part.number).unwrap_or(u32::MAX);
    let last_stage = scenario.stages.len().saturating_sub(1);
    // A stage may begin within a window, which then belongs to the stage that covers most of it.
    let planned = scenario.at(start + WINDOW / 2);
    let (stage, due) = planned.unwrap_or((last_stage, 0.0));
    let mut failed = part.failed;
    failed.sort_unstable();
    LoadWindow {
        start,
        length: WINDOW,
        stage,
        due,
        active: part.active / WINDOW.as_secs_f64(),
        started: part.started,
        dropped: part.dropped,
        lacking: part.lacking,
        repeated: part.repeated,
        unjudged: 0,
        good: part.good,
        failed,
        latency: histogram(&part.latency),
        failed_latency: histogram(&part.failed_latency),
        lag: ThreadWindow::lag(&part.lags).max(ThreadWindow::lag(&part.ticks)),
        generator_cpu,
        transferred: part.bytes.into(),
    }
}

/// Merges neighboring windows; `None` if there are none. Levels are averages weighted by time; the lag is
/// the maximum.
pub fn merged(windows: &[LoadWindow]) -> Option<LoadWindow> {
    let (first, rest) = windows.split_first()?;
    let mut all = first.clone();
    for window in rest {
        let (old, new) = (all.length.as_secs_f64(), window.length.as_secs_f64());
        let mean = |one: f64, other: f64| (one * old + other * new) / (old + new);
        all.due = mean(all.due, window.due);
        all.active = mean(all.active, window.active);
        all.generator_cpu = match (all.generator_cpu, window.generator_cpu) {
            (Some(one), Some(other)) => Some(mean(one, other)),
            (known, other) => known.or(other),
        };
        all.length += window.length;
        all.started += window.started;
        all.dropped += window.dropped;
        all.lacking += window.lacking;
        all.repeated += window.repeated;
        all.good += window.good;
        all.unjudged += window.unjudged;
        all.lag = all.lag.max(window.lag);
        all.transferred = all.transferred.and(window.transferred);
        for (cause, count) in &window.failed {
            add(&mut all.failed, *cause, *count);
        }
        all.failed.sort_unstable();
        all.latency.add_sorted(window.latency.iter());
        all.failed_latency.add_sorted(window.failed_latency.iter());
    }
    Some(all)
}

/// Shortens the last window of a run that ended at `end` to the time with load, since rates are per second
/// of this time. Windows after the end without requests are removed.
pub fn close(windows: &mut Vec<LoadWindow>, end: Duration) {
    let is_behind = |last: &LoadWindow| last.start >= end && last.completed() + last.dropped == 0;
    while windows.len() > 1 && windows.last().is_some_and(is_behind) {
        windows.pop();
    }
    if let Some(last) = windows.last_mut().filter(|last| last.start < end) {
        last.length = last.length.min(end.saturating_sub(last.start));
    }
}

/// Adds windows and merges neighbors while there are more than `most`.
pub fn add_within(most: usize, windows: &mut Vec<LoadWindow>, new: &[LoadWindow]) {
    windows.extend_from_slice(new);
    while windows.len() > most.max(1) {
        *windows = windows.chunks(2).filter_map(merged).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counted::ByteCounts;
    use slod_core::load::{Model, Stage};

    fn scenario() -> Scenario {
        Scenario {
            name: "test".into(),
            purpose: String::new(),
            model: Model::Closed {
                think: Duration::ZERO,
            },
            stages: vec![Stage::new("only", 10.0, 10.0, Duration::from_secs(100_000))],
        }
    }

    fn part(number: u64) -> ThreadWindow {
        ThreadWindow {
            number,
            started: 3,
            dropped: 1,
            lacking: 0,
            repeated: 0,
            good: 2,
            failed: vec![(slod_core::outcome::Cause::Status, 1)],
            latency: vec![0, 2, 1],
            failed_latency: vec![0, 0, 1],
            lags: [0; 40],
            ticks: [0; 40],
            active: 5.0,
            bytes: ByteCounts {
                received: 100,
                sent: 50,
            },
        }
    }

    #[test]
    fn too_many_windows_are_merged() {
        let (mut ended, scenario) = (Windows::new(1), scenario());
        let mut kept = Vec::new();
        for number in 0..1000 {
            let window = ended.add(part(number), &scenario, None);
            add_within(10, &mut kept, window.as_slice());
            assert!(kept.len() <= 10);
        }
        let started: u64 = kept.iter().map(|one| one.started).sum();
        assert_eq!(started, 3000, "nothing is lost");
        let sent: Option<u64> = kept.iter().map(|one| one.transferred.sent).sum();
        assert_eq!(sent, Some(50_000));
        let many = vec![kept[0].clone(); 100];
        add_within(10, &mut kept, &many);
        assert!(kept.len() <= 10);
    }

    #[test]
    fn the_last_window_ends_with_the_load() {
        let (mut windows, scenario) = (Windows::new(1), scenario());
        for number in 0..3 {
            windows.add(part(number), &scenario, None);
        }
        let mut kept = windows.finish(&scenario, Duration::from_millis(2250));
        let lengths = |kept: &[LoadWindow]| -> Vec<u128> {
            kept.iter().map(|one| one.length.as_millis()).collect()
        };
        assert_eq!(lengths(&kept), [1000, 1000, 250]);
        assert!((kept[2].active - 20.0).abs() < 1e-9, "{}", kept[2].active);
        // Empty windows after the end are removed; requests never are.
        close(&mut kept, Duration::from_millis(1500));
        assert_eq!(lengths(&kept), [1000, 1000, 250]);
        (kept[2].good, kept[2].failed, kept[2].dropped) = (0, Vec::new(), 0);
        close(&mut kept, Duration::from_millis(1500));
        assert_eq!(lengths(&kept), [1000, 500]);
    }

    #[test]
    fn a_window_belongs_to_the_stage_of_most_of_it() {
        let mut scenario = scenario();
        scenario.stages[0].length = Duration::from_millis(1333);
        scenario.stages.push(Stage {
            to: 20.0,
            from: 20.0,
            ..scenario.stages[0].clone()
        });
        let shown = |number| {
            let window = window(part(number), &scenario, None);
            (window.stage, window.due)
        };
        assert_eq!(
            [shown(0), shown(1), shown(2)],
            [(0, 10.0), (1, 20.0), (1, 20.0)]
        );
    }

    #[test]
    fn a_window_is_complete_with_the_last_thread() {
        let (mut windows, scenario) = (Windows::new(2), scenario());
        assert!(windows.add(part(0), &scenario, None).is_none());
        assert!(windows.add(part(1), &scenario, None).is_none());
        let first = windows
            .add(part(0), &scenario, Some(0.5))
            .expect("complete");
        assert_eq!((first.started, first.completed(), first.dropped), (6, 6, 2));
        assert_eq!((first.due, first.active), (10.0, 10.0));
        assert_eq!(first.latency.iter().collect::<Vec<_>>(), [(1, 4), (2, 2)]);
        assert_eq!(first.failed_latency.iter().collect::<Vec<_>>(), [(2, 2)]);
    }

    #[test]
    fn a_run_of_any_length_keeps_a_bounded_number_of_windows() {
        let (mut windows, scenario) = (Windows::new(1), scenario());
        for number in 0..50_001 {
            windows.add(part(number), &scenario, None);
        }
        let kept = windows.finish(&scenario, Duration::MAX);
        assert!(kept.len() <= KEPT_MAX + 1, "{}", kept.len());
        let sum: u64 = kept.iter().map(|window| window.started).sum();
        let length: Duration = kept.iter().map(|window| window.length).sum();
        assert_eq!((sum, length.as_secs()), (3 * 50_001, 50_001));
        let mut end = Duration::ZERO;
        for window in &kept {
            assert_eq!(window.start, end);
            end += window.length;
        }
    }
}
