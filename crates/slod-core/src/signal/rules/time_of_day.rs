//! Growth that the time of day explains, while the traffic of a service is unknown.

use super::growth::{GrowthInput, growth_words};
use super::unusual::MIN_DAYS;
use super::{Answer, is_traffic_unknown};
use crate::signal::Presence;
use crate::trend::{Growth, GrowthRules};
use std::time::Duration;

/// Until three earlier days are known, growth must be this many times as large. Memory that is 20% above its mean
/// at noon and 20% below it at midnight grows by up to 15% within two hours; the sign of memory, by default 5%,
/// then begins at 20%.
const BEYOND_A_DAY: f64 = 4.0;
/// Growth that reaches a limit within this time is reported at any time of day: a daily rise continues for as long.
const SOON: Duration = Duration::from_hours(3);

/// What a number reached in the life of the processes, until a day ago: at any time of day, and at this one.
/// Something that follows the traffic of a day does not exceed it, and a leak exceeds it all the time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Earlier {
    pub highest: f64,
    /// The number of known days; if it is 0, `highest` has no meaning.
    pub days: u32,
}

/// The rules of a number. While its traffic is unknown, they apply to the share of what it reached on earlier days, if
/// it exceeds that: what leaks for a day grows by an ever smaller share of itself.
pub(super) fn rules(number: &GrowthInput<'_>) -> GrowthRules {
    let known = number.earlier.filter(|earlier| earlier.days > 0);
    let known = known.filter(|_| is_traffic_unknown(number.traffic, number.track));
    let share = known.zip(number.track.last());
    let share = share.map_or(1.0, |(earlier, last)| (earlier.highest / last).min(1.0));
    GrowthRules {
        share: share * number.rules.share,
        ..number.rules
    }
}

/// The answer about growth that may be explained by the time of day. `None` if it cannot be, or if the traffic is
/// known.
pub(super) fn explained(number: &GrowthInput<'_>, growth: &Growth) -> Option<Answer> {
    let earlier = number.earlier?;
    let is_urgent = growth.until_limit.is_some_and(|left| left <= SOON);
    if is_urgent || !is_traffic_unknown(number.traffic, number.track) {
        return None;
    }
    let is_known = earlier.days >= MIN_DAYS;
    let from = if earlier.days > 0 {
        earlier.highest
    } else {
        growth.from
    };
    let times = if is_known { 1.0 } else { BEYOND_A_DAY };
    let least = number.rules.floor.max(times * number.rules.share * from);
    if growth.to - from >= least {
        return None;
    }
    let words = growth_words(number, growth);
    let is_usual = earlier.days > 0 && growth.to <= from;
    Some(if is_known || is_usual {
        let (unit, days) = (number.unit, earlier.days);
        let highest = from / number.scale;
        let evidence = format!(
            "{words}, but not clearly above the {highest:.0} {unit} of earlier days ({days} days of history)"
        );
        (Presence::Clear, evidence)
    } else {
        let evidence = format!(
            "{words}, which the time of day may explain: traffic is unknown, and {} of the {MIN_DAYS} required days of history are known",
            earlier.days
        );
        (Presence::Unknown, evidence)
    })
}
