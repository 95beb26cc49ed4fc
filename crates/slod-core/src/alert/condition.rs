//! The conditions that an objective can alert on, and when each is met.

use super::Urgency;
use super::state::Timing;
use super::tier::{TIERS, Tier, is_incident};
use crate::format;
use crate::outcome::Timestamp;
use crate::slo::series::Counts;
use crate::slo::{Objective, StandardWindow, WindowView};
use crate::units::show_duration;
use std::sync::Arc;
use std::time::Duration;

/// One alert condition of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The budget burns faster than the threshold of a tier.
    Tier(Tier),
    /// The budget is exhausted.
    Exhausted,
    /// The budget runs out within this time at the burn rate of the last day, or of the objective's window
    /// if that is shorter.
    Forecast(Duration),
}

/// The state of an objective's error budget at one moment.
pub trait Burning {
    fn service(&self) -> &Arc<str>;

    fn objective(&self) -> &Objective;

    fn counts(&self, window: StandardWindow) -> Counts;

    fn window(&self, window: StandardWindow) -> WindowView;

    /// Remaining share of the error budget.
    fn remaining(&self) -> Option<f64>;

    /// When the budget runs out at the burn rate of the last day, or of the objective's window if that is
    /// shorter.
    fn exhaustion(&self) -> Option<Timestamp>;

    /// Whether a counted event was bad within this span, or one of the last two events was where events are
    /// less frequent.
    fn was_bad(&self, within: Duration) -> bool;

    /// A description of the newest failure within a window, if known.
    fn last_failure(&self, _: StandardWindow) -> Option<String> {
        None
    }
}

/// The alert conditions of an objective; those that inhibit others come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertPolicy {
    conditions: Arc<[Condition]>,
    /// The longest window of the tiers, and the smallest number of failures that any condition needs in it.
    quiet: Option<(StandardWindow, u32)>,
}

/// Maximum number of conditions in a policy.
pub const MAX_CONDITIONS: usize = 16;

/// Which conditions of a policy are met, by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetConditions(u16);

/// Default forecast horizon.
pub const DEFAULT_FORECAST: Duration = Duration::from_hours(3 * 24);

/// Minimum spent share of the budget for a forecast.
const FORECAST_SPENT: f64 = 0.25;

impl Default for AlertPolicy {
    fn default() -> Self {
        Self::new(TIERS.map(Condition::Tier))
    }
}

impl AlertPolicy {
    pub fn new(conditions: impl IntoIterator<Item = Condition>) -> Self {
        let conditions: Arc<[_]> = conditions.into_iter().take(MAX_CONDITIONS).collect();
        let tiers = || conditions.iter().filter_map(Condition::tier);
        let longest = tiers().map(|tier| tier.long).max();
        // A single failure can exhaust a budget.
        let least = |condition: &Condition| condition.tier().map_or(1, |tier| tier.min_bad);
        let quiet = longest.zip(conditions.iter().map(least).min());
        Self { conditions, quiet }
    }

    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The longest time after a failure in which a condition can still become true. Forecasts look back one
    /// day.
    pub fn longest(&self) -> Duration {
        let day = StandardWindow::Day1.length();
        self.quiet.map_or(day, |(long, _)| long.length().max(day))
    }

    pub fn tiers(&self) -> impl Iterator<Item = &Tier> {
        self.conditions.iter().filter_map(Condition::tier)
    }

    /// The tiers that can page for an objective with this window.
    pub fn pages(&self, window: Duration) -> impl Iterator<Item = &Tier> + Clone {
        let tiers = self.conditions.iter().filter_map(Condition::tier);
        tiers.filter(move |tier| tier.urgency == Urgency::Page && tier.fits(window))
    }
}

impl MetConditions {
    pub const fn contains(self, position: usize) -> bool {
        self.0 >> position & 1 == 1
    }

    pub const fn any(self) -> bool {
        self.0 != 0
    }
}

impl FromIterator<bool> for MetConditions {
    fn from_iter<I: IntoIterator<Item = bool>>(met: I) -> Self {
        let bits = met.into_iter().take(MAX_CONDITIONS).enumerate();
        Self(bits.fold(0, |all, (at, met)| all | u16::from(met) << at))
    }
}

impl Condition {
    pub const fn tier(&self) -> Option<&Tier> {
        match self {
            Self::Tier(tier) => Some(tier),
            Self::Exhausted | Self::Forecast(_) => None,
        }
    }

