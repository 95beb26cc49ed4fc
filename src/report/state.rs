//! The state of an objective, as one word: the same in the terminal and on the page.

use crate::ledger::snapshot::ObjectiveView;

/// The burn rates over an hour and over six that page for a 30-day window: 2 % and 5 % of its budget
/// in that time, as the multiwindow alerts of the SRE workbook have it.
const FAST_1H: f64 = 14.4;
const FAST_6H: f64 = 6.0;

/// From worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectiveState {
    BudgetSpent,
    BurningFast,
    Burning,
    /// The last hours burned the budget, the last minutes do not.
    Recovered,
    NoData,
    Ok,
}

/// Burn rates over some windows; `None` while unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Burn {
    pub last_5m: Option<f64>,
    pub last_1h: Option<f64>,
    pub last_6h: Option<f64>,
}

impl ObjectiveState {
    pub fn of(view: &ObjectiveView) -> Self {
        let burn = Burn {
            last_5m: view.windows[0].burn_rate,
            last_1h: view.windows[2].burn_rate,
            last_6h: view.windows[4].burn_rate,
        };
        Self::judge(view.budget.left(), burn)
    }

    /// By what is left of the budget (`None` while nothing was observed) and how it burns.
    pub fn judge(budget_remaining: Option<f64>, burn: Burn) -> Self {
        let above = |rate: Option<f64>, limit| rate.is_some_and(|rate| rate > limit);
        let over = burn.last_5m.is_some_and(|rate| rate <= 1.0);
        match budget_remaining {
            None => Self::NoData,
            Some(left) if left < 0.0 => Self::BudgetSpent,
            _ if over && (above(burn.last_1h, 1.0) || above(burn.last_6h, FAST_6H)) => {
                Self::Recovered
            }
            _ if above(burn.last_1h, FAST_1H) => Self::BurningFast,
            _ if above(burn.last_1h, 1.0) => Self::Burning,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_burned_and_is_over_has_recovered() {
        let state = |last_5m, last_1h, last_6h| {
            let burn = Burn {
                last_5m,
                last_1h: Some(last_1h),
                last_6h: Some(last_6h),
            };
            ObjectiveState::judge(Some(0.5), burn)
        };
        assert_eq!(state(Some(1000.0), 20.0, 4.0), ObjectiveState::BurningFast);
        assert_eq!(state(Some(0.0), 20.0, 4.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 14.0), ObjectiveState::Recovered);
        assert_eq!(state(Some(0.0), 0.0, 2.0), ObjectiveState::Ok);
        assert_eq!(state(Some(30.0), 2.0, 2.0), ObjectiveState::Burning);
        // Nobody has looked since.
        assert_eq!(state(None, 20.0, 4.0), ObjectiveState::BurningFast);
        let spent = ObjectiveState::judge(Some(-0.1), Burn::default());
        assert_eq!(spent, ObjectiveState::BudgetSpent);
    }
}
