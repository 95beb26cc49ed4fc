//! All readers agree at one point in time: live windows, the report, the API and the metrics.

use super::fixture::{Fixture, Step};
use slod::alerting::AlertsView;
use slod::exposition::TextFormat;
use slod::exposition::accept::PageFormat;
use slod::ledger::{LedgerView, Snapshot};
use slod::metrics::{MetricsPage, SelfMetrics, write_page};
use slod::observe::SystemView;
use slod::outcome::Timestamp;
use slod::report::slo::model::{ObjectiveReport, Report};
use slod::report::slo::report;
use slod::report::slo::span::Span;
use slod::report::status::Status;
use slod::slo::calendar::Calendar;
use slod::slo::{BudgetView, Objective};

fn close(a: Option<f64>, b: Option<f64>, what: &str) {
    let same = match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    };
    assert!(same, "{what}: {a:?} live, {b:?} by the report");
}

impl Fixture {
    /// Compares every calendar period with a report on it.
    pub fn agree(&mut self) {
        self.walk(&Step::Disk(false));
        let view = self.ledger.advance(Timestamp(self.now)).view();
        let snapshot = &view.snapshot();
        self.config.corrections.clone_from(&self.corrections);
        let store = self.store.as_ref().expect("open");
        let now = Timestamp(self.now);
        for calendar in calendars(snapshot) {
            let (from, to) = calendar.around(now);
            let span = Span::new(from, to, now);
            let report = report(&self.config, store, span).expect("readable");
            for service in &snapshot.services {
                for view in &service.objectives {
                    let mut budgets = [&view.budget].into_iter().chain(&view.additional_budgets);
                    let wanted = Some(calendar);
                    let found = budgets.find(|budget| budget.window.calendar == wanted);
                    let reported = named(&report, &service.name, &view.objective.name);
                    if let Some(live) = found {
                        equal(&view.objective, live, reported);
                    }
                }
            }
        }
        metrics_and_status(&view, snapshot);
    }
}

fn calendars(snapshot: &Snapshot) -> Vec<Calendar> {
    let mut all: Vec<Calendar> = Vec::new();
    let objectives = snapshot
        .services
        .iter()
        .flat_map(|service| &service.objectives);
    for calendar in objectives.flat_map(|view| view.objective.calendars()) {
        if !all.contains(&calendar) {
            all.push(calendar);
        }
    }
    all
}

fn named<'r>(report: &'r Report, service: &str, slo: &str) -> &'r ObjectiveReport {
    let mut services = report.services.iter();
    let service = services.find(|one| one.name == service).expect("a service");
    let mut objectives = service.objectives.iter();
    objectives
        .find(|one| one.name == slo)
        .expect("an objective")
}

fn equal(objective: &Objective, live: &BudgetView, reported: &ObjectiveReport) {
    let what = |of: &str| format!("{of} of {} over {:?}", objective.name, live.window.calendar);
    let parts = f64::from(objective.budgeting.parts());
    let events = |counts: f64| Some(counts / parts);
    close(
        events(live.period.good as f64),
        Some(reported.good_events),
        &what("good"),
    );
    close(
        events(live.period.bad as f64),
        Some(reported.bad_events),
        &what("bad"),
    );
    close(
        events(live.period.expected),
        Some(reported.expected_events),
        &what("expected"),
    );
    close(live.period.sli, reported.sli_ratio, &what("SLI"));
    close(
        live.period.coverage,
        reported.coverage_ratio,
        &what("coverage"),
    );
    close(live.left(), reported.budget_left_ratio, &what("left"));
}

/// The API and the metrics match the snapshot.
fn metrics_and_status(view: &LedgerView, snapshot: &Snapshot) {
    let own = SelfMetrics::new().expect("the instruments register");
    let system = SystemView::default();
    let page = write_page(
        Vec::new(),
        PageFormat::Text(TextFormat::Text),
        MetricsPage {
            ledger: view,
            alerts: &AlertsView::default(),
            system: &system,
            findings: &slod::signal::Findings::default(),
            runs: &slod::runs::RunsView::default(),
            own: &own,
        },
    );
    let page = page.expect("memory takes everything");
    let page = String::from_utf8(page).expect("text");
    let status = Status::of(snapshot, &[]);
    for (service, reported) in snapshot.services.iter().zip(&status.services) {
        for (view, reported) in service.objectives.iter().zip(&reported.objectives) {
            let name = &view.objective.name;
            close(view.budget.left(), reported.budget_remaining_ratio, name);
            close(view.budget.period.coverage, reported.coverage_ratio, name);
            for (live, reported) in view
                .additional_budgets
                .iter()
                .zip(&reported.further_windows)
            {
                close(live.left(), reported.budget_remaining_ratio, name);
                close(live.period.sli, reported.sli_ratio, name);
            }
            let (family, service) = ("slod_slo_error_budget_remaining_ratio", &service.name);
            let head = format!("{family}{{service=\"{service}\",slo=\"{name}\"}} ");
            let line = page.lines().find_map(|line| line.strip_prefix(&head));
            let exported = line.and_then(|value| value.parse().ok());
            close(view.budget.left(), exported, &head);
        }
    }
}
