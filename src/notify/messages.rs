//! The messages that a worker sends.

use crate::alert::{AlertRules, Notice};
use crate::outcome::Timestamp;
use crate::receiver::Message;
use crate::store::Batch;
use std::collections::BTreeMap;

/// The key of the alert that always fires.
pub(super) const WATCHDOG: &str = "slod-watchdog";

/// The message of a batch, with a key that is the same for each attempt.
pub(super) fn of(batch: &Batch) -> Message {
    let about = batch.notices.iter().chain(&batch.known);
    let hash = about.fold(batch.due.0.unsigned_abs(), |hash, notice| {
        let ended = notice.to.map_or(0, |to| to.0);
        let word = notice.fingerprint() ^ notice.from.0.unsigned_abs() ^ ended.unsigned_abs();
        hash.rotate_left(5) ^ word
    });
    let key = format!("slod-{}-{hash:016x}", batch.id);
    let notices = [batch.notices.clone(), batch.known.clone()].concat();
    // A repetition has no new notices.
    let only_ends = !batch.notices.is_empty() && batch.notices.iter().all(Notice::is_resolved);
    Message {
        only_ends,
        // An edited message notifies nobody.
        replaces: batch.posted.clone().filter(|_| only_ends),
        ..Message::new(&batch.receiver, &batch.group, key, batch.due, notices)
    }
}

/// Replaces the texts of alerts by those of the `firing` ones, whose evidence may have changed since the decision to
/// send them. The reason of an escalation stays.
pub(super) fn renew(batch: &mut Batch, firing: Vec<Notice>) {
    let firing = firing.into_iter().map(|one| (one.fingerprint(), one));
    let mut firing: BTreeMap<u64, Notice> = firing.collect();
    let alerts = batch.notices.iter_mut().chain(&mut batch.known);
    for one in alerts.filter(|one| !one.is_resolved()) {
        let now = firing.remove(&one.fingerprint());
        if let Some(now) = now.filter(|now| now.from == one.from) {
            one.annotations.extend(now.annotations);
        }
    }
}

/// The alert that always fires, starting at `since`. Each instance has its own, because that of another
/// instance does not show that this one works.
pub(super) fn watchdog(
    receiver: &str,
    rules: &AlertRules,
    since: Timestamp,
    now: Timestamp,
) -> Message {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut labels = BTreeMap::from([
        text("alertname", "SlodWatchdog"),
        text("severity", "none"),
        text("instance", &rules.instance),
    ]);
    rules.add_external(&mut labels);
    let notice = Notice {
        labels,
        annotations: [text(
            "summary",
            "Always fires while slod works. If it stops firing, slod or the connection to Alertmanager is down.",
        )]
        .into(),
        from: since,
        to: None,
    };
    Message::new(receiver, "{}", WATCHDOG.to_owned(), now, vec![notice])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_message_without_news_but_ends_calls_nobody() {
        let notice = |to| Notice {
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            from: Timestamp(1),
            to,
        };
        let (firing, ended) = (notice(None), notice(Some(Timestamp(2))));
        let only_ends = |notices: &[&Notice]| {
            let batch = Batch {
                id: 1,
                receiver: "oncall".to_owned(),
                group: "{}".to_owned(),
                due: Timestamp(1),
                notices: notices.iter().map(|one| (*one).clone()).collect(),
                known: vec![firing.clone()],
                posted: Some("7".to_owned()),
            };
            let message = of(&batch);
            assert_eq!(message.replaces.is_some(), message.only_ends);
            message.only_ends
        };
        assert!(only_ends(&[&ended]));
        assert!(!only_ends(&[&ended, &firing]));
        assert!(!only_ends(&[]), "a repetition");
    }

    #[test]
    fn texts_are_those_of_now_while_an_alert_fires() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let notice = |service: &str, from: i64, text: &str| Notice {
            labels: [pair("service", service)].into(),
            annotations: [pair("summary", text)].into(),
            from: Timestamp(from),
            to: None,
        };
        let mut new = vec![
            notice("web", 1, "expires in 13 days"),
            notice("rag", 1, "91% full"),
            notice("chat", 1, "its alert has ended"),
            Notice {
                to: Some(Timestamp(2)),
                ..notice("db", 1, "it was down")
            },
        ];
        new[0].annotations.extend([pair("escalation", "why")]);
        let known = vec![notice("old", 1, "6 restarts")];
        let firing = [
            notice("web", 1, "expires in 2 days"),
            // Another alert with the same labels.
            notice("rag", 2, "50% full"),
            notice("db", 1, "it is down"),
            notice("old", 1, "7 restarts"),
            notice("other", 1, "new"),
        ];
        let mut batch = Batch {
            id: 1,
            receiver: "oncall".to_owned(),
            group: "{}".to_owned(),
            due: Timestamp(1),
            notices: new,
            known,
            posted: None,
        };
        renew(&mut batch, firing.to_vec());
        assert_eq!(batch.notices[0].annotations["escalation"], "why");
        let all = batch.notices.iter().chain(&batch.known);
        let texts: Vec<_> = all.map(|one| one.annotations["summary"].as_str()).collect();
        let expected = [
            "expires in 2 days",
            "91% full",
            "its alert has ended",
            "it was down",
            "7 restarts",
        ];
        assert_eq!(texts, expected);
    }
}
