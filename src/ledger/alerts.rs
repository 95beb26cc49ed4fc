//! Burn-rate alerts as they fire now: evaluated with every snapshot, and kept over restarts.

use super::snapshot::WINDOWS;
use super::state::Ledger;
use crate::outcome::Timestamp;
use crate::slo::burn::{Alert, Change, Fired, FiredFor, TIERS};
use crate::slo::{BudgetView, Objective, WindowView};
use std::sync::Arc;
use std::time::Duration;

/// One objective's alerts, one per tier.
#[derive(Clone, Debug, Default)]
pub(super) struct Alerts {
    states: [Alert; TIERS.len()],
    /// What fires now, as it was reported when it began.
    firing: Vec<Fired>,
}

impl Alerts {
    pub(super) const fn states(&self) -> [Alert; TIERS.len()] {
        self.states
    }

    /// Goes on with what fired when the program ended. `held` is when somebody knew last.
    fn recall(&mut self, fired: Fired, held: Timestamp) {
        let since = fired.from;
        let held = held.max(since);
        self.states[place(&fired)] = Alert::Firing { since, held };
        self.firing.push(fired);
    }

    /// Takes the windows of a moment; calls `report` with what began or ended.
    pub(super) fn step(
        &mut self,
        objective: &Objective,
        windows: &[WindowView; WINDOWS.len()],
        budget: &BudgetView,
        now: Timestamp,
        mut report: impl FnMut(Fired),
    ) {
        let view = |wanted: Duration| {
            let found = WINDOWS.iter().position(|(_, window)| *window == wanted);
            found.map_or_else(WindowView::default, |at| windows[at])
        };
        for (at, tier) in TIERS.iter().enumerate() {
            let holds = tier.holds_by(objective, view);
            match self.states[at].step(tier, holds, now) {
                None => {}
                Some(Change::Fired) => {
                    let fired = Fired {
                        tier,
                        from: now,
                        to: None,
                        spent: budget.remaining.map(|left| 1.0 - left),
                        inhibited: self.states[..at].iter().any(|faster| faster.is_firing()),
                    };
                    self.firing.push(fired.clone());
                    report(fired);
                }
                Some(Change::Resolved(end)) => self.end(at, end, &mut report),
            }
        }
    }

    /// The clock was set to `now`: an alert of the future ended when it began, and none held later.
    pub(super) fn set_to(&mut self, now: Timestamp, mut report: impl FnMut(Fired)) {
        for at in 0..TIERS.len() {
            if let Alert::Firing { since, held } = self.states[at] {
                if since > now {
                    self.states[at] = Alert::Inactive;
                    self.end(at, since, &mut report);
                } else {
                    let held = held.min(now);
                    self.states[at] = Alert::Firing { since, held };
                }
            }
        }
    }

    /// Nothing fires any more: the objective is gone.
    pub(super) fn end_all(&mut self, now: Timestamp, mut report: impl FnMut(Fired)) {
        for at in 0..TIERS.len() {
            self.states[at] = Alert::Inactive;
            self.end(at, now, &mut report);
        }
    }

    fn end(&mut self, tier: usize, end: Timestamp, report: &mut impl FnMut(Fired)) {
        for fired in self.firing.extract_if(.., |fired| place(fired) == tier) {
            report(Fired {
                to: Some(end),
                ..fired
            });
        }
    }
}

fn place(fired: &Fired) -> usize {
    let place = TIERS.iter().position(|tier| tier == fired.tier);
    place.unwrap_or_default()
}

impl Ledger {
    /// Goes on with the alerts that fired when the program ended, `held` at the latest. Those of
    /// objectives that are gone have ended.
    pub fn recall_alerts(&mut self, firing: Vec<FiredFor>, held: Timestamp, now: Timestamp) {
        for mut alert in firing {
            let mut services = self.parts().0.iter_mut();
            let service = services.find(|service| service.name == alert.service);
            let mut objectives = service
                .into_iter()
                .flat_map(|service| &mut service.objectives);
            let named = |name: &str| *name == *alert.slo;
            let found = objectives.find(|one| named(&one.tracker.objective().name));
            if alert.fired.from > now {
                alert.fired.to = Some(alert.fired.from);
                self.push_alert(alert);
            } else if let Some(objective) = found {
                objective.alerts.recall(alert.fired, held);
            } else {
                alert.fired.to = Some(now);
                self.push_alert(alert);
            }
        }
    }
}

/// An alert with whose it is.
pub(super) fn named(service: &Arc<str>, objective: &Objective, fired: Fired) -> FiredFor {
    FiredFor {
        service: service.clone(),
        slo: objective.name.as_str().into(),
        fired,
    }
}
