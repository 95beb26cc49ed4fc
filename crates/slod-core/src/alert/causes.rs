//! Which pages explain which alerts, as the config decides: used by the daemon and by the generated
//! Prometheus rules.
//!
//! No alert explains itself through others, so at least one of several related alerts is always left
//! unexplained. Pages of services on a journey explain the alerts of the journey, and pages of dependencies
//! explain the alerts of their dependents. Where services lead back to each other, such as a journey of A
//! through B where B depends on A, only pages for objectives that count no probes of other services
//! explain. These objectives in turn are explained only by objectives of the same kind: those of
//! dependencies, which never lead back, and those of the same service, in the order of their SLIs.

use super::record::{AlertKey, Source};
use super::tier::Tier;
use crate::slo::{Objective, Sli, StandardWindow};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Warning signs that always accompany an outage: a page for the service explains them.
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

/// What explains an alert. The variants are in ascending order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// A service whose probes the objective counts, or a dependency of such a service.
    Journey,
    /// Another objective of the service that fails for the same reason.
    Objective,
    /// Like `Objective`, but only if receivers were notified of the page before the alert began.
    EarlierObjective,
    /// A direct or transitive dependency of the alert's service.
    Dependency,
}

/// Pages of one service that explain an alert.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'c> {
    pub relation: Relation,
    pub service: &'c Arc<str>,
    pub pages: Pages<'c>,
    /// The longest window of a page that can explain the alert. An alert of a faster tier than its cause
    /// has another cause, too.
    pub slowest: Option<StandardWindow>,
}

/// The objectives whose pages are meant.
#[derive(Clone, Copy, Debug)]
pub enum Pages<'c> {
    /// Pages for any objective, and those for none.
    All,
    Of(&'c Names),
    AllBut(&'c Names),
}

/// What explains the alerts of all services in a config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causes {
    /// Direct and transitive dependencies of each service.
    below: ByName<Names>,
    /// Shared by services with the same objectives.
    objectives: ByName<Arc<ByName<OfObjective>>>,
    /// Objectives that count probes of other services, by service.
    journeys: ByName<Names>,
    /// The services that each service with journeys can reach through its journeys and dependencies.
    around: ByName<Names>,
}

/// What explains the burn alerts of an objective, except for the dependencies of its service.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct OfObjective {
    objectives: Names,
    earlier: Names,
    journey: Names,
}

/// Returns the direct and transitive dependencies of each service, given the direct ones.
pub fn all_below(direct: &ByName<Vec<Arc<str>>>) -> ByName<Names> {
    let all = direct.keys();
    let all = all.map(|service| (service.clone(), reach(direct, service)));
    all.filter(|(_, below)| !below.is_empty()).collect()
}

/// Returns all services reachable from `service`.
fn reach(direct: &ByName<Vec<Arc<str>>>, service: &Arc<str>) -> Names {
    let (mut found, mut open) = (Names::new(), vec![service]);
    while let Some(next) = open.pop() {
        let below = direct.get(next).into_iter().flatten();
        open.extend(below.filter(|one| found.insert(Arc::clone(one))));
    }
    found
}

/// Whether a page for one objective explains the alerts of another one that counts the same probes: failed
/// requests are also slow, and they make minutes bad.
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
    /// `below` are the direct and transitive dependencies of each service.
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

    /// The direct and transitive dependencies of a service.
    pub fn below(&self, service: &str) -> impl Iterator<Item = &Arc<str>> {
        self.below.get(service).into_iter().flatten()
    }

    /// All pages that can explain an alert.
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

    /// The pages of a service that explain alerts of a dependent.
    fn pages_below(&self, service: &str, above: &str) -> Pages<'_> {
        match self.around.get(service) {
            Some(around) if around.contains(above) => self.own_pages(service),
            _ => Pages::All,
        }
    }

    /// The pages of a service that count its own probes only.
    fn own_pages(&self, service: &str) -> Pages<'_> {
        self.journeys.get(service).map_or(Pages::All, Pages::AllBut)
    }
}

impl Pages<'_> {
    /// Whether a page for this objective, or for none, belongs to the set.
    pub fn contain(self, slo: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Of(names) => slo.is_some_and(|slo| names.contains(slo)),
            Self::AllBut(names) => slo.is_none_or(|slo| !names.contains(slo)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_the_same_objectives_share_their_causes() {
        let errors = Objective::of_successes("errors");
        let available = |name| Objective {
            sli: Sli::Availability,
            ..Objective::of_successes(name)
        };
        let (uptime, minutes) = (available("uptime"), available("minutes"));
        let services = [
            ("a".into(), vec![&errors, &uptime]),
            ("b".into(), vec![&errors, &minutes]),
            ("c".into(), vec![&errors, &uptime]),
        ];
        let causes = Causes::new(&services, ByName::new());
        let of = |service| &causes.objectives[service];
        assert!(Arc::ptr_eq(of("a"), of("c")));
        assert_ne!(of("a"), of("b"));
        assert!(of("a")["uptime"].objectives.contains("errors"));
    }
}
