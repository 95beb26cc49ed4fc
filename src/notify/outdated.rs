//! Reconciles the state of receivers after a start or a reload. If a config changes the labels or the route
//! of a firing alert, a receiver may know the alert by labels or in a group for which it never resolves, and
//! its new receiver does not know the alert.

use super::own_groups::{MAINTENANCE, SILENCES, is_of};
use super::task::Deps;
use crate::alert::{AlertRecord, Notice};
use crate::alerting::AlertsView;
use crate::outcome::Timestamp;
use crate::receiver::Routing;
use crate::store::{NewDelivery, Store, StoreError};
use crate::tasks::blocking;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// Time between two passes, after which pending writes have reached the store.
const EVERY: Duration = Duration::from_secs(15);
/// Passes after a start or a reload. Only differences that both find are corrected.
const PASSES: u32 = 2;
/// Timeout of a request to the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Delay between resolving an alert in its old group and sending it to its new group of the same
/// receiver, which may identify alerts by labels only and keeps the last state.
const AFTER_ENDS: Duration = Duration::from_secs(5);

/// Receiver, group and fingerprint of an alert.
type Target = (String, String, u64);
/// The target of a difference, and whether the alert must be resolved there.
type Difference = (Target, bool);
/// The state of the receivers: receiver, group, alert.
type Known = [(String, String, Notice)];

/// Runs until it is aborted.
pub(super) async fn run(mut deps: Deps) {
    let (mut left, mut before) = (PASSES, BTreeSet::new());
    loop {
        sleep(EVERY).await;
        if deps.configs.has_changed().unwrap_or(false) {
            deps.configs.mark_unchanged();
            (left, before) = (PASSES, BTreeSet::new());
        }
        let is_evaluated = deps.alerts.borrow().at > Timestamp::default();
        if left == 0 || !is_evaluated {
            continue;
        }
        if let Some(found) = deps.compare(&before, left == 1).await {
            (left, before) = (left - 1, found);
        }
    }
}

impl Deps {
    /// Returns the differences. If `corrects`, those that were also found before are corrected.
    async fn compare(
        &self,
        before: &BTreeSet<Difference>,
        corrects: bool,
    ) -> Option<BTreeSet<Difference>> {
        let (alerts, now) = (self.alerts.borrow().clone(), self.clock.now());
        let decisions = self.decisions.borrow().clone();
        let config = self.configs.borrow().clone();
        let before = before.clone();
        let decided = alerts.decided(&decisions, now);
        let work = move |store: &mut Store| -> Result<_, StoreError> {
            let firing = firing(&alerts, &decided, &config.routing, now);
            let mut found = differences(&store.all_known()?, firing, &config.routing, now);
            let differences: BTreeSet<Difference> = found.keys().cloned().collect();
            if corrects {
                found.retain(|difference, _| before.contains(difference));
                store.keep_deliveries(&found.into_values().collect::<Vec<_>>())?;
            }
            Ok(differences)
        };
        let store = self.store.clone();
        let asked = blocking(move || store.ask(STORE_TIMEOUT, work)).await;
        // The store reports its own failures, and the next pass retries.
        let found = asked.ok()??.ok()?;
        if corrects && !found.is_empty() {
            self.waker.wake();
        }
        Some(found)
    }
}

/// The places of all firing alerts according to the current routes, each with the delivery for a receiver
/// that does not know the alert; `None` if the alert must not be sent to it.
fn firing(
    alerts: &AlertsView,
    decided: &[AlertRecord],
    routing: &Routing,
    now: Timestamp,
) -> BTreeMap<Target, Option<NewDelivery>> {
    let mut firing = BTreeMap::new();
    for alert in decided {
        let notice = alerts.rules.notice(alert);
        // Silences are applied when these deliveries are due.
        let is_announced = alert.notified && !alert.is_inhibited();
        for decision in routing.decide(&notice, notice.from) {
            // Acknowledged alerts are not escalated.
            let escalates = decision.escalated_after.is_some();
            let is_wanted = !escalates || alert.acknowledged.is_none();
            let due = if escalates { decision.due } else { now };
            let delivery = (is_announced && is_wanted).then(|| NewDelivery {
                due: due.max(now.after(AFTER_ENDS)),
                escalates,
                ..NewDelivery::at_once(
                    decision.receiver,
                    &decision.group,
                    decision.notice(&notice),
                    now,
                )
            });
            // A receiver can also be one of its own escalation receivers.
            let target = target(decision.receiver, &decision.group, &notice);
            firing.entry(target).or_insert(delivery);
        }
    }
    firing
}

fn target(receiver: &str, group: &str, notice: &Notice) -> Target {
    (receiver.to_owned(), group.to_owned(), notice.fingerprint())
}

/// Alerts that receivers know but that do not fire, or not there, as resolved; and firing alerts that the
/// receivers of their routes do not know.
fn differences(
    known: &Known,
    firing: BTreeMap<Target, Option<NewDelivery>>,
    routing: &Routing,
    now: Timestamp,
) -> BTreeMap<Difference, NewDelivery> {
    let mut found = BTreeMap::new();
    let mut places = BTreeSet::new();
    for (receiver, group, notice) in known {
        let target = target(receiver, group, notice);
        let configured = routing.receiver(receiver);
        let is_over = configured.is_some_and(|configured| {
            if is_of(SILENCES, group) {
                false
            } else if is_of(MAINTENANCE, group) {
                !configured.maintenance
            } else {
                !firing.contains_key(&target)
            }
        });
        if is_over {
            let ended = Notice {
                to: Some(now.max(notice.from)),
                ..notice.clone()
            };
            let end = NewDelivery::at_once(receiver, group, ended, now);
            found.insert((target.clone(), true), end);
        }
        places.insert(target);
    }
    let unknown = firing
        .into_iter()
        .filter(|(target, _)| !places.contains(target));
    found.extend(unknown.filter_map(|(target, delivery)| Some(((target, false), delivery?))));
    found
}

#[cfg(test)]
mod tests;
