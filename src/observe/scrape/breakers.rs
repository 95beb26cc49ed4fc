//! The circuit breakers of a service that are open or opened recently, by the labels of their
//! series. Pure.

use super::plan::Plan;
use super::scan::Scanned;
use super::view::{BreakerView, ServiceMetrics};
use crate::outcome::Timestamp;
use crate::roles::Role;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of breakers per service with names; further ones have none.
pub const NAMES_MAX: usize = 1000;
/// Maximum length of a name in characters.
const NAME_MAX: usize = 60;
/// Maximum number of breakers shown, open ones first.
const SHOWN_MAX: usize = 10;
/// A breaker is shown if it was open within this time, which is how far the warning sign looks
/// back.
const RECENT: Duration = Duration::from_mins(10);
/// Labels that name a breaker, in order of precedence: those of resilience4j, opossum and most
/// applications, of Envoy, and of LiteLLM.
const NAMING: [&str; 8] = [
    "name",
    "breaker",
    "circuit_breaker",
    "breaker_name",
    "circuit",
    "envoy_cluster_name",
    "litellm_model_name",
    "model",
];
/// Labels that do not identify the breaker, such as its state or process.
const OTHER: [&str; 5] = ["state", "event", "pid", "instance", "job"];

/// The name of the breaker of a series with these labels; `None` without labels.
pub fn name<'a, V: AsRef<str>>(labels: impl Iterator<Item = (&'a str, V)>) -> Option<String> {
    let labels: Vec<(&str, V)> = labels
        .filter(|(label, value)| !OTHER.contains(label) && !value.as_ref().is_empty())
        .collect();
    let value = |wanted: &&str| {
        let found = labels.iter().find(|(label, _)| label == wanted)?;
        Some(found.1.as_ref().to_owned())
    };
    let name = NAMING.iter().find_map(value).unwrap_or_else(|| {
        let pairs = labels.iter();
        let pairs = pairs.map(|(label, value)| format!("{label}={}", value.as_ref()));
        pairs.collect::<Vec<_>>().join(" ")
    });
    shown(&name)
}

/// The beginning of a name, without control characters; `None` if nothing is left.
pub(super) fn shown(name: &str) -> Option<String> {
    let name: String = crate::text::printable(name)
        .chars()
        .take(NAME_MAX)
        .collect();
    (!name.is_empty()).then_some(name)
}

/// The state of the breakers of one service.
#[derive(Debug, Default)]
pub struct Breakers {
    by_name: BTreeMap<Arc<str>, Breaker>,
    /// Whether the last page had series of any role: a new series then counted from 0. The page of
    /// an exporter whose target is down has none.
    had_roles: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Breaker {
    /// On the last page that contained its counter.
    trips: Option<f64>,
    open_since: Option<Timestamp>,
    /// Whether it was open on the first page, or the first one after a page without any roles.
    or_before: bool,
    opened: Option<Timestamp>,
    /// When it was last open or opened.
    seen: Option<Timestamp>,
}

impl Breakers {
    /// Takes a page. Returns the open breakers, longest open first, and then those that opened
    /// recently, latest first.
    pub fn follow(
        &mut self,
        plan: &Plan,
        metrics: &ServiceMetrics,
        scanned: &Scanned,
        now: Timestamp,
    ) -> Vec<BreakerView> {
        let nothing = BTreeMap::new();
        let names = |role: Role| {
            let names = metrics.role(role).and_then(|view| {
                let mut rules = plan.rules_of(role);
                let (at, _) = rules.find(|(_, rule)| *rule.written == *view.selector)?;
                Some(&scanned.by_rule.get(&at)?.names)
            });
            names.unwrap_or(&nothing)
        };
        let (states, trips) = (
            names(Role::CircuitBreakerOpen),
            names(Role::CircuitBreakerTrips),
        );
        let is_first = !std::mem::replace(&mut self.had_roles, scanned.has_series());
        if self.by_name.len() >= NAMES_MAX {
            let known = |name: &str| states.contains_key(name) || trips.contains_key(name);
            self.by_name
                .retain(|name, one| known(name) || one.is_recent(now));
        }
        for name in states.keys().chain(trips.keys()) {
            if !self.by_name.contains_key(&**name) && self.by_name.len() < NAMES_MAX {
                self.by_name
                    .insert(name.as_str().into(), Breaker::default());
            }
        }
        for (name, one) in &mut self.by_name {
            // NaN is ignored.
            let state = states.get(&**name).filter(|state| !state.is_nan());
            let is_open = state.map(|state| *state != 0.0);
            one.take(is_open, trips.get(&**name).copied(), is_first, now);
        }
        self.shown(now)
    }

