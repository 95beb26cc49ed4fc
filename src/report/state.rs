//! State of an objective as one label, shared by the terminal and the pages.

use crate::alert::AlertPolicy;
use crate::ledger::snapshot::ObjectiveView;
use crate::slo::{Objective, StandardWindow, WindowView};

/// Ordered from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectiveState {
    BudgetSpent,
    /// Fast enough for a page-level alert of the objective, in its long window.
    BurningFast,
    Burning,
    /// The budget burned in the last hours, but not in the last minutes.
    Recovered,
    NoData,
    Ok,
    /// Observed, but without events to count: no requests.
    Quiet,
}

impl ObjectiveState {
    pub fn of(view: &ObjectiveView) -> Self {
        let windows = |window| &view.windows[window];
        let state = Self::judge(&view.objective, &view.policy, view.budget.left(), windows);
        let coverage = view.budget.period.coverage;
        match state {
            Self::NoData if coverage.is_some_and(|share| share > 0.0) => Self::Quiet,
            state => state,
        }
    }

    /// Judges by the remaining budget ratio (`None` while nothing was observed), and by the window's data.
    fn judge<'v>(
        objective: &Objective,
        policy: &AlertPolicy,
        budget_remaining: Option<f64>,
        view: impl Fn(StandardWindow) -> &'v WindowView,
    ) -> Self {
        let burn_rate = |window| view(window).burn_rate;
        let mut pages = policy.pages(objective.window.length);
        let slowest = pages
            .clone()
            .map(|tier| tier.factor(objective.window.length));
        // Short objectives page at burn rates below 1.
        let sustainable = slowest.fold(1.0, f64::min);
        let fast = pages.any(|tier| tier.has_burned(objective, view(tier.long)));
        let burning = burn_rate(StandardWindow::Hour1).is_some_and(|rate| rate > 1.0);
        let over = burn_rate(StandardWindow::Minutes5).is_some_and(|rate| rate <= sustainable);
        match budget_remaining {
            None => Self::NoData,
            Some(left) if left < 0.0 => Self::BudgetSpent,
            _ if over && (fast || burning) => Self::Recovered,
            _ if fast => Self::BurningFast,
            _ if burning => Self::Burning,
            _ => Self::Ok,
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Self::BudgetSpent => "budget spent",
            Self::BurningFast => "burning fast",
            Self::Burning => "burning",
            Self::Recovered => "recovered",
            Self::NoData => "no data",
            Self::Ok => "ok",
            Self::Quiet => "quiet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::alert::{Condition, TIERS, Tier};
    use crate::slo::{
        BudgetingMethod, Combine, EventSource, NoDataPolicy, Sli, StandardWindows, Window,
    };
    use std::time::Duration;

    const TARGET: f64 = 0.999;
    const EVENTS: f64 = 1e7;

    fn objective(days: u64) -> Objective {
        Objective {
            name: "availability".into(),
            sli: Sli::Success,
            source: EventSource::Probes,
            target: TARGET,
            window: Window::rolling(Duration::from_hours(days * 24)),
            additional_windows: Vec::new(),
            budgeting: BudgetingMethod::Occurrences,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: Vec::new(),
        }
    }

    /// A completely observed window.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn burned(rate: Option<f64>) -> WindowView {
        let bad = rate.map_or(0.0, |rate| rate * (1.0 - TARGET) * EVENTS);
        WindowView {
            good: (EVENTS - bad) as u64,
            bad: bad as u64,
            void: 0,
            expected: EVENTS,
            nominal: EVENTS,
            sli: rate.map(|_| 1.0 - bad / EVENTS),
            burn_rate: rate,
            coverage: Some(1.0),
            beyond_retention: false,
        }
    }

    fn by(
        policy: &AlertPolicy,
        days: u64,
        minutes5: Option<f64>,
        hour: f64,
        hours6: f64,
    ) -> ObjectiveState {
        let windows = StandardWindows::of(|window| match window {
            StandardWindow::Minutes5 => burned(minutes5),
            StandardWindow::Hour1 => burned(Some(hour)),
            StandardWindow::Hours6 => burned(Some(hours6)),
            _ => burned(None),
        });
        ObjectiveState::judge(&objective(days), policy, Some(0.5), |window| {
            &windows[window]
        })
    }

    /// State by the burn rates over 5 minutes, 1 hour and 6 hours.
    fn state(days: u64, minutes5: Option<f64>, hour: f64, hours6: f64) -> ObjectiveState {
        by(&AlertPolicy::default(), days, minutes5, hour, hours6)
    }

    #[test]
    fn a_burn_that_ended_has_recovered() {
        let state = |minutes5, hour, hours6| state(30, minutes5, hour, hours6);
        assert_eq!(state(Some(1000.0), 20.0, 4.0), ObjectiveState::BurningFast);
        assert_eq!(state(Some(0.0), 20.0, 4.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 14.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 2.0), ObjectiveState::Ok);
        assert_eq!(state(Some(30.0), 2.0, 2.0), ObjectiveState::Burning);
        // No outcomes since then.
        assert_eq!(state(None, 20.0, 4.0), ObjectiveState::BurningFast);
        let nothing = burned(None);
        let policy = AlertPolicy::default();
        let spent = ObjectiveState::judge(&objective(30), &policy, Some(-0.1), |_| &nothing);
        assert_eq!(spent, ObjectiveState::BudgetSpent);
    }

    #[test]
    fn burning_fast_depends_on_the_window_of_the_objective() {
        let state = |length, hour, hours6| state(length, Some(5.0), hour, hours6);
        // 2% of a 7-day budget in one hour, or 5% in six hours.
        assert_eq!(state(7, 3.4, 0.5), ObjectiveState::BurningFast);
        assert_eq!(state(7, 3.3, 1.3), ObjectiveState::Burning);
        assert_eq!(state(7, 2.0, 1.5), ObjectiveState::BurningFast);
        assert_eq!(state(30, 3.4, 1.5), ObjectiveState::Burning);
        assert_eq!(state(30, 2.0, 6.1), ObjectiveState::BurningFast);
        // A 1-day window pages below a burn rate of 1, and has not recovered while it is above that.
        assert_eq!(state(1, 0.5, 0.1), ObjectiveState::BurningFast);
    }

    #[test]
    fn a_short_objective_that_pages_has_not_recovered() {
        let state = |minutes5| state(1, Some(minutes5), 0.6, 0.1);
        assert_eq!(state(0.6), ObjectiveState::BurningFast);
        assert_eq!(state(0.1), ObjectiveState::Recovered);
    }

    #[test]
    fn burning_fast_depends_on_the_tiers_of_the_objective() {
        let rates = (Some(20.0), 20.0, 20.0);
        let state = |policy: &AlertPolicy| by(policy, 30, rates.0, rates.1, rates.2);
        assert_eq!(state(&AlertPolicy::default()), ObjectiveState::BurningFast);
        assert_eq!(state(&AlertPolicy::new([])), ObjectiveState::Burning);
        let slower = AlertPolicy::new([Condition::Tier(Tier {
            budget: 90_000,
            ..TIERS[0]
        })]);
        assert_eq!(state(&slower), ObjectiveState::Burning);
    }

    #[test]
    fn few_failures_are_not_fast() {
        let few = WindowView {
            good: 9,
            bad: 1,
            ..burned(Some(100.0))
        };
        let policy = AlertPolicy::default();
        let state = ObjectiveState::judge(&objective(30), &policy, Some(0.5), |_| &few);
        assert_eq!(state, ObjectiveState::Burning);
    }
}
