//! The messages that a worker sends.

use crate::alert::Notice;
use crate::outcome::Timestamp;
use crate::receiver::Message;
use crate::store::Batch;

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
    // An edited message notifies nobody, which is right only if all alerts are resolved.
    let only_ends = batch.notices.iter().all(Notice::is_resolved);
    Message {
        replaces: batch.posted.clone().filter(|_| only_ends),
        ..Message::new(&batch.receiver, &batch.group, key, batch.due, notices)
    }
}

/// The alert that always fires, starting at `since`. Each instance has its own, because that of another
/// instance does not show that this one works.
pub(super) fn watchdog(
    receiver: &str,
    instance: &str,
    since: Timestamp,
    now: Timestamp,
) -> Message {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let notice = Notice {
        labels: [
            text("alertname", "SlodWatchdog"),
            text("severity", "none"),
            text("instance", instance),
        ]
        .into(),
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
