//! Burn-rate tiers: a config has a single list of them, from which objectives choose.

use super::draft::{AlertChoice, Chosen};
use crate::alert::{TIERS, Tier, Urgency};
use crate::import::document::At;
use crate::slo::StandardWindow;
use crate::units::duration;
use serde::Serialize;
use std::collections::BTreeMap;

/// Tiers by their long window, each of which can occur once.
#[derive(Default)]
pub(super) struct Tiers {
    all: BTreeMap<StandardWindow, Spec>,
    /// Whether the source defines its own tiers; otherwise the default ones apply.
    is_given: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    pub short: StandardWindow,
    /// Millionths of the error budget.
    pub budget: u32,
    pub urgency: Urgency,
}

#[derive(Serialize)]
pub(super) struct WrittenTier {
    long: &'static str,
    short: &'static str,
    budget: String,
    urgency: &'static str,
}

impl Tiers {
    /// Marks that the source defines the tiers, even if there are none.
    pub fn give(&mut self) {
        self.is_given = true;
    }

    /// Adds a tier; `false` after a remark if a config cannot have it.
    pub fn add(&mut self, long: StandardWindow, tier: Spec, at: At<'_>) -> bool {
        self.is_given = true;
        if tier.short >= long || tier.budget == 0 || tier.budget > 1_000_000 {
            at.remark("left out: a tier requires a short window below its long one, and 0 to 100% of the budget");
            return false;
        }
        let own = *self.all.entry(long).or_insert(tier);
        if own != tier {
            at.remark(format!(
                "left out: there is already another tier over {}, and a config has only one for each long window",
                long.name()
            ));
        }
        own == tier
    }

    /// The tiers of an urgency.
    pub fn of(&self, urgency: Urgency) -> Vec<Chosen> {
        let own = self.all.iter().map(|(long, tier)| (*long, tier.urgency));
        let default = TIERS.iter().map(|tier| (tier.long, tier.urgency));
        let all: Vec<_> = if self.is_given {
            own.collect()
        } else {
            default.collect()
        };
        let same = all.into_iter().filter(|(_, of)| *of == urgency);
        same.map(|(long, _)| Chosen::Tier(long)).collect()
    }

    fn numbered(&self) -> Vec<StandardWindow> {
        if self.is_given {
            self.all.keys().copied().collect()
        } else {
            TIERS.iter().map(|tier| tier.long).collect()
        }
    }

    /// The choice of an objective; `None` if it uses all alerts.
    pub fn choice(&self, chosen: &[Chosen]) -> Option<AlertChoice> {
        if chosen.contains(&Chosen::All) {
            return None;
        }
        let numbered = self.numbered();
        let is_chosen = |long: &StandardWindow| chosen.contains(&Chosen::Tier(*long));
        let has_named = chosen.iter().any(|one| matches!(one, Chosen::Named(_)));
        if !has_named && !numbered.is_empty() && numbered.iter().all(is_chosen) {
            return None;
        }
        let tiers = numbered.iter().enumerate();
        let mut all: Vec<String> = tiers
            .filter(|(_, long)| is_chosen(long))
            .map(|(place, _)| (place + 1).to_string())
            .collect();
        all.extend(chosen.iter().filter_map(|one| match one {
            Chosen::Named(name) => Some((*name).to_owned()),
            _ => None,
        }));
        Some(match &*all {
            [] => AlertChoice::Off(false),
            _ => AlertChoice::These(all),
        })
    }

    /// The tiers; `None` if they are the default ones.
    pub fn written(&self) -> Option<Vec<WrittenTier>> {
        let is_default = |tier: &Tier| {
            let spec = Spec {
                short: tier.short,
                budget: tier.budget,
                urgency: tier.urgency,
            };
            self.all.get(&tier.long) == Some(&spec)
        };
        let is_default = self.all.len() == TIERS.len() && TIERS.iter().all(is_default);
        if !self.is_given || self.all.is_empty() || is_default {
            return None;
        }
        let written = self.all.iter().map(|(long, tier)| WrittenTier {
            long: long.name(),
            short: tier.short.name(),
            budget: format!("{}%", f64::from(tier.budget) / 10_000.0),
            urgency: tier.urgency.label(),
        });
        Some(written.collect())
    }
}

/// A window that slod counts over; `None` after a remark.
pub(super) fn window(text: &str, at: At<'_>) -> Option<StandardWindow> {
    let length = duration(text);
    let mut all = StandardWindow::ALL.into_iter();
    let found = all.find(|window| Some(window.length()) == length);
    if found.is_none() {
        let names = StandardWindow::ALL.map(StandardWindow::name).join(", ");
        at.remark(format!(
            "left out: slod does not support the window {text}, only {names}"
        ));
    }
    found
}

/// The usual short window for a long one: a twelfth, or the next shorter supported window.
pub(super) fn usual_short(long: StandardWindow) -> StandardWindow {
    let fits = |short: &StandardWindow| short.length() * 12 <= long.length();
    let mut all = StandardWindow::ALL.into_iter().filter(fits);
    all.next_back().unwrap_or(StandardWindow::Minutes5)
}
