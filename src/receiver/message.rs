//! The content of a message: the alerts of a group.

use super::importance::is_page;
use super::request::truncated;
use crate::alert::Notice;
use crate::outcome::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Maximum number of services named in a summary of several alerts; the others are counted.
const NAMED: usize = 5;

/// Maximum length of an alert's text in a shortened message, in characters.
pub(super) const SHORT_MAX: usize = 500;

/// A message for a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same for each delivery attempt, and unique to the message.
    pub key: String,
    /// The same for all messages about a group.
    pub incident: String,
    pub receiver: String,
    pub group: String,
    /// When it was due.
    pub at: Timestamp,
    /// Firing alerts first, then resolved ones; of each, pages first, then the newest.
    pub notices: Vec<Notice>,
    /// Whether it only reports that alerts were resolved. Nobody has to be called, even if others still fire.
    pub only_ends: bool,
    /// The receiver's ID of the earlier message about the incident that this one replaces.
    pub replaces: Option<String>,
    /// The new ID of the destination, if its service reported one.
    pub moved: Option<String>,
    /// Whether its texts are shortened, because the receiver rejects longer ones.
    pub is_short: bool,
}

impl Message {
    pub fn new(
        receiver: &str,
        group: &str,
        key: String,
        at: Timestamp,
        mut notices: Vec<Notice>,
    ) -> Self {
        let order = |one: &Notice| (one.is_resolved(), !is_page(one), Reverse(one.from));
        notices.sort_by_key(order);
        Self {
            key,
            incident: format!("slod/{receiver}/{group}"),
            receiver: receiver.to_owned(),
            group: group.to_owned(),
            at,
            notices,
            only_ends: false,
            replaces: None,
            moved: None,
            is_short: false,
        }
    }

    /// The replacement for a message that is too large for a receiver: its two halves, each with its own key,
    /// or a single alert with shorter texts. Empty if it cannot be reduced further.
    pub fn smaller(&self) -> Vec<Self> {
        let part = |end: &str, notices: Vec<Notice>| Self {
            key: format!("{}-{end}", self.key),
            notices,
            replaces: None,
            ..self.clone()
        };
        match &self.notices[..] {
            [] => Vec::new(),
            [_] if self.is_short => Vec::new(),
            [only] => {
                let mut only = only.clone();
                for text in only.annotations.values_mut() {
                    *text = truncated(text, SHORT_MAX);
                }
                vec![Self {
                    is_short: true,
                    ..part("short", vec![only])
                }]
            }
            all => {
                let (first, second) = all.split_at(all.len().div_ceil(2));
                vec![part("1", first.to_vec()), part("2", second.to_vec())]
            }
        }
    }

    /// A message for testing a receiver.
    pub fn sample(resolved: bool, now: Timestamp) -> Self {
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let notice = Notice {
            labels: [
                text("alertname", "SlodTest"),
                text("service", "example"),
                text("severity", "ticket"),
            ]
            .into(),
            annotations: [
                text("summary", "Test notification of slod"),
                text(
                    "description",
                    "This is a test message from `slod notify test`. Nothing is wrong.",
                ),
            ]
            .into(),
            from: Timestamp(now.0 - 60_000),
            to: resolved.then_some(now),
        };
        Self::new("test", "test", "slod-test".to_owned(), now, vec![notice])
    }

    /// Messages of all kinds, for validating templates.
    pub(super) fn samples(now: Timestamp) -> [Self; 4] {
        let one = |resolved| Self::sample(resolved, now);
        let bare = Notice {
            labels: [("alertname".to_owned(), "SlodBare".to_owned())].into(),
            annotations: std::collections::BTreeMap::new(),
            ..one(false).notices[0].clone()
        };
        let page = |number: usize| {
            let mut notice = one(number.is_multiple_of(3)).notices[0].clone();
            notice
                .labels
                .insert("severity".to_owned(), "page".to_owned());
            notice
                .labels
                .insert("service".to_owned(), format!("example-{number}"));
            notice
        };
        let many = (0..12).map(page).collect();
        let of = |notices| Self::new("test", "test", "slod-test".to_owned(), now, notices);
        [one(false), one(true), of(vec![bare]), of(many)]
    }

    pub fn firing(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter().filter(|notice| !notice.is_resolved())
    }

    pub fn is_resolved(&self) -> bool {
        self.firing().next().is_none()
    }

