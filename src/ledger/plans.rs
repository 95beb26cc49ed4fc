//! The rules by which the store counts each probe's hours, so that the next startup reads counts
//! only.

use crate::config::Config;
use crate::outcome::ProbeKey;
use crate::slo::TallyKey;
use crate::store::CountingPlan;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The number of different plans that the next one is compared with.
const COMPARED: usize = 16;

/// One plan for each probe of a config. Equal ones are shared: thousands of probes have the default
/// objectives.
pub fn plans(config: &Config) -> HashMap<ProbeKey, Arc<CountingPlan>> {
    let mut known: VecDeque<Arc<CountingPlan>> = VecDeque::with_capacity(COMPARED);
    let mut shared = |plan: CountingPlan| {
        if let Some(same) = known.iter().find(|one| ***one == plan) {
            return same.clone();
        }
        let plan = Arc::new(plan);
        known.truncate(COMPARED - 1);
        known.push_front(plan.clone());
        plan
    };
    let each = each(config).into_iter();
    each.map(|(key, plan)| (key, shared(plan))).collect()
}

fn each(config: &Config) -> HashMap<ProbeKey, CountingPlan> {
    let mut plans: HashMap<ProbeKey, CountingPlan> = HashMap::new();
    for service in &config.services {
        let mut watched = Vec::new();
        for spec in service.watched() {
            plans.entry(spec.key.clone()).or_default();
            watched.push(&spec.key);
        }
        for objective in &service.objectives {
            for probe in service.contributing(objective).0 {
                let plan = plans.entry(watched[probe].clone()).or_default();
                plan.thresholds.extend(objective.sli.threshold());
                let key = TallyKey::of(objective);
                if !plan.keys.contains(&key) {
                    plan.keys.push(key);
                }
            }
        }
    }
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_plans_are_shared() {
        let service = |name: &str, more: &str| {
            format!(
                "  - {{ name: {name}, probes: [{{ name: p, tcp: {{ address: \"h:1\" }} }}]{more} }}\n"
            )
        };
        let own = ", objectives: [{ name: fast, sli: latency, below: 1s, target: 99% }]";
        let services = service("a", "") + &service("b", own) + &service("c", "");
        let objective = "{ name: up, sli: success, target: 99% }";
        let text = format!("defaults: {{ objectives: [{objective}] }}\nservices:\n{services}");
        let plans = plans(&text.parse().expect("valid"));
        let of = |service: &str| &plans[&ProbeKey::new(service, "p")];
        assert!(Arc::ptr_eq(of("a"), of("c")));
        assert_eq!((of("a").keys.len(), of("b").keys.len()), (1, 2));
    }
}
