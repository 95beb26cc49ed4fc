//! Burn-rate tiers, and when the condition of a tier is met.

use crate::slo::series::Counts;
use crate::slo::{Objective, StandardWindow, WindowView, budget};
use std::time::Duration;

/// How soon somebody must look at an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Now, at any hour.
    Page,
    /// Today or this week.
    Ticket,
}

/// One burn-rate tier. Its condition is met while the burn rates over its long and its short window both
/// exceed its factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier {
    /// 1 is the fastest.
    pub number: u8,
    pub long: StandardWindow,
    /// The window that shows whether failures continue.
    pub short: StandardWindow,
    /// Share of the error budget of the objective's whole window, in millionths, that is spent within the
    /// long window at this burn rate.
    pub budget: u32,
    pub urgency: Urgency,
    /// Minimum number of bad events in the long window.
    pub min_bad: u32,
}

/// A single bad event in a long window is not an incident.
pub const MIN_BAD: u32 = 2;

/// The default tiers.
///
/// Source: The Site Reliability Workbook, chapter 5, table 5-8 (30 days), with the fourth tier
/// that Sloth and Pyrra add.
pub const TIERS: [Tier; 4] = [
    Tier {
        number: 1,
        long: StandardWindow::Hour1,
        short: StandardWindow::Minutes5,
        budget: 20_000,
        urgency: Urgency::Page,
        min_bad: MIN_BAD,
    },
    Tier {
        number: 2,
        long: StandardWindow::Hours6,
        short: StandardWindow::Minutes30,
        budget: 50_000,
        urgency: Urgency::Page,
        min_bad: MIN_BAD,
    },
    Tier {
        number: 3,
        long: StandardWindow::Day1,
        short: StandardWindow::Hours2,
        budget: 100_000,
        urgency: Urgency::Ticket,
        min_bad: MIN_BAD,
    },
    Tier {
        number: 4,
        long: StandardWindow::Days3,
        short: StandardWindow::Hours6,
        budget: 100_000,
        urgency: Urgency::Ticket,
        min_bad: MIN_BAD,
    },
];

// Tiers are numbered from 1, the fastest first, and a short window is shorter than its long one.
const _: () = {
    let mut at = 0;
    while at < TIERS.len() {
        let tier = &TIERS[at];
        assert!(tier.number as usize == at + 1);
        assert!((tier.short as u8) < tier.long as u8);
        assert!(at == 0 || (TIERS[at - 1].long as u8) < tier.long as u8);
        at += 1;
    }
};

/// Minimum observed share of a long window for its error ratio alone to be conclusive.
const MIN_OBSERVED: f64 = 0.5;

impl Urgency {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }

    pub fn labeled(label: &str) -> Option<Self> {
        [Self::Page, Self::Ticket]
            .into_iter()
            .find(|one| one.label() == label)
    }

    /// The label in metrics, as in the shipped Prometheus rules.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::Page => "critical",
            Self::Ticket => "warning",
        }
    }
}

/// Whether two names mean the same severity. Prometheus rules use `critical` and `warning`.
pub fn same_severity(a: &str, b: &str) -> bool {
    a == b || other_severity(a) == b
}

/// The other name of a severity, or the same word.
pub(super) fn other_severity(word: &str) -> &str {
    match word {
        "critical" => "page",
        "warning" => "ticket",
        "page" => "critical",
        "ticket" => "warning",
        word => word,
    }
}

impl Tier {
    /// The burn rate above which its condition is met: 14.4, 6, 3 and 1 for a 30-day window.
    pub fn factor(&self, window: Duration) -> f64 {
        let share = f64::from(self.budget) / 1e6;
        share * window.as_secs_f64() / self.long.length().as_secs_f64()
    }

    /// The error ratio above which its condition is met.
    pub fn threshold(&self, objective: &Objective) -> f64 {
        self.factor(objective.window.length) * (1.0 - objective.target)
    }

    /// `1h/5m`
    pub fn windows(&self) -> String {
        format!("{}/{}", self.long.name(), self.short.name())
    }

    /// Whether its long window fits into an objective's window.
    pub fn fits(&self, window: Duration) -> bool {
        self.long.length() <= window
    }

    /// Whether the counts of its two windows allow its condition to be met. Cheaper than [`Tier::is_met`].
    pub fn can_be_met(
        &self,
        objective: &Objective,
        counts: impl Fn(StandardWindow) -> Counts,
    ) -> bool {
        let limit = self.threshold(objective);
        let above = |counts| budget::sli(counts).is_some_and(|sli| 1.0 - sli > limit);
        let long = counts(self.long);
        self.is_incident(long.bad, objective) && above(long) && above(counts(self.short))
    }

    /// Whether its condition is met, given the views of an objective's windows.
    pub fn is_met(
        &self,
        objective: &Objective,
        view: impl Fn(StandardWindow) -> WindowView,
    ) -> bool {
        if !self.fits(objective.window.length) {
            return false;
        }
        let limit = self.threshold(objective);
        self.has_burned(objective, &view(self.long)) && is_above(&view(self.short), limit)
    }

    /// Whether its long window exceeds the threshold with enough failures. Its condition is met while the
    /// short window exceeds it, too.
    pub fn has_burned(&self, objective: &Objective, long: &WindowView) -> bool {
        let limit = self.threshold(objective);
        self.is_incident(long.bad, objective) && is_above(long, limit) && is_conclusive(long, limit)
    }

    fn is_incident(&self, bad: u64, objective: &Objective) -> bool {
        is_incident(bad, self.min_bad, objective)
    }
}

/// Whether at least `min_bad` events are bad. Fractional events must exceed `min_bad - 1`.
pub(super) fn is_incident(bad: u64, min_bad: u32, objective: &Objective) -> bool {
    bad > u64::from(min_bad.saturating_sub(1)) * u64::from(objective.budgeting.parts())
}

fn is_above(view: &WindowView, limit: f64) -> bool {
    view.sli.is_some_and(|sli| 1.0 - sli > limit)
}

/// Whether a long window whose error ratio exceeds the limit is conclusive: it was observed for long
/// enough, or it exceeds the limit whatever happens in the rest of it. Otherwise the first two failures of
/// a new service, or of one after maintenance, would exceed every limit.
fn is_conclusive(long: &WindowView, limit: f64) -> bool {
    let observed = (long.good + long.bad) as f64;
    observed >= MIN_OBSERVED * long.nominal || long.bad as f64 > limit * long.nominal
}

#[cfg(test)]
mod tests;
