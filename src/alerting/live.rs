//! The state of all alerts, from moment to moment.

use super::chart;
use super::own::Own;
use super::view::AlertsView;
use crate::alert::{
    AlertKey, AlertRecord, AlertRules, Changes, Decisions, Machine, Sign, Source, StepInput,
    TROUBLES,
};
use crate::ledger::LedgerView;
use crate::outcome::Timestamp;
use crate::signal::{Finding, Findings, Presence};
use std::sync::Arc;

/// Owned by one task.
#[derive(Debug, Default)]
pub struct LiveAlerts {
    machine: Machine,
    /// The last findings that were taken.
    found: Timestamp,
}

/// What alerts are evaluated with, apart from the state of the ledger.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    pub rules: Arc<AlertRules>,
    pub decisions: Arc<Decisions>,
    pub findings: Arc<Findings>,
    pub own: Own,
}

impl LiveAlerts {
    /// Continues with what fired when the program ended; `held` is the latest time that anything is
    /// known of.
    pub fn resumed(firing: Vec<AlertRecord>, held: Timestamp) -> Self {
        Self {
            machine: Machine::resumed(firing, held, TROUBLES),
            found: Timestamp::default(),
        }
    }

    /// Takes the state of a moment. Returns what changed by it.
    pub fn step(&mut self, view: &LedgerView, inputs: &Inputs) -> Changes {
        let findings = &inputs.findings;
        let are_new = findings.at != self.found;
        self.found = findings.at;
        let matters = |sign: &Sign| sign.is_there == Some(true) || self.machine.follows(&sign.key);
        let signs = || findings.all.iter().map(sign).filter(matters);
        let signs: Option<Vec<Sign>> = are_new.then(|| signs().collect());
        let input = StepInput {
            rules: &inputs.rules,
            decisions: &inputs.decisions,
            signs: signs.as_deref(),
            own: &inputs.own.signs(),
            now: view.at,
        };
        let mut changes = self.machine.step(view.objectives(), input);
        chart::add(&mut changes.notices, view, &inputs.rules);
        changes
    }

    /// What fires, as of the state that was taken `at` this moment.
    pub fn view(&self, at: Timestamp, rules: &Arc<AlertRules>) -> AlertsView {
        let firing = self.machine.firing().cloned().collect();
        AlertsView::new(at, firing).with_rules(rules.clone())
    }
}

/// What the machine of alerts takes of a finding.
pub fn sign(finding: &Finding) -> Sign {
    let source = Source::Sign {
        sign: finding.kind.name.into(),
        subject: finding.subject.clone(),
    };
    let service = finding.service.clone().unwrap_or_else(|| "".into());
    Sign {
        key: AlertKey { service, source },
        alertname: finding.kind.alert.into(),
        urgency: finding.kind.urgency,
        is_there: match finding.presence {
            Presence::Active => Some(true),
            Presence::Clear => Some(false),
            Presence::Unknown => None,
        },
        evidence: finding.evidence.clone(),
        chart: finding.chart.clone(),
    }
}
