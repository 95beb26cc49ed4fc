//! Objectives whose budgets or alerts do not work with the intervals of their probes.

use super::finding::{Finding, objectives, percent, plain, spacing, span};
use crate::alert::{TIERS, Tier};
use crate::config::draft::{Draft, Located, ServiceDraft};
use crate::config::keys::probe::SHORTEST_INTERVAL;
use crate::config::keys::{self, alerts, notify, objective};
use crate::signal::kinds::METRICS_UNREADABLE;
use crate::slo::{BudgetingMethod, Objective};
use std::sync::Arc;

pub(super) fn tier_never_fires(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let objective = &placed.value;
        let policy = draft.alerts.policy(&service.name, &objective.name);
        let mut tiers = policy
            .tiers()
            .filter(|tier| tier.fits(objective.window.length));
        let Some(tier) = tiers.find(|tier| tier.threshold(objective) >= 1.0) else {
            continue;
        };
        let factor = tier.factor(objective.window.length);
        found.push(Finding {
            at: placed.spot_of(&objective::TARGET),
            message: format!(
                "the alert over {} can never fire: it would need more than {} times the error budget, which is {} errors",
                tier.long.name(),
                plain(factor),
                percent(tier.threshold(objective)),
            ),
            help: format!(
                "slower alerts still work; this one needs a target above {}",
                percent(1.0 - 1.0 / factor)
            ),
        });
    }
    found
}

/// Services that are observed only by scrapes, unless a route names the sign of failing scrapes.
pub(super) fn no_page_if_down(draft: &Draft<'_>) -> Vec<Finding> {
    let sign = METRICS_UNREADABLE.name;
    let mut routes = draft.root.sections(&notify::ROUTES);
    let is_routed = routes.any(|route| {
        let matchers = route.map(&notify::MATCH);
        matchers.iter().any(|(_, value, _)| value == sign)
    });
    let services = draft.services.iter().filter(|service| {
        !is_routed
            && service.is_only_scraped()
            && service.borrowed.is_empty()
            && !service.objectives.is_empty()
    });
    let found = services.map(|service| Finding {
        at: draft.root.spot_of(&keys::SERVICES),
        message: format!(
            "`{}` has no probes: while its metrics cannot be read, nothing is counted, and only a ticket ({}) is sent",
            service.name, METRICS_UNREADABLE.alert
        ),
        help: format!(
            "to be paged when it is down, add a probe, or a route for `signal: {sign}`"
        ),
    });
    found.collect()
}

/// Tiers longer than an objective's window, if tiers are configured or the objective chose them. The
/// default tiers are not reported: some of them are longer than any short window.
pub(super) fn tier_exceeds_window(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let objective = &placed.value;
        let is_chosen = placed.section.has(&alerts::OF_OBJECTIVE);
        let policy = draft.alerts.policy(&service.name, &objective.name);
        let mut tiers = policy
            .tiers()
            .filter(|tier| is_chosen || !TIERS.contains(tier));
        let Some(tier) = tiers.find(|tier| !tier.fits(objective.window.length)) else {
            continue;
        };
        found.push(Finding {
            at: placed.section.spot().clone(),
            message: format!(
                "tier {} of `{}` can never fire: its window of {} is longer than the objective's window of {}",
                tier.number,
                objective.name,
                tier.long.name(),
                objective.window.name(),
            ),
            help: "choose other tiers with `alerts` in the objective, or lengthen its window".to_owned(),
        });
    }
    found
}

/// The tier of the fastest page, if the objective counts attempts.
fn page<'d>(draft: &'d Draft<'_>, service: &str, objective: &Objective) -> Option<&'d Tier> {
    let counts_attempts = objective.budgeting == BudgetingMethod::Occurrences;
    let policy = draft.alerts.policy(service, &objective.name);
    let pages = policy.pages(objective.window.length);
    pages
        .filter(|_| counts_attempts)
        .min_by_key(|tier| tier.long)
}

/// A service, its objective, the tier of the fastest page, and the mean time between two attempts in seconds.
type Paged<'d, 'n> = (
    &'d ServiceDraft<'n>,
    &'d Located<'n, Arc<Objective>>,
    &'d Tier,
    f64,
);

/// All objectives whose alerts page.
fn paged<'d, 'n>(draft: &'d Draft<'n>) -> impl Iterator<Item = Paged<'d, 'n>> {
    objectives(draft).filter_map(|(service, placed)| {
        let tier = page(draft, &service.name, &placed.value)?;
        let spacing = spacing(service, &placed.value)?;
        Some((service, placed, tier, spacing))
    })
}

