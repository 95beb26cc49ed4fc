//! State of a run in progress, bounded in size.

use super::view::{Gauge, Point, RunView};
use crate::load::{Figures, LoadWindow, RunRecord};
use crate::outcome::Cause;
use crate::report::families::{self, DRAWN, DrawnFamily};
use crate::report::load_run::Requirement;
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::Tick;
use slod_load::merged;
use std::collections::VecDeque;
use std::sync::Arc;

/// Number of points of a sparkline.
const POINTS: usize = 160;
/// Number of windows that "now" covers.
const RECENT: usize = 10;
/// Maximum number of windows for judging thresholds; beyond it, neighboring windows of a stage are merged.
const KEPT_MAX: usize = 240;
/// Gauges of the service that are shown first if space is limited.
const FIRST: [&str; 4] = [
    "slod_process_cpu_usage_ratio",
    "slod_process_resident_memory_bytes",
    "slod_service_db_pool_usage_ratio",
    "slod_service_queue_depth",
];
/// Maximum number of series with a history.
const SERIES_MAX: usize = 32;

pub struct State {
    view: RunView,
    recent: VecDeque<LoadWindow>,
    points: VecDeque<Point>,
    /// Windows of the whole run.
    windows: Vec<LoadWindow>,
    causes: Vec<(Cause, u64)>,
    series: Vec<(Arc<SeriesKey>, VecDeque<Option<f64>>)>,
    requirements: Vec<Requirement>,
}

impl State {
    /// Starts with the planned run. `is_planned` is whether its stages are meaningful.
    pub fn new(run: &RunRecord, requirements: Vec<Requirement>, title: String) -> Self {
        Self {
            view: RunView {
                title,
                scenario: Some(run.scenario.clone()),
                ..RunView::default()
            },
            recent: VecDeque::new(),
            points: VecDeque::new(),
            windows: Vec::new(),
            causes: Vec::new(),
            series: Vec::new(),
            requirements,
        }
    }

    pub fn window(&mut self, window: &LoadWindow) {
        for (cause, count) in &window.failed {
            match self.causes.iter_mut().find(|(known, _)| known == cause) {
                Some((_, known)) => *known += count,
                None => self.causes.push((*cause, *count)),
            }
        }
        bounded(&mut self.recent, RECENT, window.clone());
        let figures = Figures::of([window]);
        // One window alone often has too few requests.
        let p95 = figures.quantile(0.95);
        let p95 = p95.or_else(|| Figures::of(&self.recent).quantile(0.95));
        bounded(
            &mut self.points,
            POINTS,
            Point {
                rate: figures.rate(),
                p95: p95.map(|one| one.as_secs_f64()),
                errors: figures.error_ratio(),
            },
        );
        self.windows.push(window.clone());
        if self.windows.len() > KEPT_MAX {
            self.windows = thinned(&self.windows);
        }
        self.view.last = Some(window.clone());
    }

    /// Records the gauges that are drawn.
    pub fn sampled(&mut self, tick: &Tick) {
        for (key, kind, value) in &tick.samples {
            if *kind != SeriesKind::Gauge || !DRAWN.iter().any(|one| one.has(key)) {
                continue;
            }
            let place = self.series.iter().position(|(known, _)| known == key);
            let place = match place {
                Some(place) => place,
                None if self.series.len() >= SERIES_MAX => continue,
                None => {
                    self.series.push((key.clone(), VecDeque::new()));
                    self.series.len() - 1
                }
            };
            bounded(&mut self.series[place].1, POINTS, Some(*value));
        }
    }

    pub const fn workers(&mut self, workers: Option<u64>) {
        self.view.workers = workers;
    }

    pub fn lacks(&mut self, first: Option<String>) {
        self.view.lack = first;
    }

    pub const fn ends(&mut self) {
        self.view.is_ending = true;
    }

    /// The current view.
    pub fn view(&self) -> RunView {
        let mut causes = self.causes.clone();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let results = self.requirements.iter().map(|one| one.judge(&self.windows));
        RunView {
            recent: Figures::of(&self.recent),
            total: Figures::of(&self.windows),
            causes,
            points: self.points.iter().cloned().collect(),
            gauges: self.gauges(),
            results: results.collect(),
            ..self.view.clone()
        }
    }

    /// Gauges ordered by family, the most important first.
    fn gauges(&self) -> Vec<Gauge> {
        let mut all = Vec::new();
        let mut families: Vec<&DrawnFamily> = DRAWN.iter().collect();
        let rank = |name: &str| FIRST.iter().position(|first| *first == name);
        families.sort_by_key(|one| rank(one.family).unwrap_or(FIRST.len()));
        for family in families {
            for (key, past) in self.series.iter().filter(|(key, _)| family.has(key)) {
                let name = format!("{} {}", family.title, families::name(key));
                let now = past.back().copied().flatten();
                all.push(Gauge {
                    name: name.trim_end().to_owned(),
                    now: now.map(family.show).unwrap_or_default(),
                    past: past.iter().copied().collect(),
                });
            }
        }
        all
    }
}

fn bounded<T>(all: &mut VecDeque<T>, most: usize, one: T) {
    all.push_back(one);
    if all.len() > most {
        all.pop_front();
    }
}

/// Merges pairs of neighboring windows, unless the load of their stages differs.
fn thinned(windows: &[LoadWindow]) -> Vec<LoadWindow> {
    let mut all = Vec::new();
    let mut rest = windows;
    while let Some((first, after)) = rest.split_first() {
        let second = after.first().filter(|second| second.stage == first.stage);
        let taken = if second.is_some() { 2 } else { 1 };
        all.extend(merged(&rest[..taken]));
        rest = &rest[taken..];
    }
    all
}
