//! Prometheus rules for the objectives and tiers of a config, over the counters `slod_slo_events_total` and
//! `slod_slo_bad_events_total` of all daemons.
//!
//! Recorded series have the names and labels of Sloth, so that its dashboards work. Alerts have the names and
//! labels of the daemon's alerts, so that routes, silences and runbooks can be shared.

mod alerts;
mod budget;
mod file;
mod inhibit;
mod labels;
mod names;
pub mod openslo;
mod promql;
mod recordings;
mod words;
mod yaml;

pub use file::Format;

use crate::alert::{AlertPolicy, AlertRules, Condition, Tier};
use crate::config::{Config, ServiceSpec};
use crate::slo::{Objective, StandardWindow};
use file::{Group, Rule};
use promql::Events;
use std::time::Duration;

/// Evaluation interval of burn rates: fast pages must not be delayed.
const BURN_INTERVAL: &str = "30s";
/// Evaluation interval of whole windows. Series recorded less often than every five minutes have gaps.
const BUDGET_INTERVAL: &str = "2m";

/// An objective, with everything that its rules need.
struct ObjectiveRules<'c> {
    service: &'c ServiceSpec,
    objective: &'c Objective,
    policy: &'c AlertPolicy,
    rules: &'c AlertRules,
    events: Events,
}

impl<'c> ObjectiveRules<'c> {
    fn new(config: &'c Config, service: &'c ServiceSpec, objective: &'c Objective) -> Self {
        Self {
            service,
            objective,
            policy: config.alerts.policy(&service.name, &objective.name),
            rules: &config.alerts,
            events: Events::of(&service.name, objective),
        }
    }

    /// The tiers that can fire for it.
    fn tiers(&self) -> impl Iterator<Item = &'c Tier> {
        let window = self.objective.window.length;
        self.policy.tiers().filter(move |tier| tier.fits(window))
    }

    /// The longest range of its rules.
    fn longest(&self) -> Duration {
        let window = self.objective.window;
        let rolling = window.calendar.is_none().then_some(window.length);
        let recorded = recordings::windows(self).into_iter();
        let recorded = recorded.map(StandardWindow::length);
        recorded.chain(rolling).max().unwrap_or_default()
    }

    /// The alerts of these conditions, and their inhibitors.
    fn alerts(&self, is_chosen: impl Fn(&Condition) -> bool) -> Vec<Rule> {
        let window = self.objective.window.length;
        let can_fire = |one: &&Condition| one.tier().is_none_or(|tier| tier.fits(window));
        let all = self.policy.conditions().iter();
        let conditions: Vec<_> = all.filter(can_fire).filter(|one| is_chosen(one)).collect();
        let alerts = conditions.iter().map(|one| alerts::of(self, one));
        let inhibitors = conditions.iter().filter_map(|one| inhibit::of(self, one));
        alerts.chain(inhibitors).collect()
    }

    fn groups(&self) -> [Group; 2] {
        let id = labels::id(self);
        let mut burn = recordings::of(self);
        burn.extend(self.alerts(|condition| condition.tier().is_some()));
        burn.push(alerts::absent(self));
        let mut budget = budget::of(self);
        budget.extend(self.alerts(|condition| condition.tier().is_none()));
        [
            Group {
                name: format!("slod-slo/{id}"),
                interval: BURN_INTERVAL,
                rules: burn,
            },
            Group {
                name: format!("slod-budget/{id}"),
                interval: BUDGET_INTERVAL,
                rules: budget,
            },
        ]
    }
}

/// Generates the rules of all objectives in a config as a file. Calls `take` with one part of it after the other,
/// until it returns `false`: the rules of 20,000 objectives have 300 MB.
pub fn generate(
    config: &Config,
    format: &Format,
    take: &mut dyn FnMut(&str) -> bool,
) -> Result<(), String> {
    let services = config.services.iter();
    let slos: Vec<ObjectiveRules<'_>> = services
        .flat_map(|service| {
            let objectives = service.objectives.iter();
            objectives.map(move |objective| ObjectiveRules::new(config, service, objective))
        })
        .collect();
    let head = words::HEADER.map(str::to_owned).into_iter();
    let head = head.chain(words::retention(&slos));
    let head: Vec<String> = head.chain(slos.iter().flat_map(words::remarks)).collect();
    if !take(&format!("# {}\n", head.join("\n# "))) {
        return Ok(());
    }
    file::write(&slos, format, take)
}

/// Whether names of Kubernetes objects may start with this.
pub fn is_prefix(text: &str) -> bool {
    text.len() <= LONGEST_PREFIX && names::valid(text) == text
}

/// Maximum length, which leaves room for the suffix.
pub const LONGEST_PREFIX: usize = 40;
