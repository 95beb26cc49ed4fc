//! The daemon and the generated rules inhibit the same alerts.

use super::*;
use crate::alert::{AlertRecord, Inhibitor, Machine, StepInput, Tracked};
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::slo::{StandardWindow, Tracker};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use regex::Regex;
use std::collections::HashMap;
use std::sync::Arc;

const OBJECTIVES: [&str; 3] = [
    "sli: success",
    "sli: availability, budgeting: timeslices",
    "sli: latency, below: 1s",
];
const TIERS: [&str; 3] = [
    "long: 1h, short: 5m, budget: 2%",
    "long: 6h, short: 30m, budget: 5%",
    "long: 1d, short: 2h, budget: 10%",
];

/// One service: the earlier services that it depends on, and for each objective the services whose probes count;
/// empty for its own probes.
type Draft = (Vec<Index>, Vec<(usize, Vec<Index>)>);

fn draft() -> impl Strategy<Value = Draft> {
    let some = |most: usize| prop::collection::vec(any::<Index>(), 0..=most);
    let objectives = subsequence(vec![0, 1, 2], 1..=3);
    let counted = prop::collection::vec(some(2), 3);
    let objectives = (objectives, counted)
        .prop_map(|(objectives, counted)| objectives.into_iter().zip(counted).collect());
    (some(2), objectives)
}

fn config(services: &[Draft], are_pages: [bool; 3]) -> Config {
    let mut text = "alerts: { budget_exhausted: true, forecast: 3d, tiers: [".to_owned();
    for (tier, is_page) in TIERS.iter().zip(are_pages) {
        let urgency = if is_page { "page" } else { "ticket" };
        text = format!("{text} {{ {tier}, urgency: {urgency} }},");
    }
    text += " ] }\nservices:\n";
    for (number, (below, objectives)) in services.iter().enumerate() {
        let below = below.iter().filter(|_| number > 0);
        let below: BTreeSet<_> = below.map(|one| format!("s{}", one.index(number))).collect();
        let below: Vec<_> = below.into_iter().collect();
        text = format!(
            "{text}  - name: s{number}\n    probes: [ {{ name: p, http: {{ url: 'http://127.0.0.1:1/' }} }} ]\n    depends_on: [ {} ]\n    objectives:\n",
            below.join(", ")
        );
        for (sli, counted) in objectives {
            let counted = counted.iter().map(|one| match one.index(services.len()) {
                own if own == number => "p".to_owned(),
                other => format!("s{other}/p"),
            });
            let counted: BTreeSet<_> = counted.collect();
            let counted: Vec<_> = counted.into_iter().collect();
            let probes = match &counted[..] {
                [] => String::new(),
                some => format!(", probes: [ {} ]", some.join(", ")),
            };
            text = format!(
                "{text}      - {{ name: o{sli}, {}, target: 99%, window: 30d{probes} }}\n",
                OBJECTIVES[*sli]
            );
        }
    }
    text.parse().expect(&text)
}

/// Every alert that a config can fire, all starting at the same moment.
fn alerts(config: &Config, now: Timestamp) -> Vec<AlertRecord> {
    let slos = config.services.iter().flat_map(|service| {
        let all = service.objectives.iter();
        all.map(move |one| ObjectiveRules::new(config, service, one))
    });
    let alerts = slos.flat_map(|slo| {
        let name: Arc<str> = slo.objective.name.as_str().into();
        let service = slo.service.name.clone();
        let conditions = slo.policy.conditions().iter();
        conditions
            .map(move |one| {
                let key = AlertKey::budget(service.clone(), name.clone(), *one);
                AlertRecord::new(key, one.alertname(), one.urgency(), now, "")
            })
            .collect::<Vec<_>>()
    });
    alerts.collect()
}

/// What inhibits each of these alerts in the daemon if they start together.
fn by_daemon(
    config: &Config,
    trackers: &[(&Arc<str>, Tracker)],
    alerts: &[&AlertRecord],
) -> Vec<Option<Inhibitor>> {
    let now = alerts[0].from;
    let mut machine = Machine::resumed(alerts.iter().copied().cloned(), now, &[]);
    let burning = trackers.iter().map(|(service, tracker)| Tracked {
        service,
        tracker,
        now,
    });
    machine.step(
        burning,
        StepInput {
            rules: &config.alerts,
            decisions: &Arc::default(),
            signs: None,
            gone: &[],
            own: &[],
            maintained: &[],
            now,
        },
    );
    let of = |alert: &&AlertRecord| {
        let found = machine.firing().find(|one| one.key == alert.key);
        let other = found.expect("it fires").inhibited_by.clone();
        let faster = alerts.iter().filter(|one| is_same_objective(one, alert));
        let tiers = faster.filter_map(|one| one.key.tier());
        let mut tiers = tiers.filter(|tier| {
            alert
                .key
                .condition()
                .is_some_and(|own| own.is_inhibited_by(tier))
        });
        tiers
            .next()
            .map(|tier| Inhibitor::Tier(tier.number))
            .or(other)
    };
    alerts.iter().map(of).collect()
}

