//! Page of one load run.

use super::frame::{Page, View};
use super::headline::Headline;
use super::parts::{runs_path, service_path};
use crate::format::times;
use crate::report::health::HealthLevel;
use crate::report::load_run::{Compared, ReportExtras, RunReport, body};
use crate::store::{RunState, StoredRun};
use maud::{Markup, html};
use std::time::Duration;

/// Relative path to the front page.
const ROOT: &str = "../";

/// Reload interval of the page of a run in progress: as often as the run is stored.
const FOLLOW: Duration = Duration::from_secs(5);

pub fn render_run(
    report: &RunReport,
    run: &StoredRun,
    compared: Option<&Compared>,
    view: View<'_>,
) -> String {
    let state = run.state(view.now);
    let extras = ReportExtras {
        compared: compared.filter(|_| state == RunState::Ended),
        log: None,
    };
    let page = Page {
        headline: headline(report, state),
        below: below(report, run, state),
        root: ROOT,
        at: view.now,
        content: body(report, extras),
    };
    if state == RunState::Running {
        page.render_every(Some(FOLLOW), view)
    } else {
        page.render(view)
    }
}

fn headline(report: &RunReport, state: RunState) -> Headline<'static> {
    match state {
        RunState::Ended => Headline::new(report.level(), report.headline()),
        RunState::Running => {
            let (done, all) = (report.length(), report.run.scenario.length());
            let [done, all] = [done, all].map(|one| times::length(one.as_secs_f64()));
            let sentence = format!("{} is running: {done} of {all}", report.title());
            Headline::new(HealthLevel::Idle, sentence)
        }
        RunState::Interrupted => {
            let sentence = format!(
                "{} was interrupted: its end was not recorded",
                report.title()
            );
            Headline::new(HealthLevel::Warn, sentence)
        }
    }
}

fn below(report: &RunReport, run: &StoredRun, state: RunState) -> Markup {
    let purpose = &report.run.scenario.purpose;
    html! {
        @match state {
            RunState::Running => p { "Run " (run.id) " is in progress. This page shows the results so far and reloads every " (FOLLOW.as_secs()) " s." },
            _ => p dir="auto" { "Run " (run.id) ", " (report.verdict_in_words()) ", " (report.circumstances()) @if run.is_baseline { ", baseline" } },
        }
        @if !purpose.is_empty() { p dir="auto" { "Purpose: " (purpose) } }
        p.places {
            a href={ (ROOT) (service_path(&run.service)) } { "Service " bdi { (run.service) } }
            a href={ (ROOT) (runs_path(&run.service)) } { "Other runs of this service" }
            a href={ (ROOT) "api/v1/runs/" (run.id) } { "As JSON" }
        }
    }
}
