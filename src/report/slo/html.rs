//! A self-contained HTML page of a report: no scripts, fonts or images from elsewhere.

use super::answer;
use super::card::card;
use super::model::{ObjectiveReport, Report, Verdict};
use super::words;
use crate::format::{numbers, times};
use crate::report::sheet::{Table, badge};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("report.css"));

impl Report {
    pub fn to_html(&self) -> String {
        let span = times::length((self.to - self.from).as_seconds_f64());
        let title = format!(
            "SLO report {} to {}",
            times::date(self.from),
            times::date(self.to)
        );
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
                                (Table::objectives(self).to_html())
                            }
                        }
                        section {
                            h2 { "Budget and incidents" }
                            @for (index, (service, objective)) in self.objectives().enumerate() {
                                (card(self, service, objective, &anchor(index)))
                            }
                        }
                        (self.corrections_section())
                        (self.deployments_section())
                        (self.gaps_section())
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

    fn corrections_section(&self) -> Markup {
        html! {
            @if !self.corrections.is_empty() {
                section {
                    h2 { "Corrections" }
                    div.card {
                        p.quiet { "Outcomes in these times are not counted." }
                        (Table::corrections(self).to_html())
                    }
                }
            }
        }
    }

    fn deployments_section(&self) -> Markup {
        html! {
            @if !self.deployments.is_empty() {
                section {
                    h2 { "Deployments" }
                    div.card { (Table::deployments(self).to_html()) }
                }
            }
        }
    }

    fn gaps_section(&self) -> Markup {
        let table = Table::gaps(self);
        html! {
            section {
                h2 { "Monitoring gaps" }
                div.card {
                    @if table.rows.is_empty() {
                        p { "None: every probe ran all the time." }
                    } @else {
                        p.quiet { (answer::charged(self)) }
                        (table.to_html())
                    }
                }
            }
        }
    }
}

fn reason(service: &str, objective: &ObjectiveReport, why: &str, anchor: &str) -> Markup {
    html! {
        li {
            (badge(objective.result.tone(), objective.result.label()))
            p {
                a href={ "#" (anchor) } { bdi { (service) } " / " bdi { (objective.name) } }
                ": " (why)
            }
        }
    }
}

fn moment(at: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(times::machine(at)) { (times::minute(at)) " UTC" }
    }
}

/// ID of an objective's section.
pub fn anchor(index: usize) -> String {
    format!("slo-{}", index + 1)
}