    fn shown(&self, now: Timestamp) -> Vec<BreakerView> {
        let recent = self.by_name.iter().filter(|(_, one)| one.is_recent(now));
        let mut shown: Vec<BreakerView> = recent
            .map(|(name, one)| BreakerView {
                name: name.clone(),
                open_since: one.open_since,
                or_before: one.or_before,
                opened: one.opened,
            })
            .collect();
        shown.sort_by_key(|one| {
            let since = one.open_since.unwrap_or(Timestamp(i64::MAX));
            (since, Reverse(one.opened))
        });
        shown.truncate(SHOWN_MAX);
        shown
    }
}

#[cfg(test)]
impl BreakerView {
    /// The maximum number of bytes for one service.
    pub const fn most_bytes() -> usize {
        SHOWN_MAX * (size_of::<Self>() + 4 * NAME_MAX)
    }
}

impl Breaker {
    /// Takes its state and its counter, as far as the page has them. When a breaker opened is
    /// unknown on a first page.
    fn take(&mut self, is_open: Option<bool>, trips: Option<f64>, is_first: bool, now: Timestamp) {
        let before = self.trips.unwrap_or(0.0);
        let is_counted = self.trips.is_some() || !is_first;
        // A value that fell was reset and counts from 0.
        let has_opened =
            is_counted && trips.is_some_and(|now| now > before || (now < before && now > 0.0));
        self.trips = trips.or(self.trips);
        match is_open {
            Some(true) if self.open_since.is_none() => {
                (self.open_since, self.or_before) = (Some(now), is_first);
                self.opened = Some(now);
            }
            Some(true) => {}
            Some(false) | None => self.open_since = None,
        }
        if has_opened {
            self.opened = Some(now);
        }
        if has_opened || is_open == Some(true) {
            self.seen = Some(now);
        }
    }

    fn is_recent(&self, now: Timestamp) -> bool {
        self.seen.is_some_and(|seen| seen.after(RECENT) > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(labels: &[(&'static str, &str)]) -> Option<String> {
        name(labels.iter().map(|(label, value)| (*label, *value)))
    }

    #[test]
    fn a_breaker_is_named_by_the_labels_of_its_series() {
        let name = named(&[("group", "none"), ("name", "payments"), ("state", "open")]);
        assert_eq!(name.as_deref(), Some("payments"));
        let name = named(&[
            ("pid", "7"),
            ("upstream", "db"),
            ("zone", "b"),
            ("event", "open"),
        ]);
        assert_eq!(name.as_deref(), Some("upstream=db zone=b"));
        assert_eq!(named(&[("state", "open"), ("name", "")]), None);
        let long = named(&[("name", &"x\n".repeat(100))]).expect("named");
        assert_eq!((long.len(), long.contains('\n')), (NAME_MAX, false));
    }

    #[test]
    fn a_breaker_that_opened_between_two_pages_is_detected_by_its_counter() {
        let at = Timestamp::from_secs;
        let mut one = Breaker::default();
        one.take(None, Some(5.0), true, at(0));
        assert_eq!(one.opened, None, "the time is unknown");
        one.take(None, Some(6.0), false, at(10));
        assert_eq!((one.opened, one.open_since), (Some(at(10)), None));
        one.take(None, Some(1.0), false, at(20));
        assert_eq!(one.opened, Some(at(20)), "the counter was reset");
        assert!(one.is_recent(at(619)) && !one.is_recent(at(620)));
        one.take(None, None, false, at(700));
        one.take(None, Some(1.0), false, at(710));
        assert_eq!(one.opened, Some(at(20)), "a page without it in between");
        let mut new = Breaker::default();
        new.take(Some(true), None, true, at(0));
        assert_eq!((new.open_since, new.or_before), (Some(at(0)), true));
        new.take(Some(false), None, false, at(10));
        new.take(Some(true), None, false, at(20));
        assert_eq!((new.open_since, new.or_before), (Some(at(20)), false));
    }
}
