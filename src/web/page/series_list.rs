//! Page of gauges and counters with a history, each with its last value and a sparkline.

use super::charts::{self, ChartSpan, POINTS};
use super::frame::{HOME, Page, View};
use super::headline::Headline;
use super::parts::{or_dash, page_links, page_number, service_path};
use super::query::{PageQuery, RELOAD};
use crate::format::numbers;
use crate::outcome::Timestamp;
use crate::report::families::format_value;
use crate::report::health::HealthLevel;
use crate::sample::{SeriesKey, SeriesKind};
use crate::store::{SeriesInfo, Store, StoreError};
use maud::{Markup, html};

/// Number of series per page: each is read from the store.
pub const ROWS: usize = 50;
const TEXT: &str = "q";

/// Filter of the list.
#[derive(Clone, Debug, Default)]
pub struct SeriesFilter {
    /// Words of names and labels, in lower case.
    text: String,
    pub span: ChartSpan,
    /// Page number, starting at 0.
    part: usize,
}

impl SeriesFilter {
    pub fn of(query: PageQuery<'_>) -> Self {
        Self {
            text: query.value(TEXT).unwrap_or_default().trim().to_lowercase(),
            span: ChartSpan::of(query),
            part: page_number(query, usize::MAX, ROWS).0,
        }
    }

    fn fits(&self, key: &SeriesKey) -> bool {
        let text = key.to_string().to_lowercase();
        self.text.split_whitespace().all(|word| text.contains(word))
    }
}

/// A page of series, read from the store for a request.
#[derive(Debug, Default)]
pub struct SeriesPage {
    rows: Vec<Row>,
    chosen: usize,
    all: usize,
}

#[derive(Debug)]
struct Row {
    info: SeriesInfo,
    points: Vec<(Timestamp, f64)>,
    /// Last sample of a gauge, or last rate of a counter, if it is in the range.
    last: Option<f64>,
}

impl SeriesPage {
    pub fn read(store: &Store, asked: &SeriesFilter, at: Timestamp) -> Result<Self, StoreError> {
        let mut known = store.series()?;
        let all = known.len();
        known.retain(|info| asked.fits(&info.key));
        known.sort_by(|a, b| a.key.cmp(&b.key));
        let chosen = known.len();
        let last_part = chosen.div_ceil(ROWS).saturating_sub(1);
        let skipped = asked.part.min(last_part) * ROWS;
        let rows = known.into_iter().skip(skipped).take(ROWS);
        let rows = rows.map(|info| Row::read(store, info, asked.span, at));
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
            chosen,
            all,
        })
    }
}

impl Row {
    fn read(
        store: &Store,
        info: SeriesInfo,
        span: ChartSpan,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let range = (at.before(span.length()), Timestamp(at.0 + 1));
        let points = charts::points(store, &info, range, span.length())?;
        let last = match info.kind {
            SeriesKind::Counter => points.last().map(|(_, rate)| *rate),
            SeriesKind::Gauge => {
                let range = (info.last, Timestamp(info.last.0 + 1));
                let steps = store.steps(&info, range, None, 1)?;
                steps.and_then(|steps| Some(steps.last()?.last))
            }
        };
        Ok(Self { info, points, last })
    }
}

pub fn render_series(
    listed: &SeriesPage,
    asked: &SeriesFilter,
    at: Timestamp,
    view: View<'_>,
) -> String {
    let sentence = match listed.all {
        0 => "No series has a history yet".to_owned(),
        all => format!("{} series with a history", numbers::count(all as u64)),
    };
    let page = Page {
        headline: Headline::new(HealthLevel::Idle, sentence),
        below: html! {},
        root: HOME,
        at,
        content: list(listed, asked, at, view.query),
    };
    page.render(view)
}

fn list(listed: &SeriesPage, asked: &SeriesFilter, at: Timestamp, query: PageQuery<'_>) -> Markup {
    html! {
        div #series {
            (form(listed, asked, query))
            @if listed.rows.is_empty() {
                div.card { p.quiet { @if asked.text.is_empty() { "Series are listed here once something is sampled." } @else { "No series matches the filter." } } }
            } @else {
                section {
                    div.card {
                        (charts::spans(asked.span, query, "#series"))
                        ul.series { @for row in &listed.rows { (item(row, asked.span, at)) } }
                    }
                }
            }
            (page_links(page_number(query, listed.chosen, ROWS), ROWS, query, "#series"))
        }
    }
}

fn item(row: &Row, span: ChartSpan, at: Timestamp) -> Markup {
    let Row { info, points, last } = row;
    let show = |value: f64| format_value(&info.key, info.kind, value);
    let values = points.iter().map(|(_, value)| *value);
    let highest = values.fold(0.0, f64::max);
    let label = format!(
        "Last {}: at most {}, now {}",
        span.name(),
        show(highest),
        or_dash(*last, show)
    );
    html! {
        li {
            div dir="auto" {
                a href={ (HOME) "api/v1/series/" (info.id) } { (info.key.name()) }
                span.quiet { (labels(&info.key)) }
            }
            div.times {
                @if points.is_empty() { p.quiet { "no samples in this time range" } } @else {
                    svg role="img" aria-label=(label) viewBox={ "0 0 " (POINTS) " 100" } preserveAspectRatio="none" {
                        path d=(charts::path(points, highest, span.length(), at)) {}
                    }
                }
            }
            div {
                b { (or_dash(*last, show)) }
                span.quiet { (numbers::age(at.since(info.last))) }
            }
        }
    }
}

/// Labels; that of the service is a link to its page.
fn labels(key: &SeriesKey) -> Markup {
    html! {
        @for (name, value) in key.labels() {
            (name) "="
            @if name == "service" { a href={ (HOME) (service_path(value)) } { bdi { (value) } } } @else { bdi { (value) } }
            " "
        }
    }
}

fn form(listed: &SeriesPage, asked: &SeriesFilter, query: PageQuery<'_>) -> Markup {
    html! {
        form.filter role="search" action="series#series" {
            label for="q" { "Series" }
            input #q type="search" name=(TEXT) value=(asked.text) placeholder="words of names and labels";
            @if let Some(span) = query.value("span") { input type="hidden" name="span" value=(span); }
            @if query.has(RELOAD) { input type="hidden" name=(RELOAD) value=""; }
            button { "Filter" }
            @if !asked.text.is_empty() {
                span { (numbers::count(listed.chosen as u64)) " of " (numbers::count(listed.all as u64)) }
                a href=(format!("?{}", query.only(&["span", RELOAD]))) { "Show all" }
            }
        }
    }
}
