//! Which pages explain which alerts, as far as the config decides: for the daemon, and for the rules of
//! Prometheus that are generated from it.
//!
//! No alert explains itself through others, so that of several alerts at least one is explained by none of them:
//! pages of services on a journey explain its alerts, and pages of services that are depended on those above them.
//! Where services lead to each other, such as a journey of A through B, which depends on A, only pages for objectives
//! that count no probes of other services explain. These in turn are explained by objectives of that kind only: of
//! services that are depended on, which never lead back, and of the same service, by the order of their SLIs.

use super::record::{AlertKey, Source};
use super::tier::Tier;
use crate::slo::{Objective, Sli, StandardWindow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Warning signs that there are whenever a service is down: a page for it explains them.
pub const FOLLOW_FROM_FAILURES: [&str; 5] = [
    "latency_rising",
    "latency_unusual",
    "errors_climbing",
    "metrics_unreadable",
    "throughput_low",
];

/// A map by service or objective.
type ByName<T> = BTreeMap<Arc<str>, T>;
type Names = BTreeSet<Arc<str>>;

/// What explains an alert. If several things do, the last one of these is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// A service whose probes the objective counts, or that such a service depends on.
    Journey,
    /// Another objective of the service, which fails for the same reason.
    Objective,
    /// Likewise, if people were notified of its page before the alert began.
    EarlierObjective,
    /// A service that the service of the alert depends on, directly or through others.
    Dependency,
}

/// Pages of one service that explain an alert.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'c> {
    pub relation: Relation,
    pub service: &'c Arc<str>,
    pub pages: Pages<'c>,
    /// The longest window of a page that explains: what burns faster than its cause has another cause, too.
    pub slowest: Option<StandardWindow>,
}

/// For which objectives pages are.
#[derive(Clone, Copy, Debug)]
pub enum Pages<'c> {
    /// Any, or none.
    All,
    Of(&'c Names),
    AllBut(&'c Names),
}

/// What explains the alerts of a config's services.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes {
    /// The services that each one depends on, directly or through others.
    below: ByName<Names>,
    /// Services with the same objectives share what explains them.
    objectives: ByName<Arc<ByName<OfObjective>>>,
    /// Objectives that count probes of other services, by service.
    journeys: ByName<Names>,
    /// The services that a service with journeys leads to, by these and by what it depends on, directly or through
    /// others.
    around: ByName<Names>,
}

/// What explains the burn alerts of an objective, apart from what its service depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct OfObjective {
    objectives: Names,
    earlier: Names,
    journey: Names,
}

/// The services that each service depends on, directly or through others, given the direct dependencies.
pub fn all_below(direct: &ByName<Vec<Arc<str>>>) -> ByName<Names> {
    let all = direct.keys();
    let all = all.map(|service| (service.clone(), reach(direct, service)));
    all.filter(|(_, below)| !below.is_empty()).collect()
}

/// What a service leads to, directly or through others.
fn reach(direct: &ByName<Vec<Arc<str>>>, service: &Arc<str>) -> Names {
    let (mut found, mut open) = (Names::new(), vec![service]);
    while let Some(next) = open.pop() {
        let below = direct.get(next).into_iter().flatten();
        open.extend(below.filter(|one| found.insert(Arc::clone(one))));
    }
    found
}

/// Whether a page for one objective explains the alerts of another one that counts the same probes: requests that
/// fail are also slow, and make minutes bad.
fn explains(cause: Sli, other: Sli) -> bool {
    match other {
        Sli::Latency { .. } => !matches!(cause, Sli::Latency { .. }),
        Sli::Availability | Sli::Freshness => cause == Sli::Success,
        Sli::Success | Sli::Throughput(_) => false,
    }
}

/// The services whose probes an objective counts.
fn counted<'o>(service: &'o str, objective: &'o Objective) -> BTreeSet<&'o str> {
    let sources = objective.sources().into_iter();
    sources.map(|source| source.unwrap_or(service)).collect()
}

impl OfObjective {
    fn new(
        service: &str,
        objective: &Objective,
        all: &[&Objective],
        below: &ByName<Names>,
    ) -> Self {
        let own = counted(service, objective);
        let names = |is_cause: &dyn Fn(Sli) -> bool| {
            let causes = all.iter().filter(|one| is_cause(one.sli));
            let causes = causes.filter(|one| counted(service, one).is_subset(&own));
            causes.map(|one| one.name.as_str().into()).collect()
        };
        let is_success = objective.sli == Sli::Success;
        let on_journey: Names = own.iter().copied().map(Arc::from).collect();
        let under = on_journey.iter().filter(|one| &***one != service);
        let under: Names = under
            .filter_map(|one| below.get(one))
            .flatten()
            .cloned()
            .collect();
        let journey = on_journey.union(&under).filter(|one| &***one != service);
        Self {
            objectives: names(&|cause| explains(cause, objective.sli)),
            earlier: names(&|cause| is_success && cause == Sli::Availability),
            journey: journey.cloned().collect(),
        }
    }
}

