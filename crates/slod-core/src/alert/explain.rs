//! Which page explains another alert, so that people hear of one fault once.

use super::Urgency;
use super::record::{AlertKey, AlertRecord, Inhibitor, Source};
use super::rules::AlertRules;
use super::state::Firing;
use crate::outcome::Timestamp;
use crate::slo::{Objective, Sli, StandardWindow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Warning signs that there are whenever a service is down: a page for it explains them.
pub const FOLLOW_FROM_FAILURES: [&str; 5] = [
    "latency_rising",
    "latency_unusual",
    "errors_climbing",
    "metrics_unreadable",
    "throughput_low",
];

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
    /// Whether another page explains it. Then it explains no page: of two that could explain each other,
    /// people hear of one.
    pub is_explained: bool,
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
            is_explained: alert
                .inhibited_by
                .as_ref()
                .is_some_and(Inhibitor::is_elsewhere),
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
            is_explained: false,
        };
        self.add(service, page);
    }

    /// Notes that an alert is explained by another page from now on.
    fn explained(&mut self, alert: &AlertRecord) {
        let key = &alert.key;
        for page in self.0.get_mut(&key.service).into_iter().flatten() {
            let is_one = page.slo.as_deref() == key.slo() && page.from == alert.from;
            page.is_explained |= is_one && page.long == key.tier().map(|tier| tier.long);
        }
    }

    /// The pages of a service that may explain an alert.
    fn of<'p>(&'p self, service: &str, alert: &AlertRecord) -> impl Iterator<Item = &'p Page> {
        let is_page = alert.urgency == Urgency::Page;
        let pages = self.0.get(service).into_iter().flatten();
        pages.filter(move |page| !(is_page && page.is_explained))
    }
}

/// Whose pages explain the burn alerts of an objective.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    /// Objectives of the same service.
    objectives: BTreeSet<Arc<str>>,
    /// Likewise, if people were notified before the alert began.
    earlier: BTreeSet<Arc<str>>,
    /// Services on its journey.
    services: BTreeSet<Arc<str>>,
}

/// Whether a page for one objective explains the alerts of another one of the same service, of which some
/// events are bad for the same reason: requests that fail are also slow, and make minutes bad.
pub fn explains(cause: Sli, other: Sli) -> bool {
    match other {
        Sli::Latency { .. } => !matches!(cause, Sli::Latency { .. }),
        Sli::Availability | Sli::Freshness => cause == Sli::Success,
        Sli::Success | Sli::Throughput(_) => false,
    }
}

impl Causes {
    /// Of an objective among all of its service.
    pub fn of(objective: &Objective, all: &[&Objective]) -> Self {
        let names = |is_cause: &dyn Fn(Sli) -> bool| {
            let causes = all.iter().filter(|one| is_cause(one.sli));
            causes.map(|one| one.name.as_str().into()).collect()
        };
        let is_success = objective.sli == Sli::Success;
        Self {
            objectives: names(&|cause| explains(cause, objective.sli)),
            earlier: names(&|cause| is_success && cause == Sli::Availability),
            services: objective
                .sources()
                .into_iter()
                .flatten()
                .map(Arc::from)
                .collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl AlertRules {
    /// Decides whether a page explains an alert that nobody was notified of. One that was explained is
    /// looked at again while it still fails: what explained it may be over, and this one has a reason of
    /// its own.
    pub fn explain(&self, firing: &mut Firing<'_>, paging: &mut Paging, now: Timestamp) {
        let Firing { held, bad, alert } = firing;
        let is_open = match &alert.inhibited_by {
            None => !alert.notified,
            Some(by) => by.is_elsewhere() && *held == now && *bad == now,
        };
        if is_open {
            alert.inhibited_by = self.explained_by(alert, paging, now);
            if alert.is_inhibited() {
                paging.explained(alert);
            }
        }
    }

    /// What explains an alert now, if anything does: a page that fires, of what was bad lately.
    pub fn explained_by(
        &self,
        alert: &AlertRecord,
        paging: &Paging,
        now: Timestamp,
    ) -> Option<Inhibitor> {
        let AlertKey { service, source } = &alert.key;
        let since = now.before(explains_for(source));
        let below = self.depends_on.get(service).into_iter().flatten();
        let below = latest(below, |name| last(paging.of(name, alert), since));
        let below = || below.map(Inhibitor::Service);
        let own = || match source {
            Source::Budget { slo, .. } => self.by_objective(alert, slo, paging, since),
            Source::Sign { sign, .. } => {
                let follows = FOLLOW_FROM_FAILURES.contains(&&**sign);
                let pages = paging.of(service, alert);
                let pages = pages.filter(|page| follows && page.bad >= since);
                let (_, slo) = pages
                    .filter_map(|page| Some((page.bad, page.slo.as_ref()?)))
                    .max()?;
                Some(Inhibitor::Objective(slo.clone()))
            }
        };
        below().or_else(own)
    }

    /// A page that is no slower than the tier of an alert, of another objective of its service or of a
    /// service on its journey.
    fn by_objective(
        &self,
        alert: &AlertRecord,
        slo: &str,
        paging: &Paging,
        since: Timestamp,
    ) -> Option<Inhibitor> {
        let long = alert.key.tier()?.long;
        let service = &alert.key.service;
        let causes = self.causes.get(service)?.get(slo)?;
        let is_fast = |page: &Page| page.long.is_none_or(|one| one <= long);
        let is_cause = |page: &&Page| {
            let is_known = |set: &BTreeSet<Arc<str>>| {
                let slo = page.slo.as_ref();
                slo.is_some_and(|slo| set.contains(slo))
            };
            let was_heard = page.is_notified && page.from < alert.from;
            let is_one = is_known(&causes.objectives) || (was_heard && is_known(&causes.earlier));
            is_one && page.bad >= since && is_fast(page)
        };
        let cause = paging.of(service, alert).filter(is_cause);
        let cause = cause.max_by_key(|page| page.bad);
        if let Some(slo) = cause.and_then(|page| page.slo.clone()) {
            return Some(Inhibitor::Objective(slo));
        }
        let others = causes.services.iter().filter(|name| *name != service);
        let fast = |name: &str| {
            let pages = paging.of(name, alert);
            last(pages.filter(|page| is_fast(page)), since)
        };
        latest(others, fast).map(Inhibitor::Service)
    }
}

/// When one of these pages was last bad and began, if it was bad since then.
fn last<'p>(
    pages: impl Iterator<Item = &'p Page>,
    since: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    let bad = pages.filter(|page| page.bad >= since);
    bad.map(|page| (page.bad, page.from)).max()
}

/// Of some services, the one of which a page was bad last, if that was lately.
fn latest<'s>(
    services: impl Iterator<Item = &'s Arc<str>>,
    pages: impl Fn(&str) -> Option<(Timestamp, Timestamp)>,
) -> Option<Arc<str>> {
    let failing = services.filter_map(|name| Some((pages(name)?, name)));
    failing.max().map(|(_, name)| name.clone())
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
