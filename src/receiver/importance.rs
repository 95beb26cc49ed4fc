//! What a message is about: alerts that fire or were resolved, or an announcement.

use super::Message;
use crate::alert::{Announcement, Notice};

/// How much a message matters, from which receivers derive colors and priorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Importance {
    Page,
    Ticket,
    /// An announcement: nothing fails.
    Info,
    Resolved,
}

impl Importance {
    /// Red, yellow, blue or green as RGB.
    pub(super) const fn color(self) -> u32 {
        match self {
            Self::Page => 0x00e0_1e5a,
            Self::Ticket => 0x00ec_b22e,
            Self::Info => 0x0036_c5f0,
            Self::Resolved => 0x002e_b67d,
        }
    }
}

impl Message {
    /// What it announces; `None` if it is about an alert.
    pub fn announcement(&self) -> Option<Announcement> {
        let first = self.notices.first()?.announcement();
        let mut all = self.notices.iter();
        first.filter(|_| all.all(|one| one.announcement().is_some()))
    }

    pub(super) fn importance(&self) -> Importance {
        if self.announcement().is_some() {
            Importance::Info
        } else if self.is_resolved() {
            Importance::Resolved
        } else if self.firing().any(is_page) {
            Importance::Page
        } else {
            Importance::Ticket
        }
    }

    /// Whether alerts fire that somebody must be called for, and how much they matter.
    pub(super) fn call(&self) -> Option<Importance> {
        let importance = self.importance();
        let is_firing = matches!(importance, Importance::Page | Importance::Ticket);
        (is_firing && !self.only_ends).then_some(importance)
    }

    /// The word at the beginning of its title: `FIRING 3`, `RESOLVED`, `MAINTENANCE` or `REMINDER`.
    pub(super) fn status_word(&self) -> String {
        match (self.announcement(), self.firing().count()) {
            (Some(Announcement::Maintenance), _) => "MAINTENANCE".to_owned(),
            (Some(Announcement::Reminder), _) => "REMINDER".to_owned(),
            (None, 0) => "RESOLVED".to_owned(),
            (None, 1) => "FIRING".to_owned(),
            (None, firing) => format!("FIRING {firing}"),
        }
    }
}

/// Whether an alert is a page.
pub(super) fn is_page(notice: &Notice) -> bool {
    matches!(notice.label("severity"), Some("page" | "critical"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{MAINTENANCE_PLANNED, MAINTENANCE_RUNNING, SILENCE_ENDING};
    use crate::outcome::Timestamp;

    fn notice(alertname: &str, from: i64, to: Option<i64>, summary: &str) -> Notice {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Notice {
            labels: [pair("alertname", alertname)].into(),
            annotations: [pair("summary", summary)].into(),
            from: Timestamp::from_secs(from),
            to: to.map(Timestamp::from_secs),
        }
    }

    fn message(notices: Vec<Notice>) -> Message {
        let at = Timestamp::from_secs(100);
        Message::new("oncall", "group", String::new(), at, notices)
    }

    #[test]
    fn an_announcement_is_no_alert() {
        let planned = notice(MAINTENANCE_PLANNED, 1, Some(9), "web: started at nine");
        let started = notice(MAINTENANCE_RUNNING, 9, None, "web: started, until ten");
        let both = message(vec![planned.clone(), started]);
        assert_eq!(both.status_word(), "MAINTENANCE");
        assert_eq!(both.summary(), "web: started, until ten");
        assert_eq!(both.list(), "- web: started, until ten");
        assert_eq!(both.importance(), Importance::Info);
        let reminder = notice(SILENCE_ENDING, 1, Some(9), "silence 7 has ended");
        assert_eq!(message(vec![reminder]).status_word(), "REMINDER");
        assert_eq!(both.call(), None);
        let mixed = message(vec![planned, notice("Down", 1, None, "web is down")]);
        assert_eq!(mixed.status_word(), "FIRING");
        assert_eq!(mixed.importance(), Importance::Ticket);
    }

    #[test]
    fn nobody_is_called_because_some_alerts_were_resolved() {
        let both = vec![
            notice("Down", 1, Some(9), "web is down"),
            notice("Down", 1, None, "rag is down"),
        ];
        let began = message(both);
        assert_eq!(began.call(), Some(Importance::Ticket));
        let ended = Message {
            only_ends: true,
            ..began
        };
        assert_eq!(ended.call(), None);
        assert_eq!(ended.importance(), Importance::Ticket);
    }
}
