//! Reminders of silences that end soon while alerts that they mute still fire, and log messages about
//! silences that mute nothing.
//!
//! A reminder is a notice that fires until the silence ends. The store records what each receiver was sent,
//! so a restart or a reload does not repeat reminders.

use super::announce::changes;
use super::own_groups::SILENCES;
use super::task::Deps;
use crate::alert::{ANNOUNCED, Decisions, Notice, SILENCE_ENDING, Silence};
use crate::alerting::AlertsView;
use crate::format::{numbers, times};
use crate::outcome::{Timestamp, millis};
use crate::receiver::Routing;
use crate::store::{NewDelivery, Store, StoreError};
use crate::tasks::blocking;
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// Interval at which silences are checked.
const EVERY: Duration = Duration::from_secs(15);
/// Interval at which silences that mute nothing are logged.
const FORGOTTEN_EVERY: Duration = HOUR;
/// Timeout of a request to the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// The reminders that each receiver should have now.
type DueReminders = BTreeMap<String, Vec<Notice>>;

/// Runs until it is aborted.
pub(super) async fn run(deps: Deps) {
    let mut last_check = None;
    let mut logged = BTreeSet::new();
    let mut nobody_knows = false;
    loop {
        sleep(EVERY).await;
        let now = deps.clock.now();
        remind(&deps, now, &mut nobody_knows).await;
        let is_due =
            last_check.is_none_or(|at: Timestamp| (now.0 - at.0).abs() >= millis(FORGOTTEN_EVERY));
        if is_due {
            last_check = Some(now);
            log_forgotten(&deps, now, &mut logged).await;
        }
    }
}

/// Sends reminders. While there are none and `nobody_knows` any, the store is not queried.
async fn remind(deps: &Deps, now: Timestamp, nobody_knows: &mut bool) {
    let config = deps.configs.borrow().clone();
    let (decisions, alerts) = (
        deps.decisions.borrow().clone(),
        deps.alerts.borrow().clone(),
    );
    let wanted = wanted(&decisions, &alerts, &config.routing, now);
    if wanted.is_empty() && *nobody_knows {
        return;
    }
    let receivers = config.routing.receivers.iter();
    let names: Vec<String> = receivers.map(|one| one.name.clone()).collect();
    let store = deps.store.clone();
    let keep = move |store: &mut Store| keep(store, &names, &wanted, &decisions.silences, now);
    let asked = blocking(move || store.ask(STORE_TIMEOUT, keep));
    // The store reports its own failures, and the next check retries.
    let Ok(Some(Ok(kept))) = asked.await else {
        return;
    };
    *nobody_knows = kept.known == 0;
    if kept.new > 0 {
        deps.waker.wake();
    }
}

/// Number of reminders that receivers have, including new ones, and number of new ones.
struct ReminderCounts {
    known: usize,
    new: usize,
}

/// Stores the reminders that receivers do not have yet.
fn keep(
    store: &mut Store,
    receivers: &[String],
    wanted: &DueReminders,
    silences: &[Silence],
    now: Timestamp,
) -> Result<ReminderCounts, StoreError> {
    let (mut deliveries, mut count) = (Vec::new(), 0);
    for receiver in receivers {
        let known = store.known_to(receiver, SILENCES)?;
        let now_wanted = wanted.get(receiver).map_or(&[][..], Vec::as_slice);
        // A reminder lasts until the silence ends, even if its alerts resolve.
        let lasting = known.iter().map(|(_, one)| one);
        let lasting = lasting.filter(|one| is_running(one, silences, now));
        let new = now_wanted.iter().filter(|one| {
            let mut all = known.iter();
            all.all(|(_, known)| known.fingerprint() != one.fingerprint())
        });
        let all: Vec<Notice> = lasting.chain(new).cloned().collect();
        count += all.len();
        let changes = changes(&known, &all, SILENCES, now).map(|(group, mut notice)| {
            if notice.is_resolved() {
                say_that_it_ended(&mut notice);
            }
            NewDelivery::at_once(receiver, &group, notice, now)
        });
        deliveries.extend(changes);
    }
    if !deliveries.is_empty() {
        store.keep_deliveries(&deliveries)?;
    }
    Ok(ReminderCounts {
        known: count,
        new: deliveries.len(),
    })
}

/// Whether the silence of a reminder is still active; it may have been removed.
fn is_running(reminder: &Notice, silences: &[Silence], now: Timestamp) -> bool {
    let id = reminder.label("silence").and_then(|id| id.parse().ok());
    let mut all = silences.iter();
    all.any(|silence| Some(silence.id) == id && silence.to > now)
}

/// The reminders for each receiver of an alert that still fires while a silence that mutes it ends soon, except
/// outside of the hours in which the receiver gets messages about it.
fn wanted(
    decisions: &Decisions,
    alerts: &AlertsView,
    routing: &Routing,
    now: Timestamp,
) -> DueReminders {
    let mut wanted = DueReminders::new();
    let muted = alerts.decided(decisions, now);
    for silence in decisions.silences.iter().filter(|one| one.ends_soon(now)) {
        // Inhibited alerts are not notified when the silence ends.
        let still = muted
            .iter()
            .filter(|one| one.silenced_by == Some(silence.id) && !one.is_inhibited());
        let notices: Vec<Notice> = still.map(|one| alerts.rules.notice(one)).collect();
        let decided = notices
            .iter()
            .flat_map(|notice| routing.decide(notice, now));
        let first =
            decided.filter(|decision| decision.escalated_after.is_none() && !decision.is_held);
        let receivers: BTreeSet<&str> = first.map(|decision| decision.receiver).collect();
        let can_know = |name: &str| {
            let receiver = routing.receiver(name);
            receiver.is_some_and(|one| one.channel.takes_announcements())
        };
        for receiver in receivers.into_iter().filter(|name| can_know(name)) {
            let all = wanted.entry(receiver.to_owned()).or_default();
            let mut reminder = reminder(silence, notices.len(), now);
            alerts.rules.add_external(&mut reminder.labels);
            all.push(reminder);
        }
    }
    wanted
}

