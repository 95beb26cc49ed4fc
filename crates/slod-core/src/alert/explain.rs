//! Which page explains another alert, so that people hear of one fault once.

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

/// A page that fires.
#[derive(Clone, Debug)]
pub struct Page {
    /// `None` if it is about no objective.
    pub slo: Option<Arc<str>>,
    /// The long window of its tier.
    pub long: Option<StandardWindow>,
    /// When what it is about was last bad.
    pub bad: Timestamp,
    pub from: Timestamp,
    pub is_notified: bool,
}

/// The pages that fire, by service.
#[derive(Clone, Debug, Default)]
pub struct Paging(BTreeMap<Arc<str>, Vec<Page>>);

impl Paging {
    pub fn add(&mut self, service: &Arc<str>, page: Page) {
        self.0.entry(service.clone()).or_default().push(page);
    }

    /// Adds what fires, if it is a page.
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

    /// Adds a service in maintenance whose probes failed last at this time: no alert of it fires, and it
    /// explains others as a page of it would.
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
    /// Decides whether a page explains an alert that nobody was notified of. One that was explained is
    /// looked at again while it still fails: what explained it may be over, and this one has a reason of
    /// its own.
    pub fn explain(&self, firing: &mut Firing<'_>, paging: &Paging, now: Timestamp) {
        let Firing { held, bad, alert } = firing;
        let is_open = match &alert.inhibited_by {
            None => !alert.notified,
            Some(by) => by.is_elsewhere() && *held == now && *bad == now,
        };
        if is_open {
            alert.inhibited_by = self.explained_by(alert, paging, now);
        }
    }

    /// What explains an alert now, if anything does: a page that fires, of what was bad lately.
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
                // People know of a page that was notified.
                let order = (cause.relation, page.is_notified, page.bad, page.from);
                Some((order, cause.inhibitor(page)?))
            })
        });
        found.max().map(|(_, inhibitor)| inhibitor)
    }
}

impl Cause<'_> {
    /// Whether it is this page of its service.
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

/// A service that recovered explains an alert for so long: the short window of the fastest tier, and of
/// a sign the minutes that most of them are about.
const fn explains_for(source: &Source) -> Duration {
    match source {
        Source::Budget { .. } => Duration::from_mins(5),
        Source::Sign { .. } => Duration::from_mins(10),
    }
}

#[cfg(test)]
mod tests;
