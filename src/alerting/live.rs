//! The state of all alerts over time.

use super::chart;
use super::own::SelfState;
use super::view::AlertsView;
use crate::alert::{
    AlertKey, AlertRecord, AlertRules, Changes, Decisions, Machine, Sign, Source, StepInput,
    TROUBLES,
};
use crate::config::Config;
use crate::ledger::LedgerView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence, SIGNALS};
use crate::signals::Scope;
use std::sync::Arc;

/// Owned by one task.
#[derive(Debug, Default)]
pub struct LiveAlerts {
    machine: Machine,
    /// The time of the last findings taken.
    found: Timestamp,
    /// The config by which signs were last evaluated.
    config: Option<Arc<Config>>,
}

/// The inputs of alert evaluation, apart from the state of the ledger.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The config that enables signs; without one, none are evaluated.
    pub config: Option<Arc<Config>>,
    pub rules: Arc<AlertRules>,
    pub decisions: Arc<Decisions>,
    pub findings: Arc<Findings>,
    pub own: SelfState,
}

impl LiveAlerts {
    /// Continues with the alerts that were firing when the last process ended. Their conditions
    /// count as met at `last_met`.
    pub fn resumed(firing: Vec<AlertRecord>, last_met: Timestamp) -> Self {
        Self {
            machine: Machine::resumed(firing, last_met, TROUBLES),
            ..Self::default()
        }
    }

    /// Evaluates the state at one time. Returns the changes.
    pub fn step(&mut self, view: &LedgerView, inputs: &Inputs) -> Changes {
        let (signs, gone) = self.signs(inputs);
        let input = StepInput {
            rules: &inputs.rules,
            decisions: &inputs.decisions,
            signs: signs.as_deref(),
            gone: &gone,
            own: &inputs.own.signs(),
            maintained: &view.maintained().collect::<Vec<_>>(),
            now: view.at,
        };
        let mut changes = self.machine.step(view.objectives(), input);
        chart::add(&mut changes.notices, view, &inputs.rules);
        changes
    }

    /// The relevant findings, if they are new, and the signs that are no longer enabled. Findings
    /// may be older than the config.
    fn signs(&mut self, inputs: &Inputs) -> (Option<Vec<Sign>>, Vec<AlertKey>) {
        let findings = &inputs.findings;
        let are_new = findings.at != self.found;
        let place = |config: &Option<Arc<Config>>| config.as_ref().map(Arc::as_ptr);
        let is_reloaded = place(&inputs.config) != place(&self.config);
        if !are_new && !is_reloaded {
            return (None, Vec::new());
        }
        self.found = findings.at;
        self.config.clone_from(&inputs.config);
        let scope = Scope::of(inputs.config.as_deref());
        let followed = self.machine.followed();
        let gone = followed.filter(|key| !scope.has(key)).cloned().collect();
        let matters = |sign: &Sign| {
            let is_present = sign.is_present == Some(true);
            (is_present || self.machine.follows(&sign.key)) && scope.has(&sign.key)
        };
        let signs = || findings.all.iter().map(sign).filter(matters);
        (are_new.then(|| signs().collect()), gone)
    }

    /// The firing alerts, from the state at `at`.
    pub fn view(&self, at: Timestamp, rules: &Arc<AlertRules>) -> AlertsView {
        let firing = self.machine.firing().cloned().collect();
        let signs = self.machine.pending_signs().filter_map(pending_sign);
        let pending = self.machine.pending().chain(signs).collect();
        AlertsView::new(at, firing)
            .with_pending(pending)
            .with_rules(rules.clone())
    }
}

/// The pending alert of a sign, without evidence.
fn pending_sign((key, since): (&AlertKey, Timestamp)) -> Option<AlertRecord> {
    let Source::Sign { sign, .. } = &key.source else {
        return None;
    };
    let kind = SIGNALS.iter().find(|one| *one.name == **sign)?;
    Some(AlertRecord::new(
        key.clone(),
        kind.alert,
        kind.urgency,
        since,
        "",
    ))
}

/// Converts a finding to the input of the alert state machine.
pub fn sign(finding: &Finding) -> Sign {
    let service = finding.service.clone().unwrap_or_else(|| "".into());
    Sign {
        key: AlertKey::sign(service, finding.kind.name.into(), finding.subject.clone()),
        alertname: finding.kind.alert.into(),
        urgency: finding.kind.urgency,
        is_present: match finding.presence {
            Presence::Active => Some(true),
            Presence::Clear => Some(false),
            Presence::Unknown => None,
        },
        evidence: finding.evidence.clone(),
        chart: finding.chart.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::kinds;

    fn config(service: &str, signals: &str) -> Arc<Config> {
        let text = format!(
            "services: [ {{ name: {service}, signals: {{ {signals} }}, probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ] }} ]\n"
        );
        Arc::new(text.parse().expect("a valid config"))
    }

    /// Findings of two minutes, in which responses of `web` become slower.
    fn fires_by(config: &Arc<Config>) -> (LiveAlerts, Inputs) {
        let mut alerts = LiveAlerts::default();
        let mut inputs = Inputs::default();
        for second in (1080..=1200).step_by(30) {
            let mut view = LedgerView::default();
            view.at = Timestamp::from_secs(second);
            let slow = Finding {
                kind: &kinds::LATENCY_RISING,
                service: Some("web".into()),
                subject: "".into(),
                presence: Presence::Active,
                evidence: "slower".into(),
                chart: "".into(),
            };
            let findings = Findings {
                at: view.at,
                all: vec![slow],
                ..Findings::default()
            };
            inputs = Inputs {
                config: Some(config.clone()),
                findings: Arc::new(findings),
                ..Inputs::default()
            };
            alerts.step(&view, &inputs);
        }
        (alerts, inputs)
    }

    #[test]
    fn alerts_of_signs_end_when_a_reload_disables_the_signs() {
        let before = config("web", "");
        for (after, fires) in [
            (config("web", "cpu_high: false"), 1),
            (config("web", "latency_rising: false"), 0),
            (config("renamed", ""), 0),
        ] {
            let (mut alerts, inputs) = fires_by(&before);
            assert_eq!(alerts.machine.firing().count(), 1);
            let mut view = LedgerView::default();
            view.at = Timestamp::from_secs(1201);
            // The findings are still the old ones.
            let inputs = Inputs {
                config: Some(after),
                ..inputs
            };
            let changes = alerts.step(&view, &inputs);
            assert_eq!(alerts.machine.firing().count(), fires);
            let ended = changes.records.iter().filter_map(|one| one.to);
            assert_eq!(ended.count(), 1 - fires);
            view.at = Timestamp::from_secs(1202);
            alerts.step(&view, &inputs);
            assert_eq!(
                alerts.machine.firing().count(),
                fires,
                "and it does not start again"
            );
        }
    }
}
