//! Which page explains another alert, so that one fault notifies people once.

use super::Urgency;
use super::causes::{Cause, Relation};
use super::record::{AlertRecord, Inhibitor, Source};
use super::rules::AlertRules;
use super::state::Firing;
use crate::outcome::Timestamp;
use crate::slo::StandardWindow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A firing page.
#[derive(Clone, Debug)]
pub struct Page {
    /// `None` for a page without an objective.
    pub slo: Option<Arc<str>>,
    /// The long window of its tier.
    pub long: Option<StandardWindow>,
    /// When its subject was last bad.
    pub bad: Timestamp,
    pub from: Timestamp,
    pub is_notified: bool,
}

/// The firing pages, by service.
#[derive(Clone, Debug, Default)]
pub struct Paging(BTreeMap<Arc<str>, Vec<Page>>);

impl Paging {
    pub fn add(&mut self, service: &Arc<str>, page: Page) {
        self.0.entry(service.clone()).or_default().push(page);
    }

    /// Adds a firing alert if it is a page.
    pub fn add_firing(&mut self, firing: &Firing<'_>) {
        let Firing { bad, alert, .. } = firing;
        if alert.urgency != Urgency::Page {
            return;
        }
        let page = Page {
            slo: alert.key.slo().map(Arc::from),
            long: alert.key.tier().map(|tier| tier.long),
            bad: *bad,
            from: alert.from,
            is_notified: alert.notified,
        };
        self.add(&alert.key.service, page);
    }

    /// Adds a service in maintenance whose probes last failed at `bad`. Its alerts do not fire, but it
    /// explains others as a page for it would.
    pub fn add_maintained(&mut self, service: &Arc<str>, bad: Timestamp) {
        let page = Page {
            slo: None,
            long: None,
            bad,
            from: bad,
            is_notified: false,
        };
        self.add(service, page);
    }

    fn of(&self, service: &str) -> impl Iterator<Item = &Page> {
        self.0.get(service).into_iter().flatten()
    }
}

impl AlertRules {
    /// Decides whether a page explains an alert that has not been notified. An alert that was explained
    /// before is reconsidered while it still fails: once its explanation has ended, it has a cause of its
    /// own.
    pub fn explain(&self, firing: &mut Firing<'_>, paging: &Paging, now: Timestamp) {
        let Firing {
            last_met,
            bad,
            alert,
        } = firing;
        let is_open = match &alert.inhibited_by {
            None => !alert.notified,
            Some(by) => by.is_elsewhere() && *last_met == now && *bad == now,
        };
        if is_open {
            alert.inhibited_by = self.explained_by(alert, paging, now);
        }
    }

    /// What explains an alert now, if anything: a firing page whose subject was bad recently.
    pub fn explained_by(
        &self,
        alert: &AlertRecord,
        paging: &Paging,
        now: Timestamp,
    ) -> Option<Inhibitor> {
        let since = now.before(explains_for(&alert.key.source));
        let found = self.causes.of(&alert.key).flat_map(|cause| {
            let pages = paging.of(cause.service);
            let pages = pages.filter(move |page| page.bad >= since && cause.is(page, alert));
            pages.filter_map(move |page| {
                // Prefer a page that people were notified of.
                let order = (cause.relation, page.is_notified, page.bad, page.from);
                Some((order, cause.inhibitor(page)?))
            })
        });
        found.max().map(|(_, inhibitor)| inhibitor)
    }
}

impl Cause<'_> {
    /// Whether this page of the service is the cause.
    fn is(&self, page: &Page, alert: &AlertRecord) -> bool {
        let slowest = self.slowest.zip(page.long);
        let is_fast = slowest.is_none_or(|(slowest, long)| long <= slowest);
        let was_heard = page.is_notified && page.from < alert.from;
        let is_early = self.relation != Relation::EarlierObjective || was_heard;
        is_fast && is_early && self.pages.contain(page.slo.as_deref())
    }

    fn inhibitor(&self, page: &Page) -> Option<Inhibitor> {
        match self.relation {
            Relation::Journey | Relation::Dependency => {
                Some(Inhibitor::Service(self.service.clone()))
            }
            Relation::Objective | Relation::EarlierObjective => {
                page.slo.clone().map(Inhibitor::Objective)
            }
        }
    }
}

/// How long a recovered service still explains an alert: the short window of the fastest tier for budgets,
/// and the time span that most warning signs are evaluated over for signs.
const fn explains_for(source: &Source) -> Duration {
    match source {
        Source::Budget { .. } => Duration::from_mins(5),
        Source::Sign { .. } => Duration::from_mins(10),
    }
}

#[cfg(test)]
mod tests;
