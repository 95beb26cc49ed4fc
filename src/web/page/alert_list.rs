//! Page of all alerts: firing, pending and resolved.

use super::alerts::{Stage, item};
use super::decision_forms::{Decision, DecisionForms};
use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::parts::{page_links, page_number};
use super::query::{PageQuery, RELOAD};
use super::silence_form::Preview;
use super::silences::{self, Shown};
use crate::alert::{AlertRecord, AlertRules, Urgency};
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::report::health::HealthLevel;
use crate::report::silences::SilenceEntry;
use maud::{Markup, html};
use std::sync::Arc;

/// Number of alerts per page.
const ROWS: usize = 100;

/// Parameters of the filter.
const TEXT: &str = "q";
const STATE: &str = "state";
const URGENCY: &str = "urgency";

/// Content of the page, before filtering.
#[derive(Debug, Default)]
pub struct Alerts {
    pub firing: Vec<AlertRecord>,
    pub pending: Vec<AlertRecord>,
    /// The newest first; `None` if the store cannot be read.
    pub over: Option<Vec<AlertRecord>>,
    pub silences: Vec<SilenceEntry>,
    pub rules: Arc<AlertRules>,
}

/// Filter of the list.
struct Filter {
    /// Words of the alert's subject or evidence, in lower case.
    text: String,
    stage: Option<Stage>,
    urgency: Option<Urgency>,
    /// Only the alert whose silence is previewed.
    preview: Option<Preview>,
}

impl Filter {
    fn of(query: PageQuery<'_>) -> Self {
        let (state, urgency) = (query.value(STATE), query.value(URGENCY));
        let urgency = urgency.unwrap_or_default();
        let mut stages = Stage::ALL.into_iter();
        let mut urgencies = [Urgency::Page, Urgency::Ticket].into_iter();
        Self {
            text: query.value(TEXT).unwrap_or_default().trim().to_lowercase(),
            stage: stages.find(|one| Some(one.label()) == state.as_deref()),
            urgency: urgencies.find(|one| one.label() == urgency),
            preview: Preview::of(query),
        }
    }

    const fn is_set(&self) -> bool {
        let is_set = !self.text.is_empty() || self.stage.is_some() || self.urgency.is_some();
        is_set || self.preview.is_some()
    }

    fn fits(&self, (stage, alert): &(Stage, &AlertRecord), rules: &AlertRules) -> bool {
        if let Some(preview) = &self.preview {
            return *stage == Stage::Firing && preview.is_of(alert, rules);
        }
        if self.stage.is_some_and(|wanted| wanted != *stage)
            || self.urgency.is_some_and(|wanted| wanted != alert.urgency)
        {
            return false;
        }
        let text = format!(
            "{} {} {}",
            alert.key.words(),
            alert.alertname,
            alert.evidence
        );
        let text = text.to_lowercase();
        self.text.split_whitespace().all(|word| text.contains(word))
    }
}

pub fn render_alerts(shown: &Alerts, at: Timestamp, view: View<'_>) -> String {
    let filter = Filter::of(view.query);
    let page = Page {
        headline: headline(&shown.firing),
        below: html! {},
        root: HOME,
        at,
        content: html! {
            (list(shown, &filter, at, view))
            (preview(shown, &filter, at, view))
            (silences::section(&shown.silences, Shown::All, view))
        },
    };
    page.render(view)
}

fn headline(firing: &[AlertRecord]) -> Headline<'static> {
    let pages = firing.iter().filter(|one| one.urgency == Urgency::Page);
    let pages = pages.count() as u64;
    let all = firing.len() as u64;
    let (level, sentence) = match (pages, all) {
        (0, 0) => (HealthLevel::Ok, "No alerts are firing".to_owned()),
        (0, 1) => (HealthLevel::Warn, "1 ticket is firing".to_owned()),
        (0, _) => {
            let tickets = numbers::count(all);
            (HealthLevel::Warn, format!("{tickets} tickets are firing"))
        }
        (pages, all) => {
            let (pages, tickets) = (numbers::plural(pages, "page"), all - pages);
            let tickets = match tickets {
                0 => String::new(),
                some => format!(" and {}", numbers::plural(some, "ticket")),
            };
            let verb = if all == 1 { "is firing" } else { "are firing" };
            (HealthLevel::Bad, format!("{pages}{tickets} {verb}"))
        }
    };
    let inhibited = firing.iter().filter(|one| one.is_inhibited()).count() as u64;
    let sentence = match inhibited {
        0 => sentence,
        some => format!("{sentence}, {} inhibited", numbers::count(some)),
    };
    Headline::new(level, sentence)
}

