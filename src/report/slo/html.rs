//! A report as one page that needs nothing else: no script, no font, no picture from anywhere.

use super::answer;
use super::card::{badge, card, known};
use super::model::{ObjectiveReport, ProbeReport, Report, Verdict};
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
                        section {
                            h2 { "Objectives" }
                            div.card {
                                p.quiet { (answer::budgets(self)) }
                                (self.overview())
                            }
                        }
                        section {
                            h2 { "Budget and incidents" }
                            @for (index, (service, objective)) in self.objectives().enumerate() {
                                (card(self, service, objective, &anchor(index)))
                            }
                        }
                        (self.corrections_section())
                        (self.failings_section())
                        section {
                            h2 { "Definitions" }
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
        let all_met = self.count(Verdict::Met) == self.objectives().count();
        let tone = match (self.any_missed(), all_met) {
            (true, _) => "bad",
            (false, true) => "ok",
            (false, false) => "idle",
        };
        html! {
            section class={ "headline " (tone) } {
                h1 { (answer::headline(self)) }
                @if let Some(shown) = answer::not_over(self) { p { (shown) } }
                @for shown in answer::notes(self) { p { (shown) } }
                ul {
                    @for wanted in [Verdict::Missed, Verdict::NotEnoughData] {
                        @for (index, (service, objective)) in self.objectives().enumerate() {
                            @if objective.result == wanted && let Some(why) = answer::why(self, objective) {
                                (reason(service, objective, &why, &anchor(index)))
                            }
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
                    th scope="col" { "Over" }
                    th.number scope="col" { "SLI" }
                    th.number scope="col" { "Coverage" }
                    th.number scope="col" { "Bad events" }
                    th.number scope="col" { "Budget spent" }
                    th.number scope="col" { "Left" }
                } }
                tbody {
                    @for (index, (service, objective)) in self.objectives().enumerate() {
                        tr {
                            th scope="row" {
                                a href={ "#" (anchor(index)) } { bdi { (service) } " / " bdi { (objective.name) } }
                            }
                            td data-label="Result" { (badge(objective.result)) }
                            td data-label="Promised" { (objective.promise) }
                            td data-label="Over" { (objective.window) }
                            td.number data-label="SLI" { (known(objective.sli_ratio, numbers::percent)) }
                            td.number data-label="Coverage" { (known(objective.coverage_ratio, numbers::coverage)) }
                            td.number data-label="Bad events" { (words::events(objective.bad_events)) }
                            td.number data-label="Budget spent" { (known(objective.budget_spent_ratio, numbers::spent)) }
                            td.number data-label="Left" { (known(objective.budget_left_ratio, numbers::share)) }
                        }
                    }
                }
            }
        }
    }

    fn corrections_section(&self) -> Markup {
        html! {
            @if !self.corrections.is_empty() {
                section {
                    h2 { "Corrections" }
                    div.card {
                        p.quiet { "Outcomes in these times are not counted." }
                        table {
                            thead { tr {
                                th scope="col" { "Reason" } th scope="col" { "From (UTC)" } th scope="col" { "To (UTC)" }
                                th scope="col" { "Taken out" } th scope="col" { "Services" } th scope="col" { "SLOs" } th scope="col" { "By" }
                            } }
                            tbody {
                                @for correction in &self.corrections {
                                    tr {
                                        th scope="row" { bdi { (correction.reason) } }
                                        td.time data-label="From (UTC)" { (words::moment(correction.from)) }
                                        td.time data-label="To (UTC)" { (words::moment(correction.to)) }
                                        td data-label="Taken out" { (words::corrected(correction)) }
                                        td data-label="Services" { bdi { (words::scope(&correction.services)) } }
                                        td data-label="SLOs" { bdi { (words::scope(&correction.slos)) } }
                                        td data-label="By" { bdi { (words::author(correction)) } }
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
                h2 { "Monitoring gaps" }
                div.card {
                    @if self.failings().next().is_none() {
                        p { "None: every probe ran all the time." }
                    } @else {
                        p.quiet { (answer::charged(self)) }
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
            td.wide data-label="Longest gap (UTC)" { (known(words::gap(probe), |gap| gap)) }
        }
    }
}

fn reason(service: &str, objective: &ObjectiveReport, why: &str, anchor: &str) -> Markup {
    html! {
        li {
            (badge(objective.result))
            p {
                a href={ "#" (anchor) } { bdi { (service) } " / " bdi { (objective.name) } }
                ": " (why)
            }
        }
    }
}

fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

fn moment(at: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(at.format("%Y-%m-%dT%H:%M:%SZ")) { (words::minute(at)) " UTC" }
    }
}

fn anchor(index: usize) -> String {
    format!("slo-{}", index + 1)
}
