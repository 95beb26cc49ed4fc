//! The front page: is anything wrong now, and where.

use super::days;
use super::frame::{Page, View, since};
use super::parts::{badge, budget, failures, icon, known, promise, service_path};
use super::standing::{Standing, Tone};
use crate::ledger::snapshot::{LastOutcome, ObjectiveView, ProbeView, ServiceView, Snapshot};
use crate::outcome::Timestamp;
use crate::report::numbers;
use maud::{Markup, html};
use std::time::Duration;

/// Up to so many services are all shown in full; of more, so many that are in trouble.
const IN_FULL: usize = 12;

/// Beyond so many services, the healthy ones are folded away.
const UNFOLDED: usize = 100;

/// Older failures are not news; the service's own page keeps them.
const NEWS: Duration = Duration::from_secs(86_400);

type Judged<'a> = (Standing, &'a ServiceView);

pub fn render_overview(snapshot: &Snapshot, view: View) -> String {
    let mut services: Vec<Judged<'_>> = snapshot
        .services
        .iter()
        .map(|service| (Standing::of(service, snapshot.at), service))
        .collect();
    // Stable: equals stay in the order of the config.
    services.sort_by_key(|(standing, _)| *standing);
    let headline = Headline::of(&services);
    let page = Page {
        title: &headline.text(),
        tone: headline.tone,
        root: "./",
        at: snapshot.at,
        content: html! { (headline.markup(&services)) (list(&services, snapshot.at)) },
    };
    page.render(view)
}

/// The answer to "is anything wrong now?".
struct Headline<'a> {
    tone: Tone,
    /// A service that the sentence speaks of.
    name: Option<&'a str>,
    sentence: String,
}

