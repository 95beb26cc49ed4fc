//! Corrects what receivers know after a start or a reload. A config may change the labels or the route of
//! an alert while it fires: then a receiver knows it by labels or in a group under which it never ends, and
//! another one, which is to have it, does not know of it.

use super::task::Deps;
use super::{announce, silences};
use crate::alert::{AlertRecord, Notice};
use crate::alerting::AlertsView;
use crate::outcome::Timestamp;
use crate::receiver::Routing;
use crate::store::{NewDelivery, Store, StoreError};
use crate::tasks::blocking;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks. What is on its way into the store has arrived by the second one.
const EVERY: Duration = Duration::from_secs(15);
/// Looks after a start or a reload: only what both find is corrected.
const LOOKS: u32 = 2;
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// An alert that moves to another group of its receiver ends in the old one first: a receiver may know
/// alerts by their labels alone, and keeps what it got last.
const AFTER_ENDS: Duration = Duration::from_secs(5);

/// Receiver, group and fingerprint of an alert.
type Place = (String, String, u64);
/// Where something is wrong, and whether the alert is to end there.
type Difference = (Place, bool);
/// What receivers know: receiver, group, alert.
type Known = [(String, String, Notice)];

/// Runs until it is aborted.
pub(super) async fn run(mut deps: Deps) {
    let (mut left, mut before) = (LOOKS, BTreeSet::new());
    loop {
        sleep(EVERY).await;
        if deps.configs.has_changed().unwrap_or(false) {
            deps.configs.mark_unchanged();
            (left, before) = (LOOKS, BTreeSet::new());
        }
        let is_evaluated = deps.alerts.borrow().at > Timestamp::default();
        if left == 0 || !is_evaluated {
            continue;
        }
        if let Some(found) = deps.look(&before, left == 1).await {
            (left, before) = (left - 1, found);
        }
    }
}

impl Deps {
    /// Returns what is wrong now. If it `corrects`, what was wrong before as well is corrected.
    async fn look(
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
        let asked = blocking(move || store.ask(PATIENCE, work)).await;
        // A store that fails says so itself, and the next look tries again.
        let found = asked.ok()??.ok()?;
        if corrects && !found.is_empty() {
            self.waker.wake();
        }
        Some(found)
    }
}

/// Where all that fires belongs by the routes of now, with what is kept for a receiver that does not know
/// it; `None` if it is not to be sent what it does not know.
fn firing(
    alerts: &AlertsView,
    decided: &[AlertRecord],
    routing: &Routing,
    now: Timestamp,
) -> BTreeMap<Place, Option<NewDelivery>> {
    let mut firing = BTreeMap::new();
    for alert in decided {
        let notice = alerts.rules.notice(alert);
        // A silence keeps back what is kept here.
        let is_announced = alert.notified && !alert.is_inhibited();
        for decision in routing.decide(&notice, notice.from) {
            // Somebody takes care of it.
            let is_wanted = !decision.escalated || alert.acknowledged.is_none();
            let due = if decision.escalated {
                decision.due
            } else {
                now
            };
            let delivery = (is_announced && is_wanted).then(|| NewDelivery {
                due: due.max(now.after(AFTER_ENDS)),
                escalates: decision.escalated,
                ..NewDelivery::at_once(decision.receiver, &decision.group, notice.clone(), now)
            });
            // A receiver may also be one that its alerts are escalated to.
            let place = place(decision.receiver, &decision.group, &notice);
            firing.entry(place).or_insert(delivery);
        }
    }
    firing
}

fn place(receiver: &str, group: &str, notice: &Notice) -> Place {
    (receiver.to_owned(), group.to_owned(), notice.fingerprint())
}

/// What receivers know and does not fire, or not there, as resolved; and what fires and the receivers of
/// its route do not know.
fn differences(
    known: &Known,
    firing: BTreeMap<Place, Option<NewDelivery>>,
    routing: &Routing,
    now: Timestamp,
) -> BTreeMap<Difference, NewDelivery> {
    let mut found = BTreeMap::new();
    let mut places = BTreeSet::new();
    for (receiver, group, notice) in known {
        let place = place(receiver, group, notice);
        let configured = routing.receiver(receiver);
        let is_over = configured.is_some_and(|configured| match group.as_str() {
            silences::GROUP => false,
            announce::GROUP => !configured.maintenance,
            _ => !firing.contains_key(&place),
        });
        if is_over {
            let ended = Notice {
                to: Some(now.max(notice.from)),
                ..notice.clone()
            };
            let end = NewDelivery::at_once(receiver, group, ended, now);
            found.insert((place.clone(), true), end);
        }
        places.insert(place);
    }
    let unknown = firing
        .into_iter()
        .filter(|(place, _)| !places.contains(place));
    found.extend(unknown.filter_map(|(place, delivery)| Some(((place, false), delivery?))));
    found
}

#[cfg(test)]
mod tests;
