//! Page of load runs.

use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::parts::{figures, icon, moment, or_dash, runs_path, service_path};
use super::query::PageQuery;
use crate::format::{numbers, times};
use crate::report::health::HealthLevel;
use crate::report::load_run::{RunSummary, generated_by};
use crate::runs::Digest;
use crate::store::RunState;
use maud::{Markup, html};

/// A page of the list, and its filter.
pub struct RunsPage<'a> {
    /// The newest first.
    pub runs: &'a [Digest],
    pub service: Option<&'a str>,
    pub is_newest: bool,
    /// Cursor of the next page.
    pub next: Option<i64>,
}

/// Renders the list.
pub fn render_runs(listed: &RunsPage<'_>, view: View<'_>) -> String {
    let page = Page {
        headline: headline(listed),
        below: html! {},
        root: HOME,
        at: view.now,
        content: html! {
            @if listed.runs.is_empty() { (empty(listed)) } @else {
                section {
                    h2 { @match listed.service {
                        Some(service) => { "Load runs of " bdi { (service) } }
                        None => "Load runs",
                    } }
                    div.card { (table(listed.runs, HOME)) }
                    (places(listed, view.query))
                }
            }
        },
    };
    page.render(view)
}

/// Result of the newest run.
fn headline(listed: &RunsPage<'_>) -> Headline<'static> {
    let newest = listed.runs.first().filter(|_| listed.is_newest);
    let Some(digest) = newest else {
        let sentence = match (listed.runs.is_empty(), listed.is_newest) {
            (true, true) => "No load runs yet",
            (true, false) => "No older load runs",
            (false, _) => "Older load runs",
        };
        return Headline::new(HealthLevel::Idle, sentence.to_owned());
    };
    let (level, finding) = match (digest.state, &digest.summary) {
        (_, None) => (HealthLevel::Warn, "it cannot be read"),
        (RunState::Running, _) => (HealthLevel::Idle, "running"),
        (_, Some(summary)) => (level(summary), summary.finding.as_str()),
    };
    let (scenario, service) = (&digest.run.scenario, &digest.run.service);
    Headline::new(
        level,
        format!("Newest run, {scenario} of {service}: {finding}"),
    )
}

fn empty(listed: &RunsPage<'_>) -> Markup {
    let service = listed.service.unwrap_or("NAME");
    html! {
        section {
            h2 { "How to start a run" }
            div.card {
                p { code { "slod load baseline --service " (service) } }
                p.quiet {
                    "It generates the load of a scenario (baseline, stress, spike, soak, throughput, capacity, or one of the config), judges how the service performed, and stores the run. "
                    code { "slod import" } " imports results of k6, Locust, Vegeta, oha and wrk."
                }
                @if listed.service.is_some() { p { a href="./runs" { "Runs of all services" } } }
            }
        }
    }
}

/// The newest runs on their service's page, with a link to all of them.
pub fn of_service(service: &str, runs: &[Digest], root: &str) -> Markup {
    html! {
        @if !runs.is_empty() {
            section #runs {
                h2 { "Load runs" }
                div.card {
                    (table(runs, root))
                    p.quiet { a href={ (root) (runs_path(service)) } { "All load runs of this service" } }
                }
            }
        }
    }
}

/// One row per run; `root` is the relative path to the front page.
fn table(runs: &[Digest], root: &str) -> Markup {
    let labels = [
        "Run",
        "Length",
        "Load",
        "Throughput",
        "p95",
        "Errors",
        "Verdict",
    ];
    let rows: Vec<[Markup; 7]> = runs.iter().map(|digest| row(digest, root)).collect();
    figures(labels, &rows)
}

fn row(digest: &Digest, root: &str) -> [Markup; 7] {
    let (run, summary) = (&digest.run, digest.summary.as_deref());
    let finding = match (digest.state, summary) {
        (RunState::Running, _) => "running",
        (_, Some(summary)) => summary.finding.as_str(),
        (_, None) => "cannot be read: it may be of a newer version",
    };
    [
        html! {
            a href={ (root) "runs/" (run.id) } { bdi { (run.scenario) } " " span.number { "#" (run.id) } }
            span.quiet {
                a href={ (root) (service_path(&run.service)) } { bdi { (run.service) } }
                " · " (moment(run.from))
                @if run.is_baseline { " · baseline" }
            }
            span.quiet dir="auto" { (finding) }
        },
        html! { (times::length(run.to.since(run.from).as_secs_f64())) },
        html! { (or_dash(summary, RunSummary::load)) span.quiet { (generated_by(&run.engine)) } },
        html! { (or_dash(summary, |one| format!("{:.1}/s", one.rate_per_second))) },
        html! { (or_dash(summary.and_then(RunSummary::p95), numbers::latency)) },
        html! { (or_dash(summary.and_then(|one| one.error_ratio), numbers::spent)) },
        verdict(digest),
    ]
}

/// Icon, color and label.
fn verdict(digest: &Digest) -> Markup {
    let (level, word) = match (digest.state, digest.summary.as_deref()) {
        (_, None) => (HealthLevel::Warn, "unreadable".to_owned()),
        (RunState::Running, _) => (HealthLevel::Idle, "running".to_owned()),
        (RunState::Interrupted, _) => (HealthLevel::Warn, "interrupted".to_owned()),
        (RunState::Ended, Some(summary)) => (level(summary), summary.verdict()),
    };
    html! { span class={ "badge " (level.class()) } { (icon(level)) (word) } }
}

fn level(summary: &RunSummary) -> HealthLevel {
    match &*summary.verdict {
        "passed" if summary.findings > 0 => HealthLevel::Warn,
        "passed" => HealthLevel::Ok,
        "failed" => HealthLevel::Bad,
        _ => HealthLevel::Idle,
    }
}

/// Links to the other pages of the list.
fn places(listed: &RunsPage<'_>, query: PageQuery<'_>) -> Markup {
    html! {
        p.places {
            @if !listed.is_newest { a href=(query.without("cursor")) { "Newest runs" } }
            @if let Some(next) = listed.next {
                a href=(query.with("cursor", &next.to_string())) { "Older runs" }
            }
            @if listed.service.is_some() { a href="./runs" { "Runs of all services" } }
        }
    }
}