impl<'a> Headline<'a> {
    /// Of services in the order of their standing, worst first.
    fn of(services: &[Judged<'a>]) -> Self {
        let total = services.len();
        let troubled = services.iter().filter(|(s, _)| s.is_trouble()).count();
        let idle = services
            .iter()
            .filter(|(s, _)| s.tone() == Tone::Idle)
            .count();
        let Some((worst, service)) = services.first() else {
            return Self::new(Tone::Idle, "No services are configured".to_owned());
        };
        if troubled == 1 || total == 1 {
            return Self {
                name: Some(&service.name),
                ..Self::new(worst.tone(), worst.predicate().to_owned())
            };
        }
        let all = numbers::count(total as u64);
        let sentence = match troubled {
            0 if idle == 0 => format!("All {all} services are fine"),
            0 if *worst == Standing::WarmingUp => "Nothing is wrong so far".to_owned(),
            0 if idle == total => "No data yet".to_owned(),
            0 => format!("Nothing is wrong; {idle} of {all} services have little or no data yet"),
            _ if troubled == total => format!("All {all} services need attention"),
            _ => format!("{troubled} of {all} services need attention"),
        };
        Self::new(worst.tone(), sentence)
    }

    fn new(tone: Tone, sentence: String) -> Self {
        Self {
            tone,
            name: None,
            sentence,
        }
    }

    fn text(&self) -> String {
        match self.name {
            Some(name) => format!("{name} {}", self.sentence),
            None => self.sentence.clone(),
        }
    }

    fn markup(&self, services: &[Judged<'_>]) -> Markup {
        html! {
            section class={ "headline " (self.tone.class()) } {
                h1 {
                    (icon(self.tone))
                    span { @if let Some(name) = self.name { bdi { (name) } " " } (self.sentence) }
                }
                @if services.len() > 1 { (counts(services)) }
            }
        }
    }
}

/// How many services stand how, worst first.
fn counts(services: &[Judged<'_>]) -> Markup {
    html! {
        ul.counts {
            @for standing in Standing::ALL {
                @let count = services.iter().filter(|(one, _)| *one == standing).count();
                @if count > 0 {
                    li { (icon(standing.tone())) b { (numbers::count(count as u64)) } " " (standing.word()) }
                }
            }
        }
    }
}

fn list(services: &[Judged<'_>], at: Timestamp) -> Markup {
    let cards = if services.len() <= IN_FULL {
        services.len()
    } else {
        let troubled = services.iter().filter(|(s, _)| s.is_trouble()).count();
        troubled.min(IN_FULL)
    };
    let (in_full, in_lines) = services.split_at(cards);
    let healthy_from = in_lines.partition_point(|(standing, _)| standing.is_trouble());
    let (troubled, healthy) = in_lines.split_at(healthy_from);
    html! {
        @for (standing, service) in in_full { (card(*standing, service, at, services.len() > IN_FULL)) }
        (lines("need attention too", troubled, true))
        (lines("without trouble", healthy, services.len() <= UNFOLDED))
    }
}

/// One service: in full, or `brief`ly, with those objectives and probes only that are in trouble.
fn card(standing: Standing, service: &ServiceView, at: Timestamp, brief: bool) -> Markup {
    let wanted = |standing: Standing| !brief || standing.is_trouble();
    let objectives: Vec<&ObjectiveView> = service
        .objectives
        .iter()
        .filter(|view| wanted(Standing::of_objective(view)))
        .collect();
    let probes: Vec<&ProbeView> = service
        .probes
        .iter()
        .filter(|probe| wanted(Standing::of_probe(probe, at)))
        .collect();
    html! {
        article.card {
            header.charted {
                div {
                    h2 { a href=(service_path(&service.name)) dir="auto" { (service.name) } }
                    @if !service.description.is_empty() {
                        p.quiet dir="auto" { (service.description) }
                    }
                }
                (days::chart(service))
                (badge(standing))
            }
            @if !objectives.is_empty() { (objectives_table(&objectives)) }
            @if !probes.is_empty() { (probes_table(&probes, at)) }
            (news(standing, service, at))
        }
    }
}

fn objectives_table(objectives: &[&ObjectiveView]) -> Markup {
    html! {
        table.figures {
            thead { tr {
                th scope="col" { "Objective" } th scope="col" { "SLI" } th scope="col" { "Budget left" }
                th scope="col" { "Burn 1h" } th scope="col" { "Burn 6h" }
                th scope="col" { "Coverage" } th scope="col" { "State" }
            } }
            tbody {
                @for view in objectives {
                    tr {
                        th scope="row" {
                            bdi { (view.objective.name) }
                            span.quiet { (promise(&view.objective)) }
                        }
                        td data-label="SLI" { (known(view.period.sli, numbers::percent)) }
                        td.wide data-label="Budget left" { (budget(view)) }
                        td data-label="Burn 1h" { (known(view.windows[2].burn_rate, numbers::burn)) }
                        td data-label="Burn 6h" { (known(view.windows[4].burn_rate, numbers::burn)) }
                        td data-label="Coverage" { (known(view.period.coverage, numbers::share)) }
                        td.state data-label="State" { (badge(Standing::of_objective(view))) }
                    }
                }
            }
        }
    }
}

fn probes_table(probes: &[&ProbeView], at: Timestamp) -> Markup {
    html! {
        table.figures {
            thead { tr {
                th scope="col" { "Probe" } th scope="col" { "Last latency" }
                th scope="col" { "p50 1h" } th scope="col" { "p95 1h" } th scope="col" { "p99 1h" }
                th scope="col" { "Last seen" } th scope="col" { "State" }
            } }
            tbody {
                @for probe in probes {
                    @let [p50, p95, p99] = probe.quantiles[1];
                    @let last = probe.last.as_ref();
                    tr {
                        th scope="row" { bdi { (probe.key.probe) } span.quiet { (probe.kind) } }
                        td data-label="Last latency" { (known(last.map(|last| last.latency), numbers::latency)) }
                        td data-label="p50 1h" { (known(p50, numbers::latency)) }
                        td data-label="p95 1h" { (known(p95, numbers::latency)) }
                        td data-label="p99 1h" { (known(p99, numbers::latency)) }
                        td data-label="Last seen" { (known(last.map(|last| since(last.at, at)), numbers::age)) }
                        td.state data-label="State" { (badge(Standing::of_probe(probe, at))) }
                    }
                }
            }
        }
    }
}

/// The last failures of a day; unfolded where the service is in trouble.
fn news(standing: Standing, service: &ServiceView, at: Timestamp) -> Markup {
    let mut recent: Vec<(&str, &LastOutcome)> = service
        .probes
        .iter()
        .flat_map(|probe| {
            let failures = probe.recent_failures.iter();
            failures.map(|failure| (&*probe.key.probe, &**failure))
        })
        .filter(|(_, failure)| since(failure.at, at) < NEWS)
        .collect();
    recent.sort_by_key(|(_, failure)| std::cmp::Reverse(failure.at));
    recent.truncate(3);
    html! {
        @if let Some((_, newest)) = recent.first() {
            details open[standing.is_trouble()] {
                summary { "Last failures" span.quiet { " newest " (numbers::age(since(newest.at, at))) } }
                (failures(recent.iter().copied(), at))
            }
        }
    }
}

/// Services in one line each.
fn lines(what: &str, services: &[Judged<'_>], open: bool) -> Markup {
    html! {
        @if !services.is_empty() {
            details.lines open[open] {
                summary { h2 { (numbers::count(services.len() as u64)) " " (what) } }
                table {
                    thead { tr {
                        th scope="col" { "Service" } th.spare scope="col" { "30 days" }
                        th scope="col" { "SLI" } th scope="col" { "Least budget left" }
                        th.spare scope="col" { "p95 1h" } th scope="col" { "State" }
                    } }
                    tbody { @for (standing, service) in services { (line(*standing, service)) } }
                }
            }
        }
    }
}

fn line(standing: Standing, service: &ServiceView) -> Markup {
    let sli = service.objectives.first().and_then(|view| view.period.sli);
    let budgets = service.objectives.iter();
    let least = budgets
        .filter_map(|view| view.period.sli.and(view.budget_remaining))
        .min_by(f64::total_cmp);
    let p95 = service
        .probes
        .iter()
        .filter_map(|probe| probe.quantiles[1][1])
        .max();
    html! {
        tr {
            th scope="row" { a dir="auto" href=(service_path(&service.name)) { (service.name) } }
            td.spare { (days::sparkline(service)) }
            td { (known(sli, numbers::percent)) }
            td { (known(least, numbers::share)) }
            td.spare { (known(p95, numbers::latency)) }
            td { (badge(standing)) }
        }
    }
}
