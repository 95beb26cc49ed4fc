//! Renders a run in progress as terminal lines. Pure.

use crate::cli::screen::Size;
use crate::format::bars::{bar, sparkline};
use crate::format::width::{columns, cut, padded};
use crate::format::{numbers, times};
use crate::load::{Figures, LoadWindow, Model, Scenario};
use crate::outcome::Cause;
use crate::report::table::known;
use crate::text::printable;
use crate::threshold::{Decision, NotMeasured, ThresholdResult};
use std::time::Duration;

/// Column widths of names, and of the values after a sparkline.
const NAME: usize = 22;
const NUMBER: usize = 12;
/// Gauges of the service that remain visible even with many thresholds.
const GAUGES_MIN: usize = 4;
/// Maximum width; more columns add no information.
const WIDTH_MAX: usize = 160;
const GOOD: &str = "\x1b[32m";
const BAD: &str = "\x1b[31m";
const PLAIN: &str = "\x1b[0m";

/// Everything that is shown of a run.
#[derive(Clone, Debug, Default)]
pub struct RunView {
    /// `stress of web, by k6`
    pub title: String,
    /// `None` for a run without a planned load.
    pub scenario: Option<Scenario>,
    /// Whether the run was asked to stop.
    pub is_ending: bool,
    pub last: Option<LoadWindow>,
    /// Statistics of the last ten windows, and of the whole run.
    pub recent: Figures,
    pub total: Figures,
    /// Failures so far, the most frequent first.
    pub causes: Vec<(Cause, u64)>,
    /// Points of the last minutes.
    pub points: Vec<Point>,
    pub gauges: Vec<Gauge>,
    pub thresholds: Vec<ThresholdResult>,
    pub workers: Option<u64>,
    /// The resource of the generator's machine that first prevented a start.
    pub lack: Option<String>,
}

/// One window of the last minutes.
#[derive(Clone, Debug)]
pub struct Point {
    pub rate: f64,
    /// In seconds.
    pub p95: Option<f64>,
    pub errors: Option<f64>,
}

/// A gauge of the service or the host.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// `Memory app`
    pub name: String,
    pub now: String,
    pub past: Vec<Option<f64>>,
}

/// Renders the view after `elapsed`, as lines that fit the terminal.
pub fn lines(view: &RunView, elapsed: Duration, (width, height): Size, color: bool) -> Vec<String> {
    let width = width.saturating_sub(1).min(WIDTH_MAX);
    let mut all = head(view, elapsed, width);
    all.extend(client(view));
    all.extend(curves(view, width));
    let height = height.saturating_sub(1);
    let room = height.saturating_sub(all.len());
    let thresholds = thresholds(view);
    let for_thresholds = room.saturating_sub(view.gauges.len().min(GAUGES_MIN));
    let for_thresholds = thresholds.len().min(for_thresholds);
    let gauges = view.gauges.iter().take(room - for_thresholds);
    all.extend(gauges.map(|gauge| curve(&gauge.name, &gauge.past, &gauge.now, width)));
    all.extend(thresholds.into_iter().take(for_thresholds));
    all.truncate(height);
    let fitting = all.iter().map(|line| cut(line, width).to_owned());
    fitting.map(|line| colored(line, color)).collect()
}

/// Title, stage and elapsed time.
fn head(view: &RunView, elapsed: Duration, width: usize) -> Vec<String> {
    let length = |time: Duration| times::length(time.as_secs() as f64);
    let state = if view.is_ending { "ending" } else { "running" };
    let planned = view.scenario.as_ref().map(Scenario::length);
    let planned = planned.filter(|length| !length.is_zero());
    let time = match planned {
        Some(planned) => format!("{state}, {} of {}", length(elapsed), length(planned)),
        None => format!("{state}, {}", length(elapsed)),
    };
    let mut all = vec![between(&view.title, &time, width)];
    if let (Some(planned), Some(scenario)) = (planned, &view.scenario) {
        if has_levels(scenario) {
            let left = planned.saturating_sub(elapsed);
            let left = format!("{} left", length(left));
            all.push(between(&stage(scenario, elapsed), &left, width));
        }
        let share = (elapsed.as_secs_f64() / planned.as_secs_f64()).min(1.0);
        let full = crate::units::whole(width as f64 * share);
        let full = usize::try_from(full).unwrap_or(width).min(width);
        let rest = width - full;
        all.push(bar(1.0).to_string().repeat(full) + &bar(0.0).to_string().repeat(rest));
    }
    all.push(String::new());
    all
}

/// Whether load levels are planned; an observed load has none.
fn has_levels(scenario: &Scenario) -> bool {
    scenario.peak() > 0.0
}

/// `stage ramp (2 of 3), 10 to 200 users`
fn stage(scenario: &Scenario, elapsed: Duration) -> String {
    let Some((number, _)) = scenario.at(elapsed) else {
        return "waiting for the last requests".to_owned();
    };
    let Some(stage) = scenario.stages.get(number) else {
        return String::new();
    };
    let (levels, unit) = (numbers::levels(stage.from, stage.to), unit(scenario));
    let (name, count) = (&stage.name, scenario.stages.len());
    format!("stage {name} ({} of {count}), {levels} {unit}", number + 1)
}

const fn unit(scenario: &Scenario) -> &'static str {
    match scenario.model {
        Model::Closed { .. } => "users",
        Model::Open { .. } => "requests/s",
    }
}

