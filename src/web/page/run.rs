//! One load run in depth.

use super::frame::{Page, View};
use super::headline::Headline;
use super::parts::{runs_path, service_path};
use crate::load::Answer;
use crate::report::health::HealthLevel;
use crate::report::load_run::{Beside, Compared, RunReport, body};
use crate::store::StoredRun;
use maud::{Markup, html};

/// Where the front page is, seen from here.
const ROOT: &str = "../";

pub fn render_run(
    report: &RunReport,
    run: &StoredRun,
    compared: Option<&Compared>,
    view: View<'_>,
) -> String {
    let level = match report.answer() {
        Answer::Good => HealthLevel::Ok,
        Answer::Bad => HealthLevel::Bad,
        Answer::Unknown => HealthLevel::Idle,
    };
    let beside = Beside {
        compared,
        log: None,
    };
    let page = Page {
        headline: Headline::new(level, report.headline()),
        below: below(report, run),
        root: ROOT,
        at: view.now,
        content: body(report, beside),
    };
    page.render(view)
}

fn below(report: &RunReport, run: &StoredRun) -> Markup {
    let purpose = &report.run.scenario.purpose;
    html! {
        p dir="auto" { "Run " (run.id) ", " (report.circumstances()) @if run.is_baseline { ", baseline" } }
        @if !purpose.is_empty() { p dir="auto" { "Purpose: " (purpose) } }
        p.places {
            a href={ (ROOT) (service_path(&run.service)) } { "Service " bdi { (run.service) } }
            a href={ (ROOT) (runs_path(&run.service)) } { "Its other runs" }
            a href={ (ROOT) "api/v1/runs/" (run.id) } { "As JSON" }
        }
    }
}
