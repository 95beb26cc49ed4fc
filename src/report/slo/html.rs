//! A report as one page that needs nothing else: no script, no font, no picture from anywhere.

use super::chart::burn_down;
use super::model::{IncidentReport, ObjectiveReport, ProbeReport, Report, Verdict};
use super::text::cause;
use super::words;
use crate::report::numbers;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("report.css"));

impl Report {
    pub fn to_html(&self) -> String {
        let span = words::length((self.to - self.from).as_seconds_f64());
        let title = format!("SLO report {} to {}", date(self.from), date(self.to));
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (title) }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    style { (STYLE) }
                }
                body {
                    header.top {
                        strong { "SLO report" }
                        p.quiet {
                            (moment(self.from)) " to " (moment(self.to)) " (" (span) "), "
                            (numbers::count(self.outcomes)) " outcomes"
                        }
                    }
                    main {
                        (self.answer())
                        section { h2 { "Objectives" } div.card { (self.overview()) } }
                        section {
                            h2 { "Budget and incidents" }
                            @for (index, (service, objective)) in self.objectives().enumerate() {
                                (self.card(service, objective, &anchor(index)))
                            }
                        }
                        (self.corrections_section())
                        (self.failings_section())
                        section {
                            h2 { "How it is counted" }
                            ul.card.definitions {
                                @for definition in words::definitions() { li { (definition) } }
                            }
                        }
                    }
                }
            }
        };
        page.into_string()
    }

    /// Which objectives were missed, and why.
    fn answer(&self) -> Markup {
        let tone = match (self.any_missed(), self.count(Verdict::NotEnoughData)) {
            (true, _) => "bad",
            (false, 0) => "ok",
            (false, _) => "idle",
        };
        html! {
            section class={ "headline " (tone) } {
                h1 { (words::headline(self)) }
                @if self.unreadable_blocks > 0 {
                    p { (words::plural(self.unreadable_blocks, "hour")) " of the store could not be read and are missing here." }
                }
                ul {
                    @for wanted in [Verdict::Missed, Verdict::NotEnoughData] {
                        @for (index, (service, objective)) in self.objectives().enumerate() {
                            @if objective.result == wanted { (reason(service, objective, &anchor(index))) }
                        }
                    }
                }
            }
        }
    }

    fn overview(&self) -> Markup {
        html! {
            table {
                thead { tr {
                    th scope="col" { "Service and SLO" }
                    th scope="col" { "Result" }
                    th scope="col" { "Promised" }
                    th.number scope="col" { "SLI" }
                    th.number scope="col" { "Bad events" }
                    th.number scope="col" { "Budget spent" }
                    th.number scope="col" { "Left" }
                    th.number scope="col" { "Coverage" }
                } }
                tbody {
                    @for (index, (service, objective)) in self.objectives().enumerate() {
                        tr {
                            th scope="row" {
                                a href={ "#" (anchor(index)) } { bdi { (service) } " / " bdi { (objective.name) } }
                            }
                            td data-label="Result" { (badge(objective.result)) }
                            td data-label="Promised" { (objective.promise) }
                            td.number data-label="SLI" { (known(objective.sli_ratio, numbers::percent)) }
                            td.number data-label="Bad events" { (numbers::count(objective.bad_events)) }
                            td.number data-label="Budget spent" { (known(objective.budget_spent_ratio, numbers::spent)) }
                            td.number data-label="Left" { (known(objective.budget_left_ratio, numbers::share)) }
                            td.number data-label="Coverage" { (known(objective.coverage_ratio, numbers::coverage)) }
                        }
                    }
                }
            }
        }
    }

    fn card(&self, service: &str, objective: &ObjectiveReport, id: &str) -> Markup {
        html! {
            article.card id=(id) {
                header {
                    h3 { bdi { (service) } " / " bdi { (objective.name) } " " span.quiet { (objective.promise) } }
                    (badge(objective.result))
                }
                div.halves {
                    (burn_down(self, service, objective, id))
                    (facts(objective))
                }
                (incidents(objective))
            }
        }
    }

    fn corrections_section(&self) -> Markup {
        html! {
            @if !self.corrections.is_empty() {
                section {
                    h2 { "Corrections" }
                    div.card {
                        p.quiet { "This time is taken out of numerator and denominator." }
                        table {
                            thead { tr {
                                th scope="col" { "Reason" } th scope="col" { "From (UTC)" } th scope="col" { "To (UTC)" }
                                th scope="col" { "Taken out" } th scope="col" { "Services" } th scope="col" { "SLOs" } th scope="col" { "By" }
                            } }
                            tbody {
                                @for correction in &self.corrections {
                                    tr {
                                        th scope="row" { bdi { (correction.reason) } }
                                        td.time data-label="From (UTC)" { (words::minute(correction.from)) }
                                        td.time data-label="To (UTC)" { (words::minute(correction.to)) }
                                        td data-label="Taken out" { (words::corrected(correction)) }
                                        td data-label="Services" { bdi { (words::scope(&correction.services)) } }
                                        td data-label="SLOs" { bdi { (words::scope(&correction.slos)) } }
                                        td data-label="By" { bdi { (correction.author) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn failings_section(&self) -> Markup {
        html! {
            section {
                h2 { "Our own failings" }
                div.card {
                    @if self.failings().next().is_none() {
                        p { "None: every probe watched all the time." }
                    } @else {
                        p.quiet { "None of this is charged to a service." }
                        table {
                            thead { tr {
                                th scope="col" { "Probe" } th.number scope="col" { "Outcomes" } th scope="col" { "Void outcomes" }
                                th.number scope="col" { "Unwatched" } th scope="col" { "Longest gap (UTC)" }
                            } }
                            tbody { @for (service, probe) in self.failings() { (failing(service, probe)) } }
                        }
                    }
                }
            }
        }
    }
}

fn failing(service: &str, probe: &ProbeReport) -> Markup {
    html! {
        tr {
            th scope="row" { bdi { (service) } " / " bdi { (probe.name) } }
            td.number data-label="Outcomes" { (numbers::count(probe.outcomes)) }
            td data-label="Void outcomes" { (words::voids(probe)) }
            td.number data-label="Unwatched" { (words::length(probe.unwatched_seconds)) }
            td data-label="Longest gap (UTC)" { (known(words::gap(probe), |gap| gap)) }
        }
    }
}

fn reason(service: &str, objective: &ObjectiveReport, anchor: &str) -> Markup {
    html! {
        li {
            (badge(objective.result))
            p {
                a href={ "#" (anchor) } { bdi { (service) } " / " bdi { (objective.name) } }
                @if let Some(why) = words::why(objective) { ": " (why) }
            }
        }
    }
}

fn facts(objective: &ObjectiveReport) -> Markup {
    let corrected = objective.corrected_seconds;
    html! {
        dl.facts {
            div { dt { "SLI" } dd { (known(objective.sli_ratio, numbers::percent)) } }
            div { dt { "Budget left" } dd {
                (known(objective.budget_left_ratio, numbers::share))
                span.quiet { "of " (budget(objective.budget_events)) " bad events" }
            } }
            div { dt { "Good events" } dd { (numbers::count(objective.good_events)) } }
            div { dt { "Bad events" } dd { (numbers::count(objective.bad_events)) } }
            div { dt { "Expected events" } dd { (words::events(objective.expected_events)) } }
            div { dt { "Coverage" } dd {
                (known(objective.coverage_ratio, numbers::coverage))
                span.quiet {
                    (words::events(objective.missing_events)) " missing, "
                    (numbers::count(objective.void_events)) " void"
                }
            } }
            @if corrected > 0.0 {
                div { dt { "Taken out by corrections" } dd { (words::length(corrected)) } }
            }
            @if !objective.causes.is_empty() {
                div { dt { "Failures by cause" } dd {
                    @for cause in objective.causes.iter().take(4) {
                        span.quiet { (cause.cause) " " (numbers::count(cause.outcomes)) }
                    }
                } }
            }
        }
    }
}

fn incidents(objective: &ObjectiveReport) -> Markup {
    let scattered = objective.scattered_bad_events;
    html! {
        @if !objective.incidents.is_empty() {
            h4 { "Incidents, the worst first" }
            table {
                thead { tr {
                    th scope="col" { "Began (UTC)" } th.number scope="col" { "Lasted" } th.number scope="col" { "Bad events" }
                    th.number scope="col" { "Budget spent" } th scope="col" { "Main cause" } th scope="col" { "Example" }
                } }
                tbody { @for one in &objective.incidents { (incident(one)) } }
            }
        }
        p.quiet {
            @if objective.incidents.is_empty() { "No incident. " }
            @if objective.incidents_not_shown > 0 {
                (words::plural(objective.incidents_not_shown, "more incident")) " spent less. "
            }
            @if scattered > 0 { (words::plural(scattered, "bad event")) " in no incident." }
        }
    }
}

fn incident(incident: &IncidentReport) -> Markup {
    html! {
        tr {
            th.time scope="row" { (words::second(incident.start)) }
            td.number data-label="Lasted" { (words::length(incident.duration_seconds)) }
            td.number data-label="Bad events" { (numbers::count(incident.bad_events)) }
            td.number data-label="Budget spent" { (known(incident.budget_spent_ratio, numbers::spent)) }
            td data-label="Main cause" { (cause(incident)) }
            @match &incident.example {
                Some(example) => td.wide data-label="Example" { span.message dir="auto" { (example) } }
                None => td.empty {}
            }
        }
    }
}

/// Sign, colour and word: colour is never alone.
fn badge(result: Verdict) -> Markup {
    let (class, sign) = match result {
        Verdict::Met => ("ok", "M2 7.5 5.5 11 12 3.5"),
        Verdict::Missed => ("bad", "M3 3l8 8m0-8-8 8"),
        Verdict::NotEnoughData => ("idle", "M3 7h8"),
    };
    html! {
        span class={ "badge " (class) } {
            svg viewBox="0 0 14 14" aria-hidden="true" { path d=(sign) {} }
            (result.word())
        }
    }
}

/// Bad events that may be: with a fraction where there are few.
fn budget(events: f64) -> String {
    if events < 10.0 {
        format!("{events:.1}")
    } else {
        words::events(events)
    }
}

/// The value, or a dash where nothing is known.
fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

fn anchor(index: usize) -> String {
    format!("slo-{}", index + 1)
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn moment(at: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (words::minute(at)) " UTC" }
    }
}