fn list(shown: &Alerts, filter: &Filter, at: Timestamp, view: View<'_>) -> Markup {
    let query = view.query;
    let stage = |stage, alerts| -> Vec<(Stage, &AlertRecord)> {
        let alerts: &[AlertRecord] = alerts;
        alerts.iter().map(|alert| (stage, alert)).collect()
    };
    let mut firing = stage(Stage::Firing, &shown.firing);
    // Stable sort: among equals, the newest stays first.
    firing.sort_by_key(|(_, alert)| (alert.urgency, alert.is_inhibited()));
    let over = shown.over.as_deref();
    let all = [
        firing,
        stage(Stage::Pending, &shown.pending),
        stage(Stage::Over, over.unwrap_or_default()),
    ]
    .concat();
    let chosen: Vec<_> = all
        .iter()
        .filter(|one| filter.fits(one, &shown.rules))
        .copied()
        .collect();
    let (part, parts) = page_number(query, chosen.len(), ROWS);
    let rows = chosen.iter().skip(part * ROWS).take(ROWS).copied();
    let rows: Vec<_> = rows.collect();
    let decision = |stage| match view.writer {
        Some(writer) if stage == Stage::Firing => {
            let rules = &*shown.rules;
            let preview = filter.preview.as_ref();
            Decision::Forms(
                DecisionForms {
                    rules,
                    writer,
                    preview,
                },
                view.unfolds(),
            )
        }
        _ => Decision::Nothing,
    };
    html! {
        div #alerts {
            (form(filter, query, (chosen.len(), all.len())))
            @if over.is_none() { p { "Resolved alerts cannot be read from the store." } }
            @if rows.is_empty() {
                div.card { p.quiet { @if filter.is_set() { "No alert matches the filter." } @else { "No alert has fired yet." } } }
            }
            @for rows in rows.chunk_by(|a, b| a.0 == b.0) {
                @let count = chosen.iter().filter(|one| one.0 == rows[0].0).count();
                section {
                    h2 { (rows[0].0.title()) " " span.number { (numbers::count(count as u64)) } }
                    div.card {
                        ul.failures { @for (stage, alert) in rows { (item(alert, *stage, None, HOME, at, decision(*stage))) } }
                    }
                }
            }
            (page_links((part, parts), ROWS, query, "#alerts"))
        }
    }
}

/// What the silence in the form of a reader who may write would mute.
fn preview(shown: &Alerts, filter: &Filter, at: Timestamp, view: View<'_>) -> Markup {
    let wanted = filter.preview.as_ref().filter(|_| view.writer.is_some());
    let found = wanted.and_then(|preview| {
        let mut firing = shown.firing.iter();
        Some((
            preview,
            firing.find(|one| preview.is_of(one, &shown.rules))?,
        ))
    });
    let over = shown.over.as_deref().unwrap_or_default();
    html! {
        @if let Some((preview, alert)) = found { (preview.muted(alert, (&shown.firing, over), &shown.rules, at)) }
    }
}

/// Filter form. Its fields are in the URL, so that a filtered list can be bookmarked.
fn form(filter: &Filter, query: PageQuery<'_>, (chosen, all): (usize, usize)) -> Markup {
    html! {
        form.filter role="search" action="alerts#alerts" {
            label for="q" { "Alerts" }
            input #q type="search" name=(TEXT) value=(filter.text) placeholder="service, objective or sign";
            select name=(STATE) aria-label="State" {
                option value="" { "any state" }
                @for stage in Stage::ALL {
                    option value=(stage.label()) selected[filter.stage == Some(stage)] { (stage.label()) }
                }
            }
            select name=(URGENCY) aria-label="Urgency" {
                option value="" { "any urgency" }
                @for urgency in [Urgency::Page, Urgency::Ticket] {
                    option value=(urgency.label()) selected[filter.urgency == Some(urgency)] { (urgency.label()) }
                }
            }
            @if query.has(RELOAD) { input type="hidden" name=(RELOAD) value=""; }
            button { "Filter" }
            @if filter.is_set() {
                span { (numbers::count(chosen as u64)) " of " (numbers::count(all as u64)) }
                a href=(format!("?{}", query.only(&[RELOAD]))) { "Show all" }
            }
        }
    }
}
