//! Charts of a service's gauges and counters over time.

use super::query::PageQuery;
use crate::format::{numbers, times};
use crate::outcome::{Timestamp, millis};
use crate::report::families::{DRAWN, name};
use crate::report::health::HealthLevel;
use crate::report::timeline::TimelineEvent;
use crate::sample::{SeriesKind, Step};
use crate::store::{SeriesInfo, Store, StoreError};
use crate::units::{DAY, HOUR};
use maud::{Markup, html};
use std::fmt::Write as _;
use std::time::Duration;

/// Maximum number of points of a line.
pub(super) const POINTS: u32 = 120;
/// Maximum number of lines per family, for example of several process groups.
const LINES: usize = 4;
/// Maximum number of marks in a chart: the newest.
const MARKS: usize = 40;

/// Selectable time ranges, with their names in `?span=`.
const SPANS: [(&str, Duration); 4] = [
    ("1h", HOUR),
    ("1d", DAY),
    ("7d", DAY.saturating_mul(7)),
    ("30d", DAY.saturating_mul(30)),
];

/// Time range of the charts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChartSpan(usize);

impl ChartSpan {
    /// All selectable ranges.
    fn all() -> impl Iterator<Item = Self> {
        (0..SPANS.len()).map(Self)
    }

    /// Reads the range of a page's query; the default is one hour.
    pub fn of(query: PageQuery<'_>) -> Self {
        let asked = query.value("span");
        Self(
            SPANS
                .iter()
                .position(|(name, _)| Some(*name) == asked.as_deref())
                .unwrap_or(0),
        )
    }

    pub fn name(self) -> &'static str {
        SPANS[self.0].0
    }

    pub(super) fn length(self) -> Duration {
        SPANS[self.0].1
    }
}

/// Charts read from the store for a request.
#[derive(Debug, Default)]
pub struct Charts {
    span: ChartSpan,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    /// Index in [`DRAWN`].
    kind: usize,
    /// What distinguishes it from other lines of its kind.
    name: String,
    points: Vec<(Timestamp, f64)>,
}

impl Charts {
    /// Reads everything stored of a service in the range before `at`.
    pub fn read(
        store: &Store,
        service: &str,
        span: ChartSpan,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let all = store.series()?;
        let own: Vec<_> = all
            .iter()
            .filter(|info| info.key.label("service") == Some(service))
            .collect();
        let range = (at.before(span.length()), Timestamp(at.0 + 1));
        let mut lines = Vec::new();
        for (number, kind) in DRAWN.iter().enumerate() {
            let fits = |info: &&&SeriesInfo| kind.has(&info.key);
            for info in own.iter().filter(fits).take(LINES) {
                lines.push(Line {
                    kind: number,
                    name: name(&info.key),
                    points: points(store, info, range, span.length())?,
                });
            }
        }
        lines.retain(|line| !line.points.is_empty());
        Ok(Self { span, lines })
    }
}

/// The means of a gauge, or the rates of a counter, as the points of a line.
pub(super) fn points(
    store: &Store,
    info: &SeriesInfo,
    range: (Timestamp, Timestamp),
    span: Duration,
) -> Result<Vec<(Timestamp, f64)>, StoreError> {
    let steps = store.steps(info, range, Some(span / POINTS), POINTS as usize + 2)?;
    let value = |step: &Step| match info.kind {
        SeriesKind::Gauge => Some(step.mean),
        SeriesKind::Counter => step.rate,
    };
    let points = steps.iter().flatten();
    let points = points.filter_map(|step| Some((step.at, value(step)?)));
    Ok(points.collect())
}

/// One figure per line, with the selection of the range, and marks for the starts of events; empty without
/// data. Events are sorted newest first.
pub fn charts(
    charts: &Charts,
    events: &[TimelineEvent],
    query: PageQuery<'_>,
    at: Timestamp,
) -> Markup {
    let from = at.before(charts.span.length());
    let shown = events.iter().take_while(|event| event.at >= from);
    let began = shown.filter(|event| event.level != HealthLevel::Ok);
    let marks: Vec<_> = began.take(MARKS).collect();
    html! {
        @if !charts.lines.is_empty() {
            section #history {
                h2 { "History" }
                div.card {
                    (spans(charts.span, query, "#history"))
                    @if !marks.is_empty() { p.quiet { "Dotted lines are events of the timeline." } }
                    div.halves { @for line in &charts.lines { (figure(line, charts.span, &marks, at)) } }
                }
            }
        }
    }
}

