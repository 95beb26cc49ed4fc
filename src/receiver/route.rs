//! Selects the receivers of an alert, and when they are notified. Pure.

use super::{Hours, Receiver};
use crate::alert::{Notice, same_severity};
use crate::outcome::Timestamp;
use crate::units::show_duration;
use std::collections::BTreeMap;
use std::time::Duration;

/// The annotation of an escalated alert that says why it was escalated.
pub(super) const ESCALATION: &str = "escalation";

/// The receivers and routes of a config.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    /// In document order; names are unique.
    pub receivers: Vec<Receiver>,
    /// In document order; the first match is used.
    pub routes: Vec<Route>,
    /// Names of the labels of all alerts, by which every route also groups.
    pub external: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// All must match; empty for every alert.
    pub matchers: Vec<Matcher>,
    /// When it applies; `None` means always.
    pub at: Option<Hours>,
    /// Names of receivers.
    pub to: Vec<String>,
    pub group_by: Vec<String>,
    /// How long a message waits for further alerts.
    pub wait: Duration,
    /// When alerts that are still firing are sent again.
    pub repeat: Duration,
    pub escalate: Option<Escalation>,
    /// When messages are sent; `None` means always.
    pub deliver_at: Option<Hours>,
}

/// A label and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    pub value: String,
}

/// The receivers of an alert that keeps firing without being acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub after: Duration,
    pub to: Vec<String>,
}

/// The receiver of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// The index of the matching route.
    pub route: usize,
    pub receiver: &'r str,
    pub group: String,
    pub due: Timestamp,
    /// For an escalation, how long the alert must have been firing without being acknowledged.
    pub escalated_after: Option<Duration>,
    /// Whether it waits for the hours of its route.
    pub is_held: bool,
}

impl Decision<'_> {
    /// The notice for the receiver. An escalation says why it is sent.
    pub fn notice(&self, notice: &Notice) -> Notice {
        let mut notice = notice.clone();
        if let Some(after) = self.escalated_after.filter(|_| !notice.is_resolved()) {
            let reason = format!("not acknowledged within {}", show_duration(after));
            notice.annotations.insert(ESCALATION.to_owned(), reason);
        }
        notice
    }
}

impl Route {
    /// The names of its receivers, including those that alerts escalate to.
    pub fn receivers(&self) -> impl Iterator<Item = &String> {
        let later = self.escalate.iter().flat_map(|escalation| &escalation.to);
        self.to.iter().chain(later)
    }

    fn matches(&self, labels: &BTreeMap<String, String>, at: Timestamp) -> bool {
        let is = |matcher: &Matcher| {
            let value = labels.get(&matcher.label);
            value.is_some_and(|value| match &*matcher.label {
                "severity" => same_severity(value, &matcher.value),
                _ => *value == matcher.value,
            })
        };
        self.matchers.iter().all(is) && self.at.as_ref().is_none_or(|hours| hours.contain(at))
    }

    /// The labels that alerts of a group share: those of `group_by`, and further ones.
    fn group(&self, labels: &BTreeMap<String, String>, further: &[String]) -> String {
        let further = further.iter().filter(|name| !self.group_by.contains(name));
        let names = self.group_by.iter().chain(further);
        group_of(names.map(|name| (name, labels.get(name).map_or("", String::as_str))))
    }
}

/// A group of alerts with the same values of some labels, formatted as in Alertmanager.
pub fn group_of<'l>(labels: impl Iterator<Item = (&'l String, &'l str)>) -> String {
    let parts = labels.map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
}

/// The label names in a group formatted by [`group_of`], which a word may precede.
pub(super) fn grouped_by(group: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = group.split_once('{').map_or("", |(_, labels)| labels);
    while let Some((name, value)) = rest.split_once("=\"") {
        names.push(name);
        let mut is_escaped = false;
        let end = value.find(|letter| {
            let ends = letter == '"' && !is_escaped;
            is_escaped = letter == '\\' && !is_escaped;
            ends
        });
        let after = end.and_then(|end| value.get(end + 1..)).unwrap_or_default();
        rest = after.strip_prefix(',').unwrap_or_default();
    }
    names
}

