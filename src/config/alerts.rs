//! Reads the alert rules: tiers, the timing of warning signs, the alerts chosen by objectives, and
//! dependencies between services.

use super::draft::ServiceDraft;
use super::keys::alerts::{self as key, AlertChoice};
use super::keys::service;
use super::labels::{self, OF_ALERTS};
use super::shard::Shard;
use crate::alert::{
    AlertPolicy, AlertRules, Causes, Condition, DEFAULT_FORECAST, SignTimings, TIERS, Tier, Timing,
    all_below,
};
use crate::diagnostic::{Place, nearest};
use crate::signal::Settings;
use crate::slo::Objective;
use crate::units::millionths;
use crate::yaml::Section;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sysinfo::System;

/// Reads the alert rules from `alerts`. `signals` and the shard are those of the root, and `listen` is where
/// the pages are served, and whether by TLS.
pub(super) fn read(
    section: &Section<'_>,
    services: &[ServiceDraft<'_>],
    (signals, shard): (&Settings, Option<Shard>),
    listen: Option<(SocketAddr, bool)>,
) -> Option<AlertRules> {
    let tiers = if section.has(&key::TIERS) {
        tiers(section)
    } else {
        Some(TIERS.to_vec())
    };
    let forecast = section.get(&key::FORECAST);
    let exhausted = section.get(&key::BUDGET_EXHAUSTED);
    let (timing, address) = (timing(section), section.get(&key::ADDRESS));
    let causes = causes(services);
    let mut all: Vec<_> = tiers?.into_iter().map(Condition::Tier).collect();
    all.extend(exhausted?.then_some(Condition::Exhausted));
    all.extend(forecast.map(Condition::Forecast));
    let own = objective_policies(services, &all, forecast);
    let instance = System::host_name().unwrap_or_default();
    let default =
        || listen.map(|(listen, is_secure)| default_address(listen, is_secure, &instance));
    Some(AlertRules {
        policy: AlertPolicy::new(all),
        own,
        causes,
        labels: labels_by_service(services),
        external: external(section, shard),
        signs: SignTimings {
            default: timing?,
            pending: pending(services, signals),
        },
        address: address.or_else(default)?,
        instance,
    })
}

/// The pages' address for links, unless it is configured.
fn default_address(listen: SocketAddr, is_secure: bool, host: &str) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    // Nothing can be opened at 0.0.0.0 or [::] from another machine.
    if listen.ip().is_unspecified() && !host.is_empty() {
        format!("{scheme}://{host}:{}", listen.port())
    } else {
        format!("{scheme}://{listen}")
    }
}

fn tiers(section: &Section<'_>) -> Option<Vec<Tier>> {
    let (mut tiers, mut number, mut is_valid) = (Vec::new(), 0, true);
    for tier in section.sections(&key::TIERS) {
        number += 1;
        match read_tier(&tier, number) {
            Some(read) => tiers.push(read),
            None => is_valid = false,
        }
    }
    let faulty = tiers.windows(2).find(|pair| pair[1].long <= pair[0].long);
    if let Some(pair) = faulty {
        let (slower, faster) = (pair[0].long.name(), pair[1].long.name());
        let message = format!("the tier over {faster} is listed after the one over {slower}");
        let help = "expected tiers in ascending order of `long`, without duplicates";
        section.error("conflict", &key::TIERS, message, help);
        return None;
    }
    is_valid.then_some(tiers)
}