    /// Only tiers can page.
    pub const fn urgency(&self) -> Urgency {
        match self {
            Self::Tier(tier) => tier.urgency,
            Self::Exhausted | Self::Forecast(_) => Urgency::Ticket,
        }
    }

    /// Whether an alert of tier `other` explains this one: it is faster and at least as severe, because a
    /// ticket does not page anybody. An exhausted budget does not follow from any burn rate.
    pub fn is_inhibited_by(&self, other: &Tier) -> bool {
        let is_faster = match self {
            Self::Tier(tier) => other.number < tier.number,
            Self::Forecast(_) => true,
            Self::Exhausted => false,
        };
        is_faster && other.urgency <= self.urgency()
    }

    /// The value of the label `tier`.
    pub fn label(&self) -> String {
        match self {
            Self::Tier(tier) => tier.number.to_string(),
            Self::Exhausted => "exhausted".to_owned(),
            Self::Forecast(_) => "forecast".to_owned(),
        }
    }

    /// `1h/5m`; `budget` for an exhausted budget, `within 3d` for a forecast.
    pub fn windows(&self) -> String {
        match self {
            Self::Tier(tier) => tier.windows(),
            Self::Exhausted => "budget".to_owned(),
            Self::Forecast(within) => format!("within {}", show_duration(*within)),
        }
    }

    /// The stored form: `tier 1 1h/5m 20000 page 2`, `exhausted`, `forecast 259200`.
    pub fn code(&self) -> String {
        match self {
            Self::Tier(tier) => {
                let Tier {
                    number,
                    budget,
                    urgency,
                    min_bad,
                    ..
                } = tier;
                let (windows, urgency) = (tier.windows(), urgency.label());
                format!("tier {number} {windows} {budget} {urgency} {min_bad}")
            }
            Self::Exhausted => "exhausted".to_owned(),
            Self::Forecast(within) => format!("forecast {}", within.as_secs()),
        }
    }

    /// The inverse of [`Condition::code`].
    pub fn parse(code: &str) -> Option<Self> {
        let words: Vec<&str> = code.split(' ').collect();
        match words[..] {
            ["exhausted"] => Some(Self::Exhausted),
            ["forecast", seconds] => {
                Some(Self::Forecast(Duration::from_secs(seconds.parse().ok()?)))
            }
            ["tier", number, windows, budget, urgency, min_bad] => {
                let (long, short) = windows.split_once('/')?;
                Some(Self::Tier(Tier {
                    number: number.parse().ok()?,
                    long: StandardWindow::named(long)?,
                    short: StandardWindow::named(short)?,
                    budget: budget.parse().ok()?,
                    urgency: Urgency::labeled(urgency)?,
                    min_bad: min_bad.parse().ok()?,
                }))
            }
            _ => None,
        }
    }

    /// A description that follows the name of an objective: `error-budget burn over 1h/5m`.
    pub fn words(&self) -> String {
        match self {
            Self::Tier(tier) => format!("error-budget burn over {}", tier.windows()),
            Self::Exhausted => "error budget exhausted".to_owned(),
            Self::Forecast(within) => {
                format!("error budget runs out within {}", show_duration(*within))
            }
        }
    }

    /// The name of its alert, as in the shipped Prometheus rules.
    pub fn alertname(&self) -> String {
        match self {
            Self::Tier(tier) => {
                let urgency = match tier.urgency {
                    Urgency::Page => "Page",
                    Urgency::Ticket => "Ticket",
                };
                format!("SlodBudgetBurn{urgency}{}", tier.long.name())
            }
            Self::Exhausted => "SlodBudgetExhausted".to_owned(),
            Self::Forecast(_) => "SlodBudgetRunsOut".to_owned(),
        }
    }

    /// A burn rate fires at once. A forecast is extrapolated from noisy rates and must persist first.
    pub const fn timing(&self) -> Timing {
        const HOUR: Duration = Duration::from_hours(1);
        match self {
            Self::Tier(tier) => Timing::at_once(tier.short.length()),
            Self::Exhausted => Timing::at_once(HOUR),
            Self::Forecast(_) => Timing {
                pending: Duration::from_mins(30),
                confirmations: 3,
                keep: Duration::from_hours(2),
            },
        }
    }

    fn is_met(&self, burning: &impl Burning, now: Timestamp) -> bool {
        match self {
            Self::Tier(tier) => {
                let objective = burning.objective();
                tier.can_be_met(objective, |window| burning.counts(window))
                    && tier.is_met(objective, |window| burning.window(window))
            }
            Self::Exhausted => burning.remaining().is_some_and(|left| left <= 0.0),
            Self::Forecast(within) => {
                let is_spent = |left: f64| left > 0.0 && 1.0 - left >= FORECAST_SPENT;
                let is_soon = |at: Timestamp| at <= now.after(*within);
                burning.remaining().is_some_and(is_spent)
                    && burning.exhaustion().is_some_and(is_soon)
            }
        }
    }