fn reminder(silence: &Silence, firing: usize, now: Timestamp) -> Notice {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    let are = if firing == 1 { "is" } else { "are" };
    let summary = format!(
        "silence {} ends in {}, and {firing} of the alerts that it mutes {are} still firing: {}",
        silence.id,
        numbers::span(silence.to.since(now)),
        silence.reason
    );
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    let description = format!(
        "{}, until {} UTC, by {}. After that, its alerts are notified again.",
        matchers.join(" "),
        times::second(silence.to.to_utc()),
        silence.author
    );
    Notice {
        labels: [
            pair("alertname", SILENCE_ENDING.to_owned()),
            pair("severity", ANNOUNCED.to_owned()),
            pair("silence", silence.id.to_string()),
            pair("ends", times::machine(silence.to.to_utc())),
        ]
        .into(),
        annotations: [pair("summary", summary), pair("description", description)].into(),
        from: now,
        to: None,
    }
}

/// Replaces the summary of a reminder, which announces the end of its silence.
fn say_that_it_ended(reminder: &mut Notice) {
    let id = reminder.label("silence").unwrap_or_default();
    let summary = format!("silence {id} has ended: its alerts are notified again");
    reminder.annotations.insert("summary".to_owned(), summary);
}

/// Logs each silence that mutes nothing, once.
async fn log_forgotten(deps: &Deps, now: Timestamp, logged: &mut BTreeSet<i64>) {
    let decisions = deps.decisions.borrow().clone();
    let store = deps.store.clone();
    let kept = decisions.clone();
    let read = move |store: &mut Store| store.silences_without_effect(&kept.silences, now);
    let asked = blocking(move || store.ask(STORE_TIMEOUT, read));
    let Ok(Some(Ok(found))) = asked.await else {
        return;
    };
    logged.retain(|id| decisions.silences.iter().any(|one| one.id == *id));
    for one in decisions
        .silences
        .iter()
        .filter(|one| found.contains(&one.id))
    {
        if logged.insert(one.id) {
            tracing::warn!(
                id = one.id,
                author = one.author,
                reason = one.reason,
                "silence {} has not muted any alert for a week; remove it with `slod silence remove {}` if it is not needed",
                one.id,
                one.id
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Matcher;

    fn silence(from: i64, to: i64) -> Silence {
        Silence {
            id: 7,
            matchers: vec![Matcher::parse("service=web").expect("valid")],
            from: Timestamp::from_secs(from),
            to: Timestamp::from_secs(to),
            author: "ada".to_owned(),
            reason: "migration".to_owned(),
        }
    }

    #[test]
    fn a_silence_ends_soon_in_its_last_quarter_of_an_hour_or_tenth() {
        let soon = |silence: &Silence, second| silence.ends_soon(Timestamp::from_secs(second));
        let day = silence(0, 86_400);
        assert!(!soon(&day, 86_400 - 901) && soon(&day, 86_400 - 900));
        assert!(!soon(&day, 86_400), "it is over");
        let short = silence(0, 600);
        assert!(!soon(&short, 539) && soon(&short, 540));
    }

    #[test]
    fn a_receiver_is_reminded_once_and_notified_of_the_end() {
        let (_folder, mut store) = Store::temporary();
        let (silence, receivers) = (silence(0, 6000), ["chat".to_owned(), "mail".to_owned()]);
        let mut look = |second: i64, is_wanted: bool, silences: &[Silence]| {
            let now = Timestamp::from_secs(second);
            let mut wanted = DueReminders::new();
            if is_wanted {
                wanted.insert("chat".to_owned(), vec![reminder(&silence, 2, now)]);
            }
            let count = keep(&mut store, &receivers, &wanted, silences, now)
                .expect("kept")
                .new;
            (
                count,
                store.known_to("chat", SILENCES).expect("reads").len(),
            )
        };
        let there = [silence.clone()];
        assert_eq!(look(100, false, &there), (0, 0));
        assert_eq!(look(5400, true, &there), (1, 1));
        assert_eq!(look(5415, true, &there), (0, 1), "once");
        assert_eq!(look(5430, false, &there), (0, 1), "its alerts ended");
        assert_eq!(look(6000, false, &there), (1, 0), "the end");
        assert_eq!(look(5400, true, &there), (1, 1));
        assert_eq!(look(5430, false, &[]), (1, 0), "it was removed");
        let mut one = reminder(&silence, 2, Timestamp::from_secs(5400));
        assert_eq!(
            one.annotations["summary"],
            "silence 7 ends in 10m, and 2 of the alerts that it mutes are still firing: migration"
        );
        say_that_it_ended(&mut one);
        assert_eq!(
            one.annotations["summary"],
            "silence 7 has ended: its alerts are notified again"
        );
    }
}