fn read_tier(section: &Section<'_>, number: u8) -> Option<Tier> {
    let (long, short) = (section.get(&key::LONG), section.get(&key::SHORT));
    let (budget, urgency) = (section.get(&key::BUDGET), section.get(&key::URGENCY));
    let min_bad = section.get(&key::MIN_BAD);
    // A value that is out of range is reported even if another one is invalid.
    let is_share = |budget: &f64| (1e-6..=1.0).contains(budget);
    if budget.is_some_and(|budget| !is_share(&budget)) {
        let message = "the `budget` of a tier is out of range";
        let help = "expected a ratio above 0 and up to 100%, such as 2%";
        section.error("out-of-range", &key::BUDGET, message, help);
    }
    let (long, short, budget) = (long?, short?, budget.filter(is_share)?);
    if short >= long {
        let message = format!(
            "the short window {} is not shorter than {}",
            short.name(),
            long.name()
        );
        let help = "expected a window shorter than `long`, usually a twelfth of it";
        section.error("conflict", &key::SHORT, message, help);
        return None;
    }
    Some(Tier {
        number,
        long,
        short,
        budget: millionths(budget),
        urgency: urgency?,
        min_bad: min_bad?,
    })
}

/// The timing of all signs.
fn timing(section: &Section<'_>) -> Option<Timing> {
    let section = section.section_or_empty(&key::SIGNALS)?;
    let (pending, keep) = (section.get(&key::FOR), section.get(&key::KEEP));
    let confirmations = section.get(&key::CONFIRMATIONS);
    Some(Timing {
        pending: pending?,
        confirmations: confirmations?,
        keep: keep?,
    })
}

/// The times of signs by service. Services with the settings of the root have no entry.
fn pending(
    services: &[ServiceDraft<'_>],
    root: &Settings,
) -> BTreeMap<Arc<str>, BTreeMap<&'static str, Duration>> {
    let own = services
        .iter()
        .map(|one| (one.name.clone(), &one.signals.pending))
        .filter(|(_, pending)| **pending != root.pending);
    let of_root = (!root.pending.is_empty()).then(|| ("".into(), &root.pending));
    own.chain(of_root)
        .map(|(service, pending)| (service, pending.clone()))
        .collect()
}