/// Selection of the range, for a section of the page.
pub(super) fn spans(chosen: ChartSpan, query: PageQuery<'_>, place: &str) -> Markup {
    html! {
        p.quiet {
            @for span in ChartSpan::all() {
                @if span.0 > 0 { " · " }
                @if span == chosen { b { "last " (span.name()) } } @else {
                    a href={ (query.with("span", span.name())) (place) } { "last " (span.name()) }
                }
            }
        }
    }
}

fn figure(line: &Line, span: ChartSpan, marks: &[&TimelineEvent], at: Timestamp) -> Markup {
    let kind = &DRAWN[line.kind];
    let values = line.points.iter().map(|(_, value)| *value);
    let highest = values.fold(0.0, f64::max);
    let last = line.points.last().map(|(_, value)| (kind.show)(*value));
    let last = last.unwrap_or_default();
    let title = if line.name.is_empty() {
        kind.title.to_owned()
    } else {
        format!("{}: {}", kind.title, line.name)
    };
    let top = (kind.show)(highest);
    html! {
        div {
            h3 dir="auto" { (title) }
            figure.days.times {
                svg role="img" aria-label={ (title) ", now " (last) ", at most " (top) } viewBox={ "0 0 " (POINTS) " 100" } preserveAspectRatio="none" {
                    path d=(path(&line.points, highest, span.length(), at)) {}
                    @for event in marks { (mark(event, span.length(), at)) }
                }
                figcaption.quiet {
                    span { (numbers::age(span.length())) }
                    span { "top " (top) ", now " (last) }
                    span { "now" }
                }
            }
        }
    }
}

/// Vertical line at the time of an event.
fn mark(event: &TimelineEvent, span: Duration, at: Timestamp) -> Markup {
    let x = event.at.since(at.before(span)).as_secs_f64() / span.as_secs_f64() * f64::from(POINTS);
    html! {
        path class={ "mark " (event.level.class()) } d=(format!("M{x:.1} 0V100")) {
            title { (times::second(event.at.to_utc())) " UTC: " (event.what) ", " (event.text) }
        }
    }
}

/// SVG path of a line, interrupted where values are unknown.
pub(super) fn path(
    points: &[(Timestamp, f64)],
    highest: f64,
    span: Duration,
    at: Timestamp,
) -> String {
    let (from, step) = (at.before(span), millis(span / POINTS));
    let mut path = String::new();
    let mut before: Option<Timestamp> = None;
    for (at, value) in points {
        let x = at.since(from).as_secs_f64() / span.as_secs_f64() * f64::from(POINTS);
        let share = if highest > 0.0 { value / highest } else { 0.0 };
        let goes_on = before.is_some_and(|before| at.0 - before.0 <= 2 * step);
        let command = if goes_on { 'L' } else { 'M' };
        // A single point is drawn as a short line. Writing to a string cannot fail.
        write!(
            path,
            "{command}{x:.1} {:.1}h.5",
            98.0 - share.max(0.0) * 96.0
        )
        .unwrap_or_default();
        before = Some(*at);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_is_one_of_those_offered() {
        let length = |query| ChartSpan::of(PageQuery::of(Some(query))).length().as_secs();
        assert_eq!(length("span=7d"), 7 * 86_400);
        assert_eq!(length("reload&span=1d"), 86_400);
        for query in ["", "span=", "span=9000d", "span=<b>"] {
            assert_eq!(length(query), 3600, "{query}");
        }
    }

    #[test]
    fn headings_of_figures_follow_that_of_the_section() {
        let line = Line {
            kind: 0,
            name: String::new(),
            points: vec![(Timestamp(0), 1.0)],
        };
        let (span, lines) = (ChartSpan::default(), vec![line]);
        let html = charts(&Charts { span, lines }, &[], PageQuery::NONE, Timestamp(0));
        let html = html.into_string();
        assert!(
            html.contains("<h2") && html.contains("<h3") && !html.contains("<h4"),
            "{html}"
        );
    }

    #[test]
    fn a_line_is_interrupted_at_unknown_values() {
        let at = Timestamp(3_600_000);
        let points = [(0, 1.0), (30, 2.0), (600, 4.0), (3570, -1.0)];
        let points = points.map(|(second, value)| (Timestamp(second * 1000), value));
        let drawn = path(&points, 4.0, ChartSpan::default().length(), at);
        assert_eq!(drawn, "M0.0 74.0h.5L1.0 50.0h.5M20.0 2.0h.5M119.0 98.0h.5");
    }
}
