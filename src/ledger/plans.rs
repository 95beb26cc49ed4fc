//! The rules by which the store counts each probe's hours, so that the next startup reads counts
//! only.

use crate::config::Config;
use crate::outcome::ProbeKey;
use crate::slo::TallyKey;
use crate::store::CountingPlan;
use std::collections::HashMap;

/// One plan for each probe of a config.
pub fn plans(config: &Config) -> HashMap<ProbeKey, CountingPlan> {
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
