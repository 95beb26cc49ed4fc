//! The target of an objective, its budgeting method and its time window.

use crate::import::document::At;
use crate::import::slo::draft::{Objective, Target};
use crate::units::duration;
use chrono::{Datelike, NaiveDate, Weekday};

pub(super) fn target(at: At<'_>, objective: &mut Objective) -> Option<()> {
    at.only(&[
        "displayName",
        "target",
        "targetPercent",
        "timeSliceTarget",
        "timeSliceWindow",
        "indicator",
        "indicatorRef",
    ]);
    if let Some(name) = at.get(&["displayName"]) {
        name.remark("`displayName` is left out: a config has only names");
    }
    if let Some(percent) = at.get(&["targetPercent"]).and_then(At::text) {
        objective.target = Target::percent(&percent);
        return Some(());
    }
    let ratio = at.need(&["target"])?;
    let Ok(ratio) = ratio.parse() else {
        at.remark("left out: `target` is not a number");
        return None;
    };
    objective.target = Target::Ratio(ratio);
    Some(())
}

pub(super) fn budgeting(spec: At<'_>, at: At<'_>, objective: &mut Objective) -> Option<()> {
    let method = spec.need(&["budgetingMethod"])?;
    let written = match method.as_str() {
        "Occurrences" => "occurrences",
        "Timeslices" => "timeslices",
        "RatioTimeslices" => "ratio_timeslices",
        _ => {
            spec.remark(format!("left out: `budgetingMethod` is `{method}`"));
            return None;
        }
    };
    objective.keys.insert("budgeting", written.to_owned());
    match at.get(&["timeSliceTarget"]).and_then(At::text) {
        Some(slice) if written == "timeslices" => {
            objective.keys.insert("slice_target", slice);
        }
        Some(_) => at.remark(format!(
            "`timeSliceTarget` is left out: it has no effect with `budgetingMethod: {method}`"
        )),
        None if written == "timeslices" => at.remark(
            "`timeSliceTarget` is missing: a minute is good if at least half of its events are; set `slice_target`",
        ),
        None => {}
    }
    let slice = at.get(&["timeSliceWindow"]).and_then(At::text);
    if let Some(slice) = slice.filter(|slice| slice != "1m") {
        at.remark(format!("slices of {slice} become slices of 1m"));
    }
    Some(())
}

/// A rolling window such as `30d`, or a calendar period.
pub(super) fn time_window(spec: At<'_>, objective: &mut Objective) -> Option<()> {
    // The specification has a list, but a single window is often written without one.
    let windows = spec.get(&["timeWindow"]).map(|at| match at.items() {
        windows if windows.is_empty() && !at.entries().is_empty() => vec![at],
        windows => windows,
    });
    let windows = windows.unwrap_or_default();
    let Some(at) = windows.first() else {
        spec.remark("left out, because `timeWindow` is missing");
        return None;
    };
    for other in &windows[1..] {
        other.remark("left out: the alerts of an objective use a single window; add others as `further_windows` to show their budgets");
    }
    let length = at.need(&["duration"])?;
    let is_rolling = at.get(&["isRolling"]).is_some_and(At::is_true);
    let calendar = at.get(&["calendar"]);
    if let Some(calendar) = calendar.filter(|_| is_rolling) {
        calendar.remark("`calendar` is left out: the window is rolling");
    } else if !is_rolling && calendar.is_none() {
        at.remark("the window becomes a rolling one, because `calendar` is missing");
    }
    if is_rolling || calendar.is_none() {
        objective.keys.insert("window", rolling(&length, *at)?);
        return Some(());
    }
    calendar_window(&length, *at, objective)
}

fn calendar_window(length: &str, at: At<'_>, objective: &mut Objective) -> Option<()> {
    let period = match length {
        "1w" | "7d" => "week",
        "1M" => "month",
        "1Q" | "3M" => "quarter",
        "1Y" | "12M" => "year",
        _ => {
            at.remark(format!(
                "left out: calendar window of {length}; slod supports week, month, quarter and year"
            ));
            return None;
        }
    };
    objective.keys.insert("window", period.to_owned());
    if let Some(zone) = at.path(&["calendar", "timeZone"]).and_then(At::text) {
        objective.keys.insert("timezone", zone);
    }
    let start = at.path(&["calendar", "startTime"]).and_then(At::text);
    if start.is_some_and(|start| !is_start(period, &start)) {
        at.remark(format!(
            "`startTime` is left out: a {period} starts as in the calendar"
        ));
    }
    Some(())
}

/// Whether a calendar period begins at a time such as `2024-01-01 00:00:00`.
fn is_start(period: &str, time: &str) -> bool {
    let Some((date, time)) = time.split_at_checked("2024-01-01".len()) else {
        return false;
    };
    let Ok(day) = date.parse::<NaiveDate>() else {
        return false;
    };
    let is_midnight = !time.contains(|c: char| c.is_ascii_digit() && c != '0');
    let is_first = match period {
        "week" => day.weekday() == Weekday::Mon,
        "month" => day.day0() == 0,
        "quarter" => day.day0() == 0 && day.month0().is_multiple_of(3),
        _ => day.ordinal0() == 0,
    };
    is_midnight && is_first
}

/// Converts the units to those of a config; months have no fixed length.
fn rolling(length: &str, at: At<'_>) -> Option<String> {
    let days = |unit, days: u64| {
        let count: u64 = length.strip_suffix(unit)?.parse().ok()?;
        Some(format!("{}d", count.checked_mul(days)?))
    };
    if duration(length).is_some() {
        return Some(length.to_owned());
    }
    let found = days('M', 30)
        .or_else(|| days('Q', 90))
        .or_else(|| days('Y', 365));
    match &found {
        Some(found) => at.remark(format!("a rolling window of {length} becomes {found}")),
        None => at.remark(format!("left out: `{length}` is not a duration")),
    }
    found
}