/// Fewer than two attempts fit into the short window.
fn is_too_coarse(tier: &Tier, spacing: f64) -> bool {
    spacing > tier.short.length().as_secs_f64() / 2.0
}

pub(super) fn one_failure_pages(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed, tier, spacing) in paged(draft) {
        let objective = &placed.value;
        let limit = tier.long.length().as_secs_f64() * tier.threshold(objective);
        // If the interval is also too coarse, only that is reported.
        if spacing <= limit || is_too_coarse(tier, spacing) {
            continue;
        }
        let attempts = tier.long.length().as_secs_f64() / spacing;
        found.push(Finding {
            at: placed.section.spot().clone(),
            message: format!(
                "a single failure of `{}` exceeds the threshold of the page over {}: 1 of {} attempts is {}, and the page fires above {}",
                service.name,
                tier.long.name(),
                plain(attempts),
                percent(1.0 / attempts),
                percent(tier.threshold(objective)),
            ),
            help: format!(
                "use {}a lower target; alerts wait for a second failure in any case",
                if limit < SHORTEST_INTERVAL.as_secs_f64() {
                    String::new()
                } else {
                    format!("an interval of at most {}, or ", span(limit))
                }
            ),
        });
    }
    found
}

pub(super) fn interval_too_coarse(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed, tier, spacing) in paged(draft) {
        if !is_too_coarse(tier, spacing) {
            continue;
        }
        found.push(Finding {
            at: placed.section.spot().clone(),
            message: format!(
                "`{}` has an attempt every {}, so the short window of a page, {}, contains at most one",
                service.name,
                span(spacing),
                tier.short.name(),
            ),
            help: format!(
                "use an interval of at most {} to keep such alerts from flapping",
                span(tier.short.length().as_secs_f64() / 2.0)
            ),
        });
    }
    found
}

pub(super) fn budget_below_one_failure(draft: &Draft<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (service, placed) in objectives(draft) {
        let objective = &placed.value;
        let Some(spacing) = spacing(service, objective) else {
            continue;
        };
        let (each, what, first) = match objective.budgeting {
            // A failed attempt counts as a part of a minute.
            BudgetingMethod::Occurrences | BudgetingMethod::RatioTimeslices => {
                (spacing, "attempts", "failure")
            }
            BudgetingMethod::Timeslices { .. } => {
                let slice = BudgetingMethod::SLICE.as_secs_f64();
                (spacing.max(slice), "minutes", "bad minute")
            }
        };
        let events = objective.window.length.as_secs_f64() / each;
        let budget = events * (1.0 - objective.target);
        // A budget of exactly one must not be reported because of rounding.
        if budget > 1.0 - 1e-9 {
            continue;
        }
        found.push(Finding {
            at: placed.spot_of(&objective::TARGET),
            message: format!(
                "{} of {} {what} of `{}` in {} is an error budget of {}: the first {first} misses the target",
                percent(1.0 - objective.target),
                plain(events),
                service.name,
                objective.window.name(),
                plain(budget),
            ),
            help: "lower the target, lengthen the window, or probe more often".to_owned(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::{Combine, NoDataPolicy, Sli, Window};
    use std::time::Duration;

    fn objective(target: f64, days: u64) -> Objective {
        Objective {
            name: String::new(),
            sli: Sli::Success,
            source: crate::slo::EventSource::Probes,
            target,
            window: Window::rolling(Duration::from_hours(days * 24)),
            additional_windows: Vec::new(),
            budgeting: BudgetingMethod::Occurrences,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: Vec::new(),
        }
    }

    #[test]
    fn factors_match_the_workbook_and_scale_with_the_window() {
        let factors =
            |days| TIERS.map(|tier| plain(tier.factor(objective(0.999, days).window.length)));
        assert_eq!(factors(30), ["14.4", "6", "3", "1"]);
        assert_eq!(factors(28), ["13.4", "5.6", "2.8", "0.9333"]);
    }

    #[test]
    fn one_failure_exceeds_a_page_from_the_known_intervals_on() {
        let limits = TIERS
            .map(|tier| tier.long.length().as_secs_f64() * tier.threshold(&objective(0.999, 30)));
        for (limit, expected) in limits.into_iter().zip([51.84, 129.6, 259.2, 259.2]) {
            assert!((limit - expected).abs() < 1e-6, "{limit} is not {expected}");
        }
    }
}
