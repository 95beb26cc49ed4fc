//! All histories, and what they show.

use super::finding;
use super::host::HostHistory;
use super::service::ServiceHistory;
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::observe::SystemView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence, kinds};
use crate::slo::StandardWindow;
use crate::units::HOUR;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Time between two evaluations of trends: a twenty-fourth of the span they are looked for in, as
/// their false alarms were measured.
const TREND_EVERY_MS: i64 = 300_000;
const DAY_S: i64 = 86_400;
/// A certificate that ends earlier has to be renewed by hand.
const CERTIFICATE_DAYS: i64 = 14;
const RATE_LIMIT: f64 = 0.1;
const COVERAGE: f64 = 0.5;

/// Owned by one task.
#[derive(Debug)]
pub struct Watcher {
    host: HostHistory,
    services: BTreeMap<Arc<str>, ServiceHistory>,
    judged: Option<Timestamp>,
}

impl Default for Watcher {
    fn default() -> Self {
        Self {
            host: HostHistory::new(),
            services: BTreeMap::new(),
            judged: None,
        }
    }
}

impl Watcher {
    /// Takes what was sampled.
    pub fn take(&mut self, system: &SystemView) {
        let at = system.at;
        self.host.take(at, system);
        let mut history = |name: &Arc<str>, take: &mut dyn FnMut(&mut ServiceHistory)| {
            let known = self.services.entry(name.clone());
            take(known.or_insert_with(|| ServiceHistory::new(name.clone())));
        };
        for metrics in &system.services {
            history(&metrics.service, &mut |one| one.take_metrics(at, metrics));
        }
        for process in &system.processes {
            history(&process.service, &mut |one| one.take_process(at, process));
        }
        for container in &system.containers {
            history(&container.service, &mut |one| {
                one.take_container(at, container);
            });
        }
    }

    /// What all signs that are switched on find now.
    pub fn findings(&mut self, config: &Config, ledger: &LedgerView, now: Timestamp) -> Findings {
        let names: BTreeSet<&Arc<str>> = config.services.iter().map(|one| &one.name).collect();
        self.services.retain(|name, _| names.contains(name));
        // The last samples may still be on their way.
        let sampled = now.before(config.observe.interval * 2);
        for spec in &config.services {
            if let Some(history) = self.services.get_mut(&spec.name) {
                history.advance(sampled, spec);
            }
        }
        let is_due = self
            .judged
            .is_none_or(|at| (now.0 - at.0).abs() >= TREND_EVERY_MS);
        if is_due {
            self.judged = Some(now);
            self.services
                .values_mut()
                .for_each(ServiceHistory::judge_trends);
        }
        let mut all = self.host.findings();
        for spec in &config.services {
            if let Some(history) = self.services.get_mut(&spec.name) {
                all.extend(history.findings(spec.load.as_ref()));
            }
            probed(ledger, &spec.name, now, &mut all);
        }
        all.retain(|one| !config.signals.off.contains(one.kind.name));
        Findings { at: now, all }
    }
}

/// The signs that outcomes show.
fn probed(ledger: &LedgerView, name: &Arc<str>, now: Timestamp, all: &mut Vec<Finding>) {
    let Some(service) = ledger.service(name) else {
        return;
    };
    for probe in &service.probes {
        let Some(last) = &probe.last else { continue };
        let mut push = |kind, is_active: bool, evidence| {
            let presence = if is_active {
                Presence::Active
            } else {
                Presence::Clear
            };
            all.push(finding(
                kind,
                Some(name),
                &probe.key.probe,
                (presence, evidence),
            ));
        };
        if let Some(ends) = last.tls_not_after {
            let days = (ends - now.0.div_euclid(1000)).div_euclid(DAY_S);
            let evidence = format!("the certificate ends in {days} days");
            push(
                &kinds::CERTIFICATE_ENDING,
                days < CERTIFICATE_DAYS,
                evidence,
            );
        }
        if let Some(left) = probe.llm.as_ref().and_then(|llm| llm.tightest_limit()) {
            let evidence = format!("{:.0} % of the tightest rate limit is left", left * 100.0);
            push(&kinds::RATE_LIMIT_NEAR, left < RATE_LIMIT, evidence);
        }
    }
    let hour_ago = now.before(HOUR);
    let old = service
        .objectives
        .iter()
        .filter(|view| view.since.is_some_and(|since| since <= hour_ago));
    let coverage = old.filter_map(|view| view.windows[StandardWindow::Hour1].coverage);
    let lowest = coverage.min_by(f64::total_cmp);
    if let Some(coverage) = lowest {
        let presence = if coverage < COVERAGE {
            Presence::Active
        } else {
            Presence::Clear
        };
        let evidence = format!("{:.0} % of the last hour was observed", coverage * 100.0);
        all.push(finding(
            &kinds::COVERAGE_LOST,
            Some(name),
            "",
            (presence, evidence),
        ));
    }
}
