//! The state machine of all alerts: which fire, which are kept from notifying, and which notices are sent.

use super::Burning;
use super::explain::Paging;
use super::gaps::before_end;
use super::notice::Notice;
use super::record::{AlertKey, AlertRecord, Inhibitor, Source};
use super::rules::AlertRules;
use super::set::AlertSet;
use super::signs::{Sign, SignAlerts};
use super::silence::Decisions;
use super::state::{Firing, Timing};
use crate::outcome::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Problems of slod itself are certain at once, and their alerts end soon after they do.
const OWN: Timing = Timing::at_once(Duration::from_mins(1));

/// Maximum time between two steps. After a longer one, the machine was suspended, or the clock was set forward.
const MAX_STEP: Duration = Duration::from_mins(1);

/// Added to why an alert ended, so that nobody takes it for a recovery.
const IN_MAINTENANCE: &str = "; its service fails, but is in maintenance";

/// Owned by one task. The time is an argument of each step, so the clock may have been changed since the
/// previous one.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    objectives: AlertSet,
    signs: SignAlerts,
    own: SignAlerts,
    /// Names of the problems in `own`.
    troubles: &'static [&'static str],
    decided: Arc<Decisions>,
    /// The rules whose labels silences were last matched against.
    labelled: Option<Arc<AlertRules>>,
    /// The previous rules.
    formerly: Option<Arc<AlertRules>>,
    /// When alerts were last evaluated.
    stepped: Option<Timestamp>,
}

/// Input of a step, except for the objectives.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    pub rules: &'a Arc<AlertRules>,
    pub decisions: &'a Arc<Decisions>,
    /// Warning signs, if they were evaluated since the previous step.
    pub signs: Option<&'a [Sign]>,
    /// Warning signs that are no longer evaluated, such as those of a removed service: their alerts end
    /// now.
    pub gone: &'a [AlertKey],
    /// Problems of slod itself.
    pub own: &'a [Sign],
    /// Services whose probes failed during their maintenance, and when they last did.
    pub maintained: &'a [(Arc<str>, Timestamp)],
    pub now: Timestamp,
}

/// What a step changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Alerts that began or ended, or whose inhibitor, silence or notification changed, in their current
    /// state.
    pub records: Vec<AlertRecord>,
    /// Notices to send: one per alert when it fires and nothing keeps it from notifying, and one per set of
    /// labels it had when it resolves.
    pub notices: Vec<Notice>,
    /// The time before the step in which nothing was evaluated, if it was long.
    pub gap: Option<(Timestamp, Timestamp)>,
}

