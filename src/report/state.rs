//! The state of an objective as one label: the same in the terminal and on the page.

use crate::alert::page_tiers;
use crate::ledger::snapshot::ObjectiveView;
use crate::slo::StandardWindow;
use std::time::Duration;

/// From worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectiveState {
    BudgetSpent,
    /// At the burn rate of a tier that pages for the objective's window.
    BurningFast,
    Burning,
    /// The last hours burned the budget, the last minutes do not.
    Recovered,
    NoData,
    Ok,
    /// Its time was observed, and there was nothing to count: no requests.
    Quiet,
}

impl ObjectiveState {
    pub fn of(view: &ObjectiveView) -> Self {
        let burn_rate = |window| view.windows[window].burn_rate;
        let state = Self::judge(view.objective.window.length, view.budget.left(), burn_rate);
        let coverage = view.budget.period.coverage;
        match state {
            Self::NoData if coverage.is_some_and(|share| share > 0.0) => Self::Quiet,
            state => state,
        }
    }

    /// By the objective's window, the share of the budget that is left (`None` while nothing was
    /// observed), and the burn rate over a window.
    fn judge(
        window: Duration,
        budget_remaining: Option<f64>,
        burn_rate: impl Fn(StandardWindow) -> Option<f64>,
    ) -> Self {
        let above = |window, limit| burn_rate(window).is_some_and(|rate| rate > limit);
        let mut pages = page_tiers(window);
        let slowest = pages.clone().map(|tier| tier.factor(window));
        // Short objectives page at burn rates below 1.
        let sustainable = slowest.fold(1.0, f64::min);
        let fast = pages.any(|tier| above(tier.long, tier.factor(window)));
        let burning = above(StandardWindow::Hour1, 1.0);
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

    const fn days(days: u64) -> Duration {
        Duration::from_hours(days * 24)
    }

    /// By the burn rates over five minutes, an hour and six hours.
    fn state(window: Duration, minutes5: Option<f64>, hour: f64, hours6: f64) -> ObjectiveState {
        ObjectiveState::judge(window, Some(0.5), |window| match window {
            StandardWindow::Minutes5 => minutes5,
            StandardWindow::Hour1 => Some(hour),
            StandardWindow::Hours6 => Some(hours6),
            _ => None,
        })
    }

    #[test]
    fn what_burned_and_is_over_has_recovered() {
        let state = |minutes5, hour, hours6| state(days(30), minutes5, hour, hours6);
        assert_eq!(state(Some(1000.0), 20.0, 4.0), ObjectiveState::BurningFast);
        assert_eq!(state(Some(0.0), 20.0, 4.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 14.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 2.0), ObjectiveState::Ok);
        assert_eq!(state(Some(30.0), 2.0, 2.0), ObjectiveState::Burning);
        // Nobody has looked since.
        assert_eq!(state(None, 20.0, 4.0), ObjectiveState::BurningFast);
        let spent = ObjectiveState::judge(days(30), Some(-0.1), |_| None);
        assert_eq!(spent, ObjectiveState::BudgetSpent);
    }

    #[test]
    fn what_is_fast_depends_on_the_window_of_the_objective() {
        let state = |length, hour, hours6| state(days(length), Some(5.0), hour, hours6);
        // 2 % of the budget of 7 days in an hour, or 5 % in six hours.
        assert_eq!(state(7, 3.4, 0.5), ObjectiveState::BurningFast);
        assert_eq!(state(7, 3.3, 1.3), ObjectiveState::Burning);
        assert_eq!(state(7, 2.0, 1.5), ObjectiveState::BurningFast);
        assert_eq!(state(30, 3.4, 1.5), ObjectiveState::Burning);
        assert_eq!(state(30, 2.0, 6.1), ObjectiveState::BurningFast);
        // A day pages below a burn rate of 1, and has not recovered while it is above that.
        assert_eq!(state(1, 0.5, 0.1), ObjectiveState::BurningFast);
    }

    #[test]
    fn a_short_objective_that_pages_has_not_recovered() {
        let state = |minutes5| state(days(1), Some(minutes5), 0.6, 0.1);
        assert_eq!(state(0.6), ObjectiveState::BurningFast);
        assert_eq!(state(0.1), ObjectiveState::Recovered);
    }
}
