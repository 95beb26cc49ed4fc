//! Repeated messages: groups that keep firing, and the watchdog alert.

use super::{MessageKind, Worker};
use crate::alert::{Decisions, Notice};
use crate::alerting;
use crate::notify::messages::{self, WATCHDOG, renew};
use crate::notify::own_groups::is_routed;
use crate::outcome::Timestamp;
use crate::receiver::Receiver;
use crate::store::{Batch, KnownGroup};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

impl Worker {
    /// Alerts that are not repeated: silenced and acknowledged ones. Receivers that expect regular
    /// resends get them anyway.
    pub(super) fn muted(
        &self,
        receiver: &Receiver,
        decisions: &Decisions,
        now: Timestamp,
    ) -> BTreeSet<u64> {
        let is_needed = receiver.channel.resend_every().is_none()
            && !(decisions.silences.is_empty() && decisions.acknowledged.is_empty());
        if !is_needed {
            return BTreeSet::new();
        }
        let alerts = self.deps.alerts.borrow().clone();
        let decided = alerts.decided(decisions, now).into_iter();
        let muted = decided.filter(|one| one.silenced_by.is_some() || one.acknowledged.is_some());
        muted
            .map(|one| alerts.rules.notice(&one).fingerprint())
            .collect()
    }

    /// Alerts whose objective or service is in maintenance: they are neither repeated nor escalated. Receivers
    /// that expect regular resends get them anyway.
    pub(super) fn maintained(&self, receiver: &Receiver) -> BTreeSet<u64> {
        let state = self.deps.states.borrow().clone();
        if receiver.channel.resend_every().is_some() || state.corrections.is_empty() {
            return BTreeSet::new();
        }
        let alerts = self.deps.alerts.borrow().clone();
        let maintained = state.in_maintenance(alerts.firing());
        maintained
            .map(|one| alerts.rules.notice(one).fingerprint())
            .collect()
    }

    /// Repeats the groups that keep firing. Returns when the next one is due.
    pub(super) async fn repeat(
        &mut self,
        receiver: &Receiver,
        known_groups: Vec<KnownGroup>,
        without: &BTreeSet<String>,
        now: Timestamp,
    ) -> Option<Duration> {
        let routing = self.deps.configs.borrow().routing.clone();
        let resends = receiver.channel.resend_every().is_some();
        let groups = known_groups
            .into_iter()
            .filter(|one| !without.contains(&one.group) && (resends || is_routed(&one.group)));
        let mut rest: Option<Duration> = None;
        for KnownGroup { group, at, example } in groups {
            let every = routing.repeat(receiver, &example);
            // A time in the future means that the clock was set back.
            let due = at.map_or(now, |at| at.after(every));
            let next = if resends {
                due
            } else {
                routing.opens(&example, due.max(now))
            };
            if next > now {
                let left = next.since(now);
                rest = Some(rest.map_or(left, |rest| rest.min(left)));
                continue;
            }
            if self.lanes.without(Instant::now()).is_none() {
                break;
            }
            self.repeat_group(receiver, group, (due, every), now).await;
        }
        rest
    }

    /// Sends the firing alerts of a group that were last sent at least `every` before now.
    async fn repeat_group(
        &mut self,
        receiver: &Receiver,
        group: String,
        (due, every): (Timestamp, Duration),
        now: Timestamp,
    ) {
        let decisions = self.deps.decisions.borrow().clone();
        let muted = &self.muted(receiver, &decisions, now) | &self.maintained(receiver);
        let (name, before) = (self.name.clone(), now.before(every));
        let found = self.ask(move |store| store.repeat_batch(&name, &group, before, &muted, now));
        let Some(Some(batch)) = found.await else {
            return;
        };
        let mut batch = Batch { due, ..batch };
        let firing = self.firing(&batch);
        // An alert that has ended is no longer silenced or acknowledged, but its end may not be sent yet.
        if receiver.channel.resend_every().is_none() {
            let firing: BTreeSet<u64> = firing.iter().map(Notice::fingerprint).collect();
            let known = &mut batch.known;
            known.retain(|one| firing.contains(&one.fingerprint()));
        }
        if batch.known.is_empty() {
            return;
        }
        renew(&mut batch, firing);
        let message = messages::of(&batch);
        self.start(MessageKind::Again(batch), receiver.clone(), message, now);
    }

    /// The alerts of a message that fire now, as they are now.
    pub(super) fn firing(&self, batch: &Batch) -> Vec<Notice> {
        let about = || batch.notices.iter().chain(&batch.known);
        let named: BTreeSet<u64> = about().map(Notice::fingerprint).collect();
        let services = about().map(|one| one.label("service").unwrap_or_default());
        let services: BTreeSet<&str> = services.collect();
        let alerts = self.deps.alerts.borrow().clone();
        let firing = services.iter().flat_map(|name| alerts.of_service(name));
        let firing = firing.map(|one| alerts.rules.notice(one));
        let firing = firing.filter(|one| named.contains(&one.fingerprint()));
        let mut firing: Vec<Notice> = firing.collect();
        let states = self.deps.states.borrow().clone();
        alerting::add_charts(&mut firing, &states, &alerts.rules);
        firing
    }

    /// Sends the watchdog alert to receivers that expect regular resends.
    pub(super) fn watch(
        &mut self,
        receiver: &Receiver,
        without: &BTreeSet<String>,
        now: Timestamp,
    ) {
        let Some(every) = receiver.channel.resend_every() else {
            return;
        };
        let is_due = self.watchdog.is_none_or(|last| last.elapsed() >= every);
        if is_due && !without.contains(WATCHDOG) && self.deps.is_healthy() {
            let rules = self.deps.configs.borrow().alerts.clone();
            let since = self.deps.states.borrow().at;
            let message = messages::watchdog(&self.name, &rules, since, now);
            self.start(MessageKind::Watchdog, receiver.clone(), message, now);
        }
    }
}
