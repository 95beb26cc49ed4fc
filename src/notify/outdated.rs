//! Corrects what receivers know after a start or a reload. A config may change the labels or the route of
//! an alert while it fires: then a receiver knows it by a name that never ends, and another one, which
//! is to have it, does not know of it.

use super::task::Deps;
use super::{announce, silences};
use crate::alert::{AlertRecord, Notice};
use crate::alerting::AlertsView;
use crate::outcome::Timestamp;
use crate::receiver::Routing;
use crate::store::{NewDelivery, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::sleep;

/// Time between two looks. What is on its way into the store has arrived by the second one.
const EVERY: Duration = Duration::from_secs(15);
/// Looks after a start or a reload: only what both find is corrected.
const LOOKS: u32 = 2;
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Receiver, group and fingerprint of an alert.
type Place = (String, String, u64);
/// What receivers know: receiver, group, alert.
type Known = [(String, String, Notice)];

/// Runs until it is aborted.
pub(super) async fn run(mut deps: Deps) {
    let (mut left, mut before) = (LOOKS, BTreeMap::new());
    loop {
        sleep(EVERY).await;
        if deps.configs.has_changed().unwrap_or(false) {
            deps.configs.mark_unchanged();
            (left, before) = (LOOKS, BTreeMap::new());
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
        before: &BTreeMap<Place, Notice>,
        corrects: bool,
    ) -> Option<BTreeMap<Place, Notice>> {
        let (alerts, now) = (self.alerts.borrow().clone(), self.clock.now());
        let decisions = self.decisions.borrow().clone();
        let config = self.configs.borrow().clone();
        let before: BTreeSet<Place> = before.keys().cloned().collect();
        let decided = alerts.decided(&decisions, now);
        let work = move |store: &mut Store| -> Result<_, StoreError> {
            let firing = Firing::of(&alerts, &decided);
            let found = differences(&store.all_known()?, &firing, &config.routing, now);
            if corrects {
                let lasting = found.iter().filter(|(place, _)| before.contains(*place));
                let delivery = |((receiver, group, _), notice): (&Place, &Notice)| NewDelivery {
                    receiver: receiver.clone(),
                    group: group.clone(),
                    due: now,
                    notice: notice.clone(),
                };
                store.keep_deliveries(&lasting.map(delivery).collect::<Vec<_>>())?;
            }
            Ok(found)
        };
        let store = self.store.clone();
        let asked = tokio::task::spawn_blocking(move || store.ask(PATIENCE, work)).await;
        // A store that fails says so itself, and the next look tries again.
        let found = asked.ok()??.ok()?;
        if corrects && !found.is_empty() {
            self.waker.wake();
        }
        Some(found)
    }
}

/// What fires: all of it, and what receivers are to know.
struct Firing {
    all: BTreeSet<u64>,
    announced: Vec<Notice>,
}

impl Firing {
    fn of(alerts: &AlertsView, decided: &[AlertRecord]) -> Self {
        let notice = |one| alerts.rules.notice(one);
        let announced = decided.iter().filter(|one| {
            let is_kept = one.is_inhibited() || one.silenced_by.is_some();
            one.notified && !is_kept && one.acknowledged.is_none()
        });
        Self {
            all: decided
                .iter()
                .map(|one| notice(one).fingerprint())
                .collect(),
            announced: announced.map(notice).collect(),
        }
    }
}

/// What receivers know and does not fire, as resolved; and what fires and the receivers of its route do
/// not know.
fn differences(
    known: &Known,
    firing: &Firing,
    routing: &Routing,
    now: Timestamp,
) -> BTreeMap<Place, Notice> {
    let place = |receiver: &str, group: &str, notice: &Notice| {
        (receiver.to_owned(), group.to_owned(), notice.fingerprint())
    };
    let is_over = |receiver: &str, group: &str, notice: &Notice| match group {
        silences::GROUP => false,
        announce::GROUP => routing
            .receiver(receiver)
            .is_some_and(|one| !one.maintenance),
        _ => !firing.all.contains(&notice.fingerprint()),
    };
    let over = known.iter().filter(|(receiver, group, notice)| {
        routing.receiver(receiver).is_some() && is_over(receiver, group, notice)
    });
    let mut found: BTreeMap<Place, Notice> = over
        .map(|(receiver, group, notice)| {
            let to = Some(now.max(notice.from));
            let ended = Notice {
                to,
                ..notice.clone()
            };
            (place(receiver, group, notice), ended)
        })
        .collect();
    let places: BTreeSet<Place> = known
        .iter()
        .map(|(receiver, group, notice)| place(receiver, group, notice))
        .collect();
    for notice in &firing.announced {
        for decision in routing.decide(notice, now) {
            let place = place(decision.receiver, &decision.group, notice);
            if !decision.escalated && !places.contains(&place) {
                found.insert(place, notice.clone());
            }
        }
    }
    found
}