/// Rate, latencies and failures, now and over the run.
fn client(view: &RunView) -> Vec<String> {
    let latency = |figures: &Figures, q: f64| known(figures.quantile(q), numbers::latency);
    let errors = |figures: &Figures| known(figures.error_ratio(), numbers::failed);
    let mut all = level(view);
    let row =
        |name: &str, now: &str, run: &str| format!("{name:<NAME$}{now:>NUMBER$}{run:>NUMBER$}");
    let started = view
        .last
        .as_ref()
        .map(|one| one.started as f64 / one.length.as_secs_f64());
    all.push(row("", "now", "run"));
    // An observer only sees responses.
    if view.scenario.as_ref().is_some_and(has_levels) {
        all.push(row(
            "offered",
            &known(started, |rate| format!("{rate:.1}/s")),
            &format!("{:.1}/s", per_second(view.total.started, &view.total)),
        ));
    }
    let rate = |figures: &Figures| format!("{:.1}/s", per_second(figures.completed, figures));
    all.push(row("answered", &rate(&view.recent), &rate(&view.total)));
    for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        all.push(row(
            name,
            &latency(&view.recent, q),
            &latency(&view.total, q),
        ));
    }
    let causes = view.causes.iter().take(4);
    let causes: Vec<_> = causes
        .map(|(cause, count)| format!("{} x{count}", cause.label()))
        .collect();
    let failed = row("failed", &errors(&view.recent), &errors(&view.total));
    all.push(format!("{failed}   {}", causes.join(", ")));
    all
}

/// Planned and actual load, if a load is planned.
fn level(view: &RunView) -> Vec<String> {
    let (Some(window), Some(scenario)) = (&view.last, &view.scenario) else {
        return Vec::new();
    };
    if !has_levels(scenario) {
        return Vec::new();
    }
    let workers = view.workers.map(|count| format!(", {count} workers"));
    let active = match scenario.model {
        Model::Closed { .. } => "active",
        Model::Open { .. } => "in flight",
    };
    let mut all = vec![format!(
        "{:<NAME$}{:.1} {} due, {:.1} {active}, {} dropped{}",
        "load",
        window.due,
        unit(scenario),
        window.active,
        view.total.dropped,
        workers.unwrap_or_default(),
    )];
    all.extend(lack_lines(view));
    all
}

/// How many of the dropped starts the generator's machine caused, and why.
fn lack_lines(view: &RunView) -> Vec<String> {
    let lacking = view.total.lacking;
    if lacking == 0 {
        return Vec::new();
    }
    let count = format!(
        "{:<NAME$}{lacking} of them for lack of resources on this machine, first:",
        ""
    );
    // The description is long, and its end names the resource.
    let first = view.lack.as_deref().unwrap_or("-");
    vec![count, format!("  {}", printable(first))]
}

fn per_second(count: u64, figures: &Figures) -> f64 {
    let seconds = figures.length.as_secs_f64();
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

/// Sparklines of the last minutes.
fn curves(view: &RunView, width: usize) -> Vec<String> {
    let past = |of: fn(&Point) -> Option<f64>| view.points.iter().map(of).collect::<Vec<_>>();
    let last = view.points.last();
    let rate = known(last.map(|one| one.rate), |rate| format!("{rate:.1}/s"));
    let p95 = known(last.and_then(|one| one.p95), numbers::seconds);
    let errors = known(last.and_then(|one| one.errors), numbers::failed);
    vec![
        curve("rate", &past(|one| Some(one.rate)), &rate, width),
        curve("p95", &past(|one| one.p95), &p95, width),
        curve("failed", &past(|one| one.errors), &errors, width),
    ]
}

fn curve(name: &str, past: &[Option<f64>], now: &str, width: usize) -> String {
    let name = padded(cut(name, NAME - 1), NAME);
    let room = width.saturating_sub(NAME + NUMBER);
    format!("{name}{:<room$}{now:>NUMBER$}", sparkline(past, room))
}

/// State of the thresholds so far, missed ones first; those with too few requests are open.
fn thresholds(view: &RunView) -> Vec<String> {
    let mut all: Vec<&ThresholdResult> = view.thresholds.iter().collect();
    all.sort_by_key(|one| one.decision != Decision::Missed);
    let each = all.into_iter().map(|result| {
        let state = match result.decision {
            Decision::Missed => "missed",
            Decision::Met => "ok",
            Decision::LoadTooLow | Decision::Undecided | Decision::Unmeasured => "open",
        };
        let measured = match result.measured {
            Ok(value) => result.threshold.of.show(value),
            Err(NotMeasured::Bad { failed: 1.., .. }) => "failed".to_owned(),
            Err(_) => "-".to_owned(),
        };
        let threshold = result.threshold.to_string();
        format!("{state:<8}{threshold:<17} {measured:<9} {}", result.source)
    });
    each.collect()
}

/// Colors the first word of a threshold by its state.
fn colored(line: String, color: bool) -> String {
    let with = |word: &str, color: &str| line.replacen(word, &format!("{color}{word}{PLAIN}"), 1);
    match line.split_whitespace().next() {
        Some("ok") if color => with("ok", GOOD),
        Some("missed") if color => with("missed", BAD),
        _ => line,
    }
}

/// Puts two texts at the two ends of a line.
fn between(left: &str, right: &str, width: usize) -> String {
    let used = columns(left) + columns(right);
    let gap = width.saturating_sub(used).max(2);
    format!("{left}{}{right}", " ".repeat(gap))
}

#[cfg(test)]
mod tests;