    /// `firing` or `resolved`, as in Alertmanager.
    pub fn status(&self) -> &'static str {
        if self.is_resolved() {
            "resolved"
        } else {
            "firing"
        }
    }

    /// The value of a label or annotation, if it is the same for all alerts.
    pub fn common(&self, of: impl Fn(&Notice) -> Option<&str>) -> Option<&str> {
        let values: BTreeSet<_> = self.notices.iter().map(of).collect();
        match values.into_iter().collect::<Vec<_>>()[..] {
            [Some(value)] => Some(value),
            _ => None,
        }
    }

    /// The summary of the firing alerts, or else of the resolved ones. That of a single alert is its own;
    /// otherwise it is their name and their services in the order of the alerts: `SlodDiskFull: web, rag; 1
    /// resolved`. Of announcements it is the current one: when maintenance starts, it is no longer planned.
    pub(super) fn summary(&self) -> String {
        if let (Some(_), Some(first)) = (self.announcement(), self.notices.first()) {
            return summary(first);
        }
        let firing = self.firing().count();
        let (all, ended) = match firing {
            0 => (&self.notices[..], 0),
            firing => (&self.notices[..firing], self.notices.len() - firing),
        };
        let what = match all {
            [only] => summary(only),
            all => format!("{}{}", name(all), services(all)),
        };
        match ended {
            0 => what,
            ended => format!("{what}; {ended} resolved"),
        }
    }
}

/// The name of some alerts if they share it, otherwise their number.
fn name(notices: &[Notice]) -> String {
    let names: BTreeSet<_> = notices.iter().map(|one| one.label("alertname")).collect();
    match names.into_iter().collect::<Vec<_>>()[..] {
        [Some(name)] => name.to_owned(),
        _ => format!("{} alerts", notices.len()),
    }
}

/// The services of some alerts in order: `: web, rag and 3 more services`.
fn services(notices: &[Notice]) -> String {
    let mut services: Vec<&str> = Vec::new();
    let mut known = BTreeSet::new();
    let all = notices.iter().filter_map(|one| one.label("service"));
    services.extend(all.filter(|name| known.insert(*name)));
    let named = services.len().min(NAMED);
    let listed = services[..named].join(", ");
    match services.len() - named {
        _ if services.is_empty() => String::new(),
        0 => format!(": {listed}"),
        1 => format!(": {listed} and 1 more service"),
        more => format!(": {listed} and {more} more services"),
    }
}

/// The summary annotation of an alert, or else its labels.
pub(super) fn summary(notice: &Notice) -> String {
    let written = notice.annotations.get("summary").cloned();
    written.unwrap_or_else(|| {
        let labels: Vec<_> = notice.labels.values().map(String::as_str).collect();
        labels.join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(alertname: &str, service: &str, from: i64, to: Option<i64>) -> Notice {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Notice {
            labels: [pair("alertname", alertname), pair("service", service)].into(),
            annotations: [pair("summary", "it fails")].into(),
            from: Timestamp::from_secs(from),
            to: to.map(Timestamp::from_secs),
        }
    }

    fn summary(notices: Vec<Notice>) -> String {
        message(notices).summary()
    }

    fn message(notices: Vec<Notice>) -> Message {
        let at = Timestamp::from_secs(100);
        Message::new("oncall", "group", String::new(), at, notices)
    }

    #[test]
    fn a_summary_of_several_alerts_names_the_newest_services_first() {
        let (old, new) = (
            notice("Down", "web", 1, None),
            notice("Down", "rag", 2, None),
        );
        let over = notice("Down", "chat", 3, Some(9));
        assert_eq!(summary(vec![old.clone()]), "it fails");
        let all = vec![old.clone(), over.clone(), new];
        assert_eq!(summary(all), "Down: rag, web; 1 resolved");
        let one = vec![old.clone(), over.clone()];
        assert_eq!(summary(one), "it fails; 1 resolved");
        let other = notice("Full", "web", 5, None);
        assert_eq!(summary(vec![old, other]), "2 alerts: web");
        assert_eq!(summary(vec![over.clone(), over]), "Down: chat");
        let host = || notice("Full", "", 1, None);
        let many = (0..9).map(|number| notice("Down", &format!("s{number}"), number, None));
        let expected = "Down: s8, s7, s6, s5, s4 and 4 more services";
        assert_eq!(summary(many.collect()), expected);
        let mut unnamed = [host(), host()];
        for one in &mut unnamed {
            one.labels.remove("service");
        }
        assert_eq!(summary(unnamed.to_vec()), "Full");
    }
}