impl Machine {
    /// Continues with alerts whose conditions were last met at `last_met` or earlier. `troubles` are the names
    /// of slod's own problems.
    pub fn resumed(
        alerts: impl IntoIterator<Item = AlertRecord>,
        last_met: Timestamp,
        troubles: &'static [&'static str],
    ) -> Self {
        let mut machine = Self {
            troubles,
            ..Self::default()
        };
        machine.resume(alerts, last_met);
        machine
    }

    fn resume(&mut self, alerts: impl IntoIterator<Item = AlertRecord>, last_met: Timestamp) {
        for alert in alerts {
            match &alert.key.source {
                Source::Budget { .. } => self.objectives.resume(alert, last_met),
                Source::Sign { sign, .. } if self.troubles.contains(&&**sign) => {
                    self.own.resume(alert, last_met);
                }
                Source::Sign { .. } => self.signs.resume(alert, last_met),
            }
        }
    }

    /// Handles time in which nothing was evaluated like that of a restart: nothing is known about it, so firing
    /// alerts continue, and pending ones begin again.
    fn resume_after_gap(&mut self, now: Timestamp) {
        let last_met = before_end(now);
        self.objectives.resume_after_gap(last_met);
        self.signs.resume_after_gap(last_met);
        self.own.resume_after_gap(last_met);
    }

    /// Evaluates all alerts at a moment.
    pub fn step(
        &mut self,
        objectives: impl Iterator<Item = impl Burning>,
        input: StepInput<'_>,
    ) -> Changes {
        let StepInput { rules, now, .. } = input;
        let last = self.stepped.replace(now);
        let gap = last.filter(|last| last.after(MAX_STEP) < now);
        if gap.is_some() {
            self.resume_after_gap(now);
        }
        let mut records = self.objectives.step(objectives, rules, now);
        self.signs.end(input.gone, now, &mut records);
        if let Some(signs) = input.signs {
            let timing = |key: &AlertKey| rules.signs.of(key);
            self.signs.step(signs, timing, now, &mut records);
        }
        self.own.step(input.own, |_| OWN, now, &mut records);
        let mut changes = Changes {
            gap: gap.map(|last| (last, now)),
            ..Changes::default()
        };
        for mut record in records.into_iter().filter(|one| one.to.is_some()) {
            let service = &record.key.service;
            if input.maintained.iter().any(|(name, _)| name == service) {
                let why = format!("{}{IN_MAINTENANCE}", record.ended_because);
                record.ended_because = why.into();
            }
            let before = [&self.labelled, &self.formerly].into_iter().flatten();
            changes.end(record, rules, before);
        }
        self.review(input, last, &mut changes);
        changes
    }

    /// Decides for each firing alert whether something keeps it from notifying. New alerts and those whose
    /// decision changed are added to `changes`. `last` is when they were reviewed before.
    fn review(&mut self, input: StepInput<'_>, last: Option<Timestamp>, changes: &mut Changes) {
        let StepInput {
            rules,
            decisions,
            now,
            ..
        } = input;
        let is_decided = self.take_decisions(rules, decisions, (last, now));
        let mut paging = Paging::default();
        self.firing_mut().for_each(|one| paging.add_firing(&one));
        for (service, bad) in input.maintained {
            paging.add_maintained(service, *bad);
        }
        for mut firing in self.firing_mut() {
            let is_new = firing.alert.from == now && !firing.alert.notified;
            let before = decision(firing.alert);
            rules.explain(&mut firing, &paging, now);
            let alert = firing.alert;
            if is_decided || is_new {
                alert.silenced_by = decisions.silence(&rules.labels(alert), now);
                let acknowledged = &decisions.acknowledged;
                let key = (alert.key.clone(), alert.from);
                alert.acknowledged = acknowledged.get(&key).cloned();
            }
            let is_kept = alert.is_inhibited() || alert.silenced_by.is_some();
            if !alert.notified && !is_kept {
                alert.notified = true;
                if let Some(why) = held_back(&before, now) {
                    alert.held_back = why.into();
                }
                changes.notices.push(rules.notice(alert));
            }
            if is_new || before != decision(alert) {
                changes.records.push(alert.clone());
            }
        }
    }

    /// Takes over rules and decisions. Returns whether they, or the silences in force, changed since the last step.
    fn take_decisions(
        &mut self,
        rules: &Arc<AlertRules>,
        decisions: &Arc<Decisions>,
        (last, now): (Option<Timestamp>, Timestamp),
    ) -> bool {
        let is_relabelled = !self
            .labelled
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, rules));
        if is_relabelled {
            self.formerly = self.labelled.replace(Arc::clone(rules));
        }
        let is_other = !Arc::ptr_eq(&self.decided, decisions);
        self.decided = Arc::clone(decisions);
        let is_changed = |last| now < last || decisions.change_between(last, now);
        is_other || is_relabelled || last.is_none_or(is_changed)
    }

    /// Whether the alert of a sign fires or is pending.
    pub fn follows(&self, sign: &AlertKey) -> bool {
        self.signs.follows(sign)
    }

    /// The warning signs whose alerts fire or are pending.
    pub fn followed(&self) -> impl Iterator<Item = &AlertKey> {
        self.signs.followed()
    }

    /// All firing alerts.
    pub fn firing(&self) -> impl Iterator<Item = &AlertRecord> {
        let signs = self.signs.firing().chain(self.own.firing());
        self.objectives.firing().chain(signs)
    }

    /// Alerts of objectives whose condition has not been met for long enough yet. `from` is since when it
    /// is met; the evidence is empty.
    pub fn pending(&self) -> impl Iterator<Item = AlertRecord> {
        self.objectives.pending()
    }

    /// Warning signs that have not been present for long enough yet, and since when they are.
    pub fn pending_signs(&self) -> impl Iterator<Item = (&AlertKey, Timestamp)> {
        self.signs.pending()
    }

    fn firing_mut(&mut self) -> impl Iterator<Item = Firing<'_>> {
        let signs = self.signs.firing_mut().chain(self.own.firing_mut());
        self.objectives.firing_mut().chain(signs)
    }
}

/// What keeps an alert from notifying, and whether it notified.
type Decision = (Option<Inhibitor>, Option<i64>, bool);

/// Says why people are notified only now of an alert that began earlier: `inhibited by service db until 2026-11-30
/// 17:35 UTC`.
fn held_back((inhibitor, silence, _): &Decision, now: Timestamp) -> Option<String> {
    let why = match (inhibitor, silence) {
        (Some(by), _) => format!("inhibited by {}", by.described()),
        (None, Some(id)) => format!("silence {id}"),
        (None, None) => return None,
    };
    Some(format!(
        "{why} until {} UTC",
        now.to_utc().format("%Y-%m-%d %H:%M")
    ))
}

fn decision(alert: &AlertRecord) -> Decision {
    (
        alert.inhibited_by.clone(),
        alert.silenced_by,
        alert.notified,
    )
}

impl Changes {
    /// Adds an alert that ended. Receivers that were notified of the alert always get its resolution, also
    /// under the labels that the rules `before` gave it.
    fn end<'r>(
        &mut self,
        record: AlertRecord,
        rules: &'r Arc<AlertRules>,
        before: impl Iterator<Item = &'r Arc<AlertRules>>,
    ) {
        if record.notified {
            let all = [rules].into_iter().chain(before);
            let mut named = BTreeSet::new();
            let notices = all.map(|rules| rules.notice(&record));
            let new = notices.filter(|one| named.insert(one.fingerprint()));
            self.notices.extend(new);
        }
        self.records.push(record);
    }
}

#[cfg(test)]
mod tests;
