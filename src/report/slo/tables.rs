//! Tables of a report.

use super::html::anchor;
use super::model::{
    CorrectionReport, DeploymentReport, IncidentReport, ObjectiveReport, ProbeReport, Report,
};
use super::words;
use crate::format::{numbers, times};
use crate::report::deploys;
use crate::report::sheet::{Cell, Column, Kind, Table, column};

const OBJECTIVES: &[Column] = &[
    column("Service", Kind::Text),
    column("SLO", Kind::Text),
    column("Result", Kind::Text),
    column("Target", Kind::Text),
    column("Window", Kind::Text),
    column("SLI", Kind::Number),
    column("Coverage", Kind::Number),
    column("Good", Kind::Number),
    column("Bad", Kind::Number),
    column("Expected", Kind::Number),
    column("Budget spent", Kind::Number),
    column("Left", Kind::Number),
    column("Left over time", Kind::Text),
];

const DEPLOYMENTS: &[Column] = &[
    column("Time (UTC)", Kind::Time),
    column("Service", Kind::Text),
    column("Deployed", Kind::Long),
    column("By", Kind::Text),
    column("Burned within a day or until the next one", Kind::Long),
];

const INCIDENTS: &[Column] = &[
    column("Start (UTC)", Kind::Time),
    column("Duration", Kind::Number),
    column("Service", Kind::Text),
    column("SLO", Kind::Text),
    column("Bad", Kind::Number),
    column("Budget spent", Kind::Number),
    column("Main cause", Kind::Text),
    column("Example", Kind::Long),
];

const INCIDENTS_OF_ONE: &[Column] = &[
    column("Start (UTC)", Kind::Time),
    column("Duration", Kind::Number),
    column("Bad", Kind::Number),
    column("Budget spent", Kind::Number),
    column("Main cause", Kind::Text),
    column("Example", Kind::Long),
];

const CORRECTIONS: &[Column] = &[
    column("From (UTC)", Kind::Time),
    column("To (UTC)", Kind::Time),
    column("Excluded", Kind::Text),
    column("Services", Kind::Text),
    column("SLOs", Kind::Text),
    column("Reason", Kind::Text),
    column("Author", Kind::Text),
];

const GAPS: &[Column] = &[
    column("Probe", Kind::Text),
    column("Outcomes", Kind::Number),
    column("Void", Kind::Text),
    column("Not observed", Kind::Number),
    column("Longest gap (UTC)", Kind::Text),
];

impl Table {
    pub fn objectives(report: &Report) -> Self {
        let all = report.objectives().enumerate();
        let row = |(index, (service, objective))| objective_row(index, service, objective);
        Self::new(OBJECTIVES, all.map(row))
    }

    /// The worst incidents of all objectives, and the number of the remaining ones.
    pub fn incidents(report: &Report) -> (Self, u64) {
        let (worst, others) = report.worst();
        let row = |(service, slo, incident): (&str, &str, &IncidentReport)| {
            let mut row = incident_row(incident);
            let names = [service, slo].map(Cell::untrusted);
            row.splice(2..2, names);
            row
        };
        let table = Self::new(INCIDENTS, worst.into_iter().map(row));
        (table, others)
    }

    /// The worst incidents of one objective.
    pub fn incidents_of(objective: &ObjectiveReport) -> Self {
        Self::new(
            INCIDENTS_OF_ONE,
            objective.incidents.iter().map(incident_row),
        )
    }

    pub fn corrections(report: &Report) -> Self {
        Self::new(CORRECTIONS, report.corrections.iter().map(correction_row))
    }

    /// Changes to services, and the budgets burned after them.
    pub fn deployments(report: &Report) -> Self {
        Self::new(DEPLOYMENTS, report.deployments.iter().map(deployment_row))
    }

    /// Probes that did not run all the time, or with void outcomes.
    pub fn gaps(report: &Report) -> Self {
        let row = |(service, probe)| gap_row(service, probe);
        Self::new(GAPS, report.failings().map(row))
    }
}

fn objective_row(index: usize, service: &str, objective: &ObjectiveReport) -> Vec<Cell> {
    vec![
        Cell::untrusted(service),
        Cell::Link {
            anchor: anchor(index),
            name: objective.name.clone(),
        },
        Cell::Badge(objective.result.tone(), objective.result.label()),
        Cell::Trusted(objective.promise.clone()),
        Cell::Trusted(objective.window.clone()),
        Cell::known(objective.sli_ratio, numbers::percent),
        Cell::known(objective.coverage_ratio, numbers::coverage),
        Cell::Trusted(numbers::fractional(objective.good_events)),
        Cell::Trusted(numbers::fractional(objective.bad_events)),
        Cell::Trusted(numbers::fractional(objective.expected_events)),
        Cell::known(objective.budget_spent_ratio, numbers::spent),
        Cell::known(objective.budget_left_ratio, numbers::share),
        Cell::Bars(words::bars(&objective.burn_down.points)),
    ]
}

fn deployment_row(deployment: &DeploymentReport) -> Vec<Cell> {
    let DeploymentReport { version, text, .. } = deployment;
    let what = match (&**version, &**text) {
        (version, "") => version.to_owned(),
        ("", text) => text.to_owned(),
        (version, text) => format!("{version}: {text}"),
    };
    vec![
        Cell::Trusted(times::second(deployment.at)),
        Cell::untrusted(&deployment.service),
        Cell::untrusted(&what),
        Cell::untrusted(&deployment.author),
        match &deployment.burned {
            None => Cell::Unknown,
            Some(nothing) if nothing.is_empty() => {
                Cell::Trusted("less than 0.1% of any budget".to_owned())
            }
            Some(burned) => Cell::Sentence(deploys::words(burned)),
        },
    ]
}

fn incident_row(incident: &IncidentReport) -> Vec<Cell> {
    vec![
        Cell::Trusted(times::second(incident.start)),
        Cell::Trusted(times::length(incident.duration_seconds)),
        Cell::Trusted(numbers::fractional(incident.bad_events)),
        Cell::known(incident.budget_spent_ratio, numbers::spent),
        Cell::Trusted(words::cause(incident)),
        Cell::untrusted(incident.example.as_deref().unwrap_or_default()),
    ]
}

fn correction_row(correction: &CorrectionReport) -> Vec<Cell> {
    vec![
        Cell::Trusted(times::moment(correction.from)),
        Cell::Trusted(times::moment(correction.to)),
        Cell::Trusted(words::corrected(correction)),
        Cell::Untrusted(words::scope(&correction.services)),
        Cell::Untrusted(words::scope(&correction.slos)),
        Cell::untrusted(&correction.reason),
        Cell::Untrusted(words::author(correction)),
    ]
}

fn gap_row(service: &str, probe: &ProbeReport) -> Vec<Cell> {
    vec![
        Cell::Untrusted(format!("{service}/{}", probe.name)),
        Cell::Trusted(numbers::count(probe.outcomes)),
        Cell::Trusted(words::voids(probe)),
        Cell::Trusted(times::length(probe.unwatched_seconds)),
        Cell::known(words::gap(probe), |gap| gap),
    ]
}