    /// The numbers behind the decision as one sentence.
    pub(super) fn sentence(&self, burning: &impl Burning) -> String {
        let name = format!("{}/{}", burning.service(), burning.objective().name);
        let spent = burning.remaining().map(|left| format::spent(1.0 - left));
        let spent = spent.map(|spent| format!("{spent} of the error budget is spent"));
        let unknown = || "the spent share of the error budget is unknown".to_owned();
        match self {
            Self::Tier(tier) => {
                let burn = format!("{name}: {}", burn(tier, burning));
                let last = burning.last_failure(tier.short);
                let last = last.map(|last| format!("last failure: {last}"));
                let parts = [Some(burn), spent, last].into_iter().flatten();
                parts.collect::<Vec<_>>().join("; ")
            }
            Self::Exhausted => {
                let window = &burning.objective().window;
                let until = match window.calendar {
                    None => format!("failures leave the window of {}", window.name()),
                    Some(calendar) => format!("the next {} begins", calendar.period.name()),
                };
                let spent = spent.unwrap_or_else(unknown);
                format!("{name}: {spent}; the objective is missed until {until}")
            }
            Self::Forecast(_) => {
                let at = burning.exhaustion().map(Timestamp::to_utc);
                let at = at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
                format!(
                    "{name}: {}; at the burn rate of {} it runs out at {}",
                    spent.unwrap_or_else(unknown),
                    burning.objective().window.recent(),
                    at.unwrap_or_default()
                )
            }
        }
    }
}

/// The burn rates over the windows of a tier: `52 of 360 attempts were bad in the last 1h, a burn rate of ...`.
fn burn(tier: &Tier, burning: &impl Burning) -> String {
    let objective = burning.objective();
    let (long, short) = (burning.window(tier.long), burning.window(tier.short));
    let events = |counts| format::events(counts, objective.budgeting);
    let unit = objective.events();
    let rate = |view: &WindowView| {
        let bad = view.sli.map_or(0.0, |sli| 1.0 - sli);
        bad / (1.0 - objective.target)
    };
    format!(
        "{} of {} {unit} were bad in the last {}, a burn rate of {} ({} over {}; the limit is {})",
        events(long.bad),
        events(long.good + long.bad),
        tier.long.name(),
        format::burn(rate(&long)),
        format::burn(rate(&short)),
        tier.short.name(),
        format::burn(tier.factor(objective.window.length)),
    )
}

/// Returns which conditions are met. For most objectives, the counts of the longest window suffice: with
/// too few failures in it, no tier is met. The budgets of such objectives are evaluated only if
/// `thoroughly`, since only failures spend them.
pub fn met(
    policy: &AlertPolicy,
    burning: &impl Burning,
    now: Timestamp,
    thoroughly: bool,
) -> MetConditions {
    let is_quiet = policy.quiet.is_some_and(|(longest, least)| {
        !is_incident(burning.counts(longest).bad, least, burning.objective())
    });
    if is_quiet && !thoroughly {
        return MetConditions::default();
    }
    let each = policy.conditions.iter();
    each.map(|condition| condition.is_met(burning, now))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_is_evaluated_if_it_can_exhaust_a_budget() {
        let tiers = || TIERS.map(Condition::Tier).into_iter();
        let least = |policy: AlertPolicy| policy.quiet.map(|(_, least)| least);
        assert_eq!(least(AlertPolicy::new(tiers())), Some(TIERS[0].min_bad));
        let budget = tiers().chain([Condition::Exhausted]);
        assert_eq!(least(AlertPolicy::new(budget)), Some(1));
    }

    #[test]
    fn codes_round_trip() {
        let all = TIERS.map(Condition::Tier).into_iter();
        let forecast = Condition::Forecast(Duration::from_hours(3 * 24));
        for condition in all.chain([Condition::Exhausted, forecast]) {
            assert_eq!(Condition::parse(&condition.code()), Some(condition));
        }
        let first = Condition::Tier(TIERS[0]).code();
        assert_eq!(first, "tier 1 1h/5m 20000 page 2");
        for code in ["", "tier 1", "tier 1 1h/4m 20000 page 2", "forecast x"] {
            assert_eq!(Condition::parse(code), None, "{code}");
        }
    }
}
