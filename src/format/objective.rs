//! Formats objectives.

use super::numbers::exact_percent;
use crate::slo::{BudgetingMethod, EventSource, Objective, Sli, Window};

/// Target: `99.9% of minutes`, `95% under 500ms`.
pub fn target(objective: &Objective) -> String {
    let events = match objective.source {
        EventSource::Probes => "probes",
        EventSource::Metrics => "requests",
    };
    if let Sli::Throughput(throughput) = objective.sli {
        let (target, rate) = (exact_percent(objective.target), throughput.at_least);
        return format!("{target} of minutes with at least {rate}");
    }
    let what = match (objective.sli.threshold(), objective.budgeting) {
        (Some(threshold), BudgetingMethod::Occurrences)
            if objective.source == EventSource::Metrics =>
        {
            format!("of {events} {}", threshold.words())
        }
        (Some(threshold), BudgetingMethod::Occurrences) => threshold.words(),
        (Some(threshold), BudgetingMethod::Timeslices { slice_target }) => {
            let share = exact_percent(slice_target);
            format!("of minutes with {share} {}", threshold.words())
        }
        (Some(threshold), BudgetingMethod::RatioTimeslices) => {
            format!("{}, averaged over minutes", threshold.words())
        }
        (_, BudgetingMethod::Timeslices { .. }) => "of minutes".to_owned(),
        (_, BudgetingMethod::RatioTimeslices) => "averaged over minutes".to_owned(),
        (_, BudgetingMethod::Occurrences) => format!("of {events}"),
    };
    format!("{} {what}", exact_percent(objective.target))
}

/// Target and window: `99.9% of minutes over 30d`, `99.9% of minutes each month`.
pub fn sentence(objective: &Objective) -> String {
    format!("{} {}", target(objective), span(&objective.window))
}

/// Window as an adverbial: `over 30d`, `each month`.
pub fn span(window: &Window) -> String {
    let word = if window.calendar.is_some() {
        "each"
    } else {
        "over"
    };
    format!("{word} {}", window.name())
}

/// Window: `30d`, `month (Europe/Berlin)`.
pub fn window(window: &Window) -> String {
    match window.calendar {
        None => window.name(),
        Some(calendar) => format!("{} ({})", window.name(), calendar.zone),
    }
}