/// The policies of objectives with `alerts` of their own. A default objective, which many services
/// share, is read once.
fn objective_policies(
    services: &[ServiceDraft<'_>],
    all: &[Condition],
    forecast: Option<Duration>,
) -> BTreeMap<Arc<str>, BTreeMap<Arc<str>, AlertPolicy>> {
    let mut read: BTreeMap<Option<Place>, AlertPolicy> = BTreeMap::new();
    let mut own: BTreeMap<Arc<str>, BTreeMap<_, _>> = BTreeMap::new();
    for service in services {
        let choosing = service.objectives.iter();
        for placed in choosing.filter(|placed| placed.section.has(&key::OF_OBJECTIVE)) {
            let policy = read.entry(placed.section.spot().place);
            let policy = policy.or_insert_with(|| choice(&placed.section, all, forecast));
            let of_service = own.entry(service.name.clone()).or_default();
            of_service.insert(placed.value.name.as_str().into(), policy.clone());
        }
    }
    own
}

fn choice(section: &Section<'_>, all: &[Condition], forecast: Option<Duration>) -> AlertPolicy {
    let chosen = section.all(&key::OF_OBJECTIVE);
    if chosen.contains(&AlertChoice::All) && chosen.len() == 1 {
        return AlertPolicy::new(all.iter().copied());
    }
    let tiers = || all.iter().filter_map(Condition::tier);
    let mut conditions = BTreeSet::new();
    for one in &chosen {
        match one {
            AlertChoice::None if chosen.len() == 1 => {}
            AlertChoice::All | AlertChoice::None => {
                let message = "`true` and `false` cannot be list items";
                let help = "expected `alerts: false`, or a list such as [1, 2]";
                section.error("conflict", &key::OF_OBJECTIVE, message, help);
            }
            AlertChoice::Tier(number) => {
                if let Some(tier) = tiers().find(|tier| tier.number == *number) {
                    conditions.insert(Condition::Tier(*tier));
                } else {
                    let message = format!("unknown tier {number}");
                    let help = match tiers().count() {
                        0 => "`alerts.tiers` is empty".to_owned(),
                        count => format!("expected a tier from 1 to {count}"),
                    };
                    section.error("unknown-name", &key::OF_OBJECTIVE, message, help);
                }
            }
            AlertChoice::Exhausted => {
                conditions.insert(Condition::Exhausted);
            }
            AlertChoice::Forecast => {
                let within = forecast.unwrap_or(DEFAULT_FORECAST);
                conditions.insert(Condition::Forecast(within));
            }
        }
    }
    AlertPolicy::new(conditions)
}

/// The dependencies of each service, direct and transitive.
fn dependencies(services: &[ServiceDraft<'_>]) -> BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
    let mut direct: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
    for one in services
        .iter()
        .filter(|one| one.section.has(&service::DEPENDS_ON))
    {
        let named = one.section.all(&service::DEPENDS_ON);
        let known = named.into_iter().filter_map(|name| {
            let found = services.iter().find(|other| *other.name == *name);
            if found.is_none() {
                let near = nearest(&name, services.iter().map(|one| &*one.name));
                let help = near.map_or_else(
                    || "expected the name of a configured service".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("unknown service `{name}`");
                one.section
                    .error("unknown-name", &service::DEPENDS_ON, message, help);
            }
            found.map(|other| other.name.clone())
        });
        direct.insert(one.name.clone(), known.collect());
    }
    let below = all_below(&direct);
    for one in services {
        if below
            .get(&one.name)
            .is_some_and(|below| below.contains(&one.name))
        {
            let message = format!("`{}` depends on itself, directly or transitively", one.name);
            let help = "remove one of the dependencies of the cycle";
            one.section
                .error("conflict", &service::DEPENDS_ON, message, help);
        }
    }
    below
}

/// The pages that can inhibit the alerts of each objective.
fn causes(services: &[ServiceDraft<'_>]) -> Causes {
    let all: Vec<_> = services.iter().map(with_objectives).collect();
    Causes::new(&all, dependencies(services))
}

fn with_objectives<'d>(service: &'d ServiceDraft<'_>) -> (Arc<str>, Vec<&'d Objective>) {
    let all = service.objectives.iter().map(|placed| &*placed.value);
    (service.name.clone(), all.collect())
}

/// The name of the label with the number of the shard.
pub(super) const SHARD: &str = "shard";

/// Reads the labels of all alerts, and adds that of the shard. Without it, shards would share the incidents of
/// their groups, and each would close those of the others.
fn external(section: &Section<'_>, shard: Option<Shard>) -> Vec<(String, String)> {
    for (name, _, at) in section.map(&key::EXTERNAL_LABELS) {
        if OF_ALERTS.contains(&&*name) {
            let message = format!("slod sets the label `{name}` on alerts");
            let help = "choose another name";
            section.reader().error("invalid-name", &at, message, help);
        }
    }
    let mut labels = labels::labels(section, &key::EXTERNAL_LABELS);
    let shard = shard.filter(|shard| !shard.is_whole());
    if let Some(shard) = shard.filter(|_| labels.iter().all(|(name, _)| name != SHARD)) {
        labels.push((SHARD.to_owned(), shard.number.to_string()));
    }
    labels
}

fn labels_by_service(services: &[ServiceDraft<'_>]) -> BTreeMap<Arc<str>, Arc<[(String, String)]>> {
    let labeled = services.iter().filter(|one| !one.labels.is_empty());
    labeled
        .map(|one| (one.name.clone(), one.labels.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_address_can_be_opened() {
        let secure = default_address("0.0.0.0:9771".parse().expect("valid"), true, "db1");
        assert_eq!(secure, "https://db1:9771");
        let default =
            |listen: &str, host| default_address(listen.parse().expect("valid"), false, host);
        assert_eq!(default("0.0.0.0:9771", "db1"), "http://db1:9771");
        assert_eq!(default("[::]:80", "db1"), "http://db1:80");
        assert_eq!(default("[::1]:9771", "db1"), "http://[::1]:9771");
        assert_eq!(default("0.0.0.0:9771", ""), "http://0.0.0.0:9771");
    }
}
