//! Objectives in words.

use super::numbers::percent;
use crate::slo::{BudgetingMethod, Objective, Sli, Window};
use crate::units::show_duration;

/// `99.9% of minutes`, `95% under 500ms`
pub fn target(objective: &Objective) -> String {
    let what = match (objective.sli, objective.budgeting) {
        (Sli::Latency { below }, BudgetingMethod::Occurrences) => {
            format!("under {}", show_duration(below))
        }
        (Sli::Latency { below }, BudgetingMethod::Timeslices { slice_target }) => {
            let (share, below) = (percent(slice_target), show_duration(below));
            format!("of minutes with {share} under {below}")
        }
        (Sli::Latency { below }, BudgetingMethod::RatioTimeslices) => {
            format!("under {}, averaged over minutes", show_duration(below))
        }
        (_, BudgetingMethod::Timeslices { .. }) => "of minutes".to_owned(),
        (_, BudgetingMethod::RatioTimeslices) => "averaged over minutes".to_owned(),
        (_, BudgetingMethod::Occurrences) => "of probes".to_owned(),
    };
    format!("{} {what}", percent(objective.target))
}

/// `99.9% of minutes over 30d`, `99.9% of minutes each month`
pub fn sentence(objective: &Objective) -> String {
    format!("{} {}", target(objective), span(&objective.window))
}

/// `over 30d`, `each month`
pub fn span(window: &Window) -> String {
    let word = if window.calendar.is_some() {
        "each"
    } else {
        "over"
    };
    format!("{word} {}", window.name())
}

/// `30d`, `month (Europe/Berlin)`
pub fn window(window: &Window) -> String {
    match window.calendar {
        None => window.name(),
        Some(calendar) => format!("{} ({})", window.name(), calendar.zone),
    }
}