impl Causes {
    /// Of services and their objectives, and the services that each one depends on, directly or through others.
    pub fn new(services: &[(Arc<str>, Vec<&Objective>)], below: ByName<Names>) -> Self {
        let (mut objectives, mut journeys) = (ByName::new(), ByName::new());
        let mut shared: BTreeSet<Arc<ByName<OfObjective>>> = BTreeSet::new();
        let mut leads: ByName<Vec<Arc<str>>> = ByName::new();
        for (service, all) in services {
            let of = |one: &&Objective| {
                let name: Arc<str> = one.name.as_str().into();
                (name, OfObjective::new(service, one, all, &below))
            };
            let known: ByName<OfObjective> = all.iter().map(of).collect();
            let through = known.iter().filter(|(_, one)| !one.journey.is_empty());
            let through: Names = through.map(|(name, _)| name.clone()).collect();
            let journey = known.values().flat_map(|one| one.journey.iter());
            let depends_on = below.get(service).into_iter().flatten();
            leads.insert(
                service.clone(),
                journey.chain(depends_on).cloned().collect(),
            );
            if !through.is_empty() {
                journeys.insert(service.clone(), through);
            }
            let known: ByName<_> = known
                .into_iter()
                .filter(|(_, one)| *one != OfObjective::default())
                .collect();
            if !known.is_empty() {
                let known = shared.get(&known).cloned().unwrap_or_else(|| known.into());
                shared.insert(known.clone());
                objectives.insert(service.clone(), known);
            }
        }
        let with_journeys = journeys.keys();
        let around = with_journeys
            .map(|one| (one.clone(), reach(&leads, one)))
            .collect();
        Self {
            below,
            objectives,
            journeys,
            around,
        }
    }

    /// The services that a service depends on, directly or through others.
    pub fn below(&self, service: &str) -> impl Iterator<Item = &Arc<str>> {
        self.below.get(service).into_iter().flatten()
    }

    /// What explains an alert.
    pub fn of<'c>(&'c self, key: &'c AlertKey) -> impl Iterator<Item = Cause<'c>> {
        let AlertKey { service, source } = key;
        let below = self.below(service).map(|one| Cause {
            relation: Relation::Dependency,
            service: one,
            pages: self.pages_below(one, service),
            slowest: None,
        });
        let tier = key.tier();
        let burn =
            tier.and_then(|tier| Some((tier, self.objectives.get(service)?.get(key.slo()?)?)));
        let burn = burn
            .into_iter()
            .flat_map(|(tier, one)| self.of_burn(service, one, tier));
        let follows =
            matches!(source, Source::Sign { sign, .. } if FOLLOW_FROM_FAILURES.contains(&&**sign));
        let sign = follows.then_some(Cause {
            relation: Relation::Objective,
            service,
            pages: Pages::All,
            slowest: None,
        });
        below.chain(burn).chain(sign)
    }

    fn of_burn<'c>(
        &'c self,
        service: &'c Arc<str>,
        one: &'c OfObjective,
        tier: &Tier,
    ) -> impl Iterator<Item = Cause<'c>> {
        let slowest = Some(tier.long);
        let own = [
            (Relation::Objective, &one.objectives),
            (Relation::EarlierObjective, &one.earlier),
        ];
        let own = own.into_iter().filter(|(_, names)| !names.is_empty());
        let own = own.map(move |(relation, names)| Cause {
            relation,
            service,
            pages: Pages::Of(names),
            slowest,
        });
        let journey = one.journey.iter().map(move |service| Cause {
            relation: Relation::Journey,
            service,
            pages: self.own_pages(service),
            slowest,
        });
        own.chain(journey)
    }

    /// The pages of a service that explain alerts of one that depends on it.
    fn pages_below(&self, service: &str, above: &str) -> Pages<'_> {
        match self.around.get(service) {
            Some(around) if around.contains(above) => self.own_pages(service),
            _ => Pages::All,
        }
    }

    /// The pages of a service that are for its own probes only.
    fn own_pages(&self, service: &str) -> Pages<'_> {
        self.journeys.get(service).map_or(Pages::All, Pages::AllBut)
    }
}

impl Pages<'_> {
    /// Whether a page is one of them, by its objective, if it has one.
    pub fn contain(self, slo: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Of(names) => slo.is_some_and(|slo| names.contains(slo)),
            Self::AllBut(names) => slo.is_none_or(|slo| !names.contains(slo)),
        }
    }
}
