//! Objectives that count minutes, but have too few attempts per minute.

use super::finding::{Finding, objectives, percent, plain, spacing, span};
use crate::config::draft::Draft;
use crate::slo::{BudgetingMethod, Combine, Objective, Sli};

pub(super) fn sparse_slices(draft: &Draft<'_>) -> Vec<Finding> {
    let slice = BudgetingMethod::SLICE.as_secs_f64();
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let counts_slices = placed.value.budgeting.is_sliced();
        let Some(spacing) = spacing(service, &placed.value).filter(|spacing| *spacing > slice)
        else {
            continue;
        };
        if counts_slices {
            found.push(Finding {
                at: placed.section.spot().clone(),
                message: format!(
                    "`{}` has an attempt every {}, so only one in {} minutes contains an attempt",
                    service.name,
                    span(spacing),
                    plain(spacing / slice)
                ),
                help: "use an interval of at most 1m, or set `budgeting: occurrences`".to_owned(),
            });
        }
    }
    found
}

/// The `slice_target` of an objective that counts attempts. Heartbeats are excluded, because a missing
/// report is not a random failure.
fn slice_target(objective: &Objective) -> Option<f64> {
    match objective.budgeting {
        BudgetingMethod::Timeslices { slice_target } if objective.sli != Sli::Freshness => {
            // If all attempts must be good, a single failure is meant to make the minute bad.
            Some(slice_target).filter(|target| *target < 1.0)
        }
        _ => None,
    }
}

pub(super) fn one_failure_fails_a_slice(draft: &Draft<'_>) -> Vec<Finding> {
    let slice = BudgetingMethod::SLICE.as_secs_f64();
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let objective = &placed.value;
        let Some(target) = slice_target(objective) else {
            continue;
        };
        let intervals = service.counting(objective);
        let intervals = intervals.map(|probe| probe.value.interval.as_secs_f64());
        // With `any` or weights, no single failure makes a minute bad.
        let each = match objective.combine {
            Combine::Pooled => spacing(service, objective),
            Combine::All => intervals.reduce(f64::max),
            Combine::Any | Combine::Weighted => None,
        };
        let Some(each) = each else { continue };
        let attempts = (slice / each).floor().max(1.0);
        if 1.0 - 1.0 / attempts >= target {
            continue;
        }
        // A target of exactly 90% is met by ten attempts, regardless of rounding.
        let needed = (1.0 / (1.0 - target) - 1e-9).ceil().max(2.0);
        found.push(Finding {
            at: placed.section.spot().clone(),
            message: format!(
                "a single failure of `{}` makes a whole minute bad: a minute contains {} of its attempts, and {} of them must be good",
                service.name,
                plain(attempts),
                percent(target),
            ),
            help: format!(
                "use {} attempts per minute (one every {}), or set `budgeting: occurrences`",
                plain(needed),
                span(slice / needed),
            ),
        });
    }
    found
}