impl Routing {
    pub fn receiver(&self, name: &str) -> Option<&Receiver> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }

    /// The route of an alert, and its index. On-call hours are evaluated when the alert began, so
    /// that its resolution uses the same route.
    pub fn route(
        &self,
        labels: &BTreeMap<String, String>,
        at: Timestamp,
    ) -> Option<(usize, &Route)> {
        let mut routes = self.routes.iter().enumerate();
        routes.find(|(_, route)| route.matches(labels, at))
    }

    /// The receivers of a notice; empty if no route matches.
    pub fn decide(&self, notice: &Notice, now: Timestamp) -> Vec<Decision<'_>> {
        let Some((number, route)) = self.route(&notice.labels, notice.from) else {
            return Vec::new();
        };
        let decision = |receiver: &String, escalated_after: Option<Duration>| {
            let receiver = self.receiver(receiver)?;
            // Such a receiver groups and waits itself.
            let (group, wait, hours) = if receiver.channel.resend_every().is_some() {
                ("{}".to_owned(), Duration::ZERO, None)
            } else {
                let group = route.group(&notice.labels, &self.external);
                (group, route.wait, route.deliver_at.as_ref())
            };
            let earliest = match escalated_after {
                None => now.after(wait),
                Some(_) if notice.is_resolved() => now,
                Some(after) => now.after(after),
            };
            let due = hours.map_or(earliest, |hours| hours.next(earliest));
            Some(Decision {
                route: number,
                receiver: &receiver.name,
                group,
                due,
                escalated_after,
                is_held: due > earliest,
            })
        };
        let first = route.to.iter().map(|to| decision(to, None));
        let later = route.escalate.iter().flat_map(|escalation| {
            let to = escalation.to.iter();
            to.map(|to| decision(to, Some(escalation.after)))
        });
        first.chain(later).flatten().collect()
    }

    /// The first moment that is not before `at` at which a notice may be sent.
    pub fn opens(&self, notice: &Notice, at: Timestamp) -> Timestamp {
        let route = self.route(&notice.labels, notice.from);
        let hours = route.and_then(|(_, route)| route.deliver_at.as_ref());
        hours.map_or(at, |hours| hours.next(at))
    }

    /// The interval after which a firing group is sent to a receiver again.
    pub fn repeat(&self, receiver: &Receiver, example: &Notice) -> Duration {
        receiver.channel.resend_every().unwrap_or_else(|| {
            let route = self.route(&example.labels, example.from);
            route.map_or(DEFAULT_REPEAT, |(_, route)| route.repeat)
        })
    }
}

/// For alerts whose route is no longer configured.
const DEFAULT_REPEAT: Duration = Duration::from_hours(4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Tz;

    /// A route for every alert, which notifies nobody.
    fn route(group_by: &[&str]) -> Route {
        Route {
            matchers: Vec::new(),
            at: None,
            to: Vec::new(),
            group_by: group_by.iter().map(|one| (*one).to_owned()).collect(),
            wait: Duration::ZERO,
            repeat: DEFAULT_REPEAT,
            escalate: None,
            deliver_at: None,
        }
    }

    /// Friday, 2026-11-27, at an hour in UTC. Berlin is one hour ahead.
    fn friday(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_795_737_600 + hour * 3600)
    }

    #[test]
    fn the_names_in_a_group_are_found_whatever_the_values_are() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let labels = [
            pair("a", "x\",b=\"y"),
            pair("b", "\\"),
            pair("c", "{}=\n\u{1}ж"),
        ];
        let all = ["a", "b", "c", "none"];
        let group = route(&all).group(&labels.into(), &[]);
        assert_eq!(grouped_by(&group), all, "{group}");
        assert_eq!(
            grouped_by(&route(&[]).group(&BTreeMap::new(), &[])),
            [""; 0]
        );
        for other in ["maintenance", "", "{", "{a=", "{a=\"", "{a=\"\\"] {
            assert!(grouped_by(other).len() <= 1, "{other}");
        }
    }

    #[test]
    fn the_first_route_that_matches_decides() {
        let daytime = Hours {
            days: Vec::new(),
            range: (9 * 60, 17 * 60),
            zone: Tz::named("Europe/Berlin").expect("a zone"),
        };
        let matcher = |(label, value): &(&str, &str)| Matcher {
            label: (*label).to_owned(),
            value: (*value).to_owned(),
        };
        let route = |matchers: &[(&str, &str)], at| Route {
            matchers: matchers.iter().map(matcher).collect(),
            at,
            ..route(&["service"])
        };
        let routing = Routing {
            receivers: Vec::new(),
            external: Vec::new(),
            routes: vec![
                route(&[("severity", "page"), ("service", "rag")], Some(daytime)),
                route(&[("severity", "page")], None),
            ],
        };
        let labels = |severity: &str, service: &str| {
            let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            BTreeMap::from([text("severity", severity), text("service", service)])
        };
        let number = |labels: &BTreeMap<_, _>, at| routing.route(labels, at).map(|(n, _)| n);
        assert_eq!(number(&labels("critical", "rag"), friday(12)), Some(0));
        assert_eq!(number(&labels("critical", "rag"), friday(20)), Some(1));
        assert_eq!(number(&labels("page", "chat"), friday(12)), Some(1));
        assert_eq!(number(&labels("ticket", "rag"), friday(12)), None);
        let mut labels = labels("page", "a\"b");
        let group = routing.routes[1].group(&labels, &[]);
        assert_eq!(group, r#"{service="a\"b"}"#);
        labels.insert("cluster".to_owned(), "eu1".to_owned());
        let further = ["service", "cluster"].map(str::to_owned);
        let group = routing.routes[1].group(&labels, &further);
        assert_eq!(group, r#"{service="a\"b",cluster="eu1"}"#);
    }
}
