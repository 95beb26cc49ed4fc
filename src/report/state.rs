//! How an objective stands, as one word: the same in the terminal and on the page.

use crate::ledger::snapshot::ObjectiveView;

/// The burn rate of the last hour that spends 2 % of a 30 day budget in it: the paging tier of the
/// multiwindow alerts in the SRE workbook.
const FAST: f64 = 14.4;

/// From worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectiveState {
    BudgetSpent,
    BurningFast,
    Burning,
    NoData,
    Ok,
}

impl ObjectiveState {
    pub fn of(view: &ObjectiveView) -> Self {
        Self::judge(view.budget.left(), view.windows[2].burn_rate)
    }

    /// By what is left of the budget (`None` while nothing was observed) and the burn rate of the
    /// last hour.
    pub fn judge(budget_remaining: Option<f64>, burn_rate_1h: Option<f64>) -> Self {
        match (budget_remaining, burn_rate_1h) {
            (None, _) => Self::NoData,
            (Some(left), _) if left < 0.0 => Self::BudgetSpent,
            (_, Some(burn)) if burn > FAST => Self::BurningFast,
            (_, Some(burn)) if burn > 1.0 => Self::Burning,
            _ => Self::Ok,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::BudgetSpent => "budget spent",
            Self::BurningFast => "burning fast",
            Self::Burning => "burning",
            Self::NoData => "no data",
            Self::Ok => "ok",
        }
    }
}