/// Trackers without outcomes of all objectives, by service.
fn trackers(config: &Config) -> Vec<(&Arc<str>, Tracker)> {
    let trackers = config.services.iter().flat_map(|service| {
        let all = service.objectives.iter();
        all.map(move |one| (&service.name, Tracker::new(one.clone(), Vec::new())))
    });
    trackers.collect()
}

fn is_same_objective(one: &AlertRecord, other: &AlertRecord) -> bool {
    (&one.key.service, one.key.slo()) == (&other.key.service, other.key.slo())
}

/// Whether one of these alerts has the labels by which a rule inhibits another one.
fn by_rules(
    config: &Config,
    patterns: &mut Patterns,
    alert: &AlertRecord,
    alerts: &[&AlertRecord],
) -> bool {
    let service = config
        .services
        .iter()
        .find(|one| one.name == alert.key.service)
        .expect("known");
    let mut objectives = service.objectives.iter();
    let objective = objectives
        .find(|one| Some(one.name.as_str()) == alert.key.slo())
        .expect("known");
    let slo = ObjectiveRules::new(config, service, objective);
    let causes = causes(&slo, alert.key.condition().expect("of a budget"));
    alerts.iter().any(|one| {
        let labels = config.alerts.labels(one);
        let label = |name: &str| labels.get(name).map_or("", String::as_str);
        causes.iter().any(|cause| matches(cause, patterns, label))
    })
}

/// Patterns that were compiled, by their text.
type Patterns = HashMap<String, Regex>;

/// Whether labels match the matchers of a selector.
fn matches<'l>(selector: &str, patterns: &mut Patterns, label: impl Fn(&str) -> &'l str) -> bool {
    selector.split(',').all(|matcher| {
        let at = matcher.find(['=', '!']).expect("an operator");
        let (name, rest) = matcher.split_at(at);
        let (operator, value) = rest.split_at(rest.find('"').expect("a value"));
        let (value, label) = (value.trim_matches('"'), label(name));
        let mut is_match = || {
            let pattern = patterns.entry(value.to_owned());
            let whole = || Regex::new(&format!("^(?:{value})$")).expect("a pattern");
            pattern.or_insert_with(whole).is_match(label)
        };
        match operator {
            "=" => value == label,
            "=~" => is_match(),
            "!~" => !is_match(),
            other => panic!("an operator of no rule: {other}"),
        }
    })
}

/// Whether the daemon considers when a slower page was last bad, which rules do not know.
fn is_slower(cause: &AlertRecord, alert: &AlertRecord) -> bool {
    let long = |one: &AlertRecord| one.key.tier().map(|tier| tier.long);
    let both = long(cause).zip(long(alert));
    both.is_some_and(|(cause, alert): (StandardWindow, StandardWindow)| cause > alert)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn rules_inhibit_the_same_alerts_as_the_daemon(
        services in prop::collection::vec(draft(), 1..5),
        are_pages in any::<[bool; 3]>(),
        chosen in prop::collection::vec(any::<Index>(), 1..8),
    ) {
        let config = config(&services, are_pages);
        let now = Timestamp::from_secs(1_000_000);
        let all = alerts(&config, now);
        let trackers = trackers(&config);
        let mut patterns = Patterns::new();
        for one in &all {
            for cause in all.iter().filter(|cause| cause.key != one.key) {
                let daemon = by_daemon(&config, &trackers, &[one, cause])[0].clone();
                let is_known = !(matches!(daemon, Some(Inhibitor::Service(_))) && is_slower(cause, one));
                let rules = by_rules(&config, &mut patterns, one, &[cause]);
                prop_assert_eq!(rules, daemon.is_some() && is_known, "{:?} by {:?}: {:?}", one.key, cause.key, daemon);
            }
        }
        // At least one of the alerts that fire together is notified.
        let chosen: BTreeSet<usize> = chosen.iter().map(|one| one.index(all.len())).collect();
        let fire: Vec<&AlertRecord> = chosen.into_iter().map(|one| &all[one]).collect();
        prop_assert!(by_daemon(&config, &trackers, &fire).contains(&None));
        let mut is_inhibited = |one: &&AlertRecord| {
            let others: Vec<_> = fire.iter().copied().filter(|other| other.key != one.key).collect();
            by_rules(&config, &mut patterns, one, &others)
        };
        prop_assert!(!fire.iter().all(&mut is_inhibited));
    }
}
