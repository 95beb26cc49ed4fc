//! Charts of a service's gauges and counters over time.

use super::query::PageQuery;
use crate::format::{numbers, times};
use crate::outcome::{Timestamp, millis};
use crate::report::families::{DRAWN, DrawnFamily, name, quantile};
use crate::report::health::HealthLevel;
use crate::report::quantiles::quantiles;
use crate::report::timeline::TimelineEvent;
use crate::sample::{SeriesKey, SeriesKind, Step};
use crate::store::{SeriesInfo, Store, StoreError};
use crate::units::{DAY, HOUR};
use maud::{Markup, html};
use std::fmt::Write as _;
use std::time::Duration;

/// Maximum number of points of a line.
pub(super) const POINTS: u32 = 120;
/// Maximum number of lines per family, for example of several process groups.
const LINES: usize = 4;
/// Quantiles are sampled over this time; in longer steps, they are estimated from the buckets.
const QUANTILE_WINDOW: Duration = Duration::from_mins(5);
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
    figures: Vec<Figure>,
}

/// One line, or the quantiles of the same measurement.
#[derive(Debug)]
struct Figure {
    title: String,
    show: fn(f64) -> String,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    /// Name and CSS class of a quantile.
    quantile: Option<&'static str>,
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
        let estimates = span.length() / POINTS > QUANTILE_WINDOW;
        let mut figures: Vec<Figure> = Vec::new();
        for kind in DRAWN {
            if let Some(histogram) = kind.histogram().filter(|_| estimates) {
                figures.extend(estimated(
                    store,
                    &own,
                    kind,
                    (&histogram, range, span.length()),
                )?);
                continue;
            }
            let fits = |info: &&&SeriesInfo| kind.has(&info.key);
            for info in own.iter().filter(fits).take(LINES) {
                let line = Line {
                    quantile: quantile(&info.key),
                    points: points(store, info, range, span.length())?,
                };
                if line.points.is_empty() {
                    continue;
                }
                let last = figures.last_mut();
                match last.filter(|last| line.quantile.is_some() && last.title == kind.title) {
                    Some(figure) => figure.lines.push(line),
                    None => figures.push(Figure {
                        title: title(kind, &info.key),
                        show: kind.show,
                        lines: vec![line],
                    }),
                }
            }
        }
        Ok(Self { span, figures })
    }
}

/// `CPU: worker`; all quantiles of a measurement have the same title.
fn title(kind: &DrawnFamily, key: &SeriesKey) -> String {
    match name(key) {
        own if own.is_empty() || quantile(key).is_some() => kind.title.to_owned(),
        own => format!("{}: {own}", kind.title),
    }
}

/// The quantiles of all observations in each step; `None` without observations.
fn estimated(
    store: &Store,
    own: &[&SeriesInfo],
    kind: &DrawnFamily,
    (histogram, range, span): (&str, (Timestamp, Timestamp), Duration),
) -> Result<Option<Figure>, StoreError> {
    let steps = quantiles(
        store,
        own,
        histogram,
        range,
        span / POINTS,
        POINTS as usize + 2,
    )?;
    let names = ["p50", "p95", "p99"].into_iter().enumerate();
    let lines = names.map(|(index, name)| Line {
        quantile: Some(name),
        points: steps
            .iter()
            .map(|(at, values)| (*at, values[index]))
            .collect(),
    });
    Ok((!steps.is_empty()).then(|| Figure {
        title: kind.title.to_owned(),
        show: kind.show,
        lines: lines.collect(),
    }))
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

/// All figures, with the selection of the range, and marks for the starts of events; empty without
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
        @if !charts.figures.is_empty() {
            section #history {
                h2 { "History" }
                div.card {
                    (spans(charts.span, query, "#history"))
                    @if !marks.is_empty() { p.quiet { "Dotted lines are events of the timeline." } }
                    div.halves { @for one in &charts.figures { (figure(one, charts.span, &marks, at)) } }
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

/// `1.2s`, `p50 24ms, p95 1.2s, p99 4.8s`
fn last_values(figure: &Figure) -> String {
    let last = |line: &Line| {
        let (_, value) = line.points.last()?;
        let value = (figure.show)(*value);
        Some(match line.quantile {
            Some(name) => format!("{name} {value}"),
            None => value,
        })
    };
    let all: Vec<String> = figure.lines.iter().filter_map(last).collect();
    all.join(", ")
}

fn figure(figure: &Figure, span: ChartSpan, marks: &[&TimelineEvent], at: Timestamp) -> Markup {
    let points = figure.lines.iter().flat_map(|line| &line.points);
    let highest = points.map(|(_, value)| *value).fold(0.0, f64::max);
    let (title, last, top) = (&figure.title, last_values(figure), (figure.show)(highest));
    html! {
        div {
            h3 dir="auto" { (title) }
            figure.days.times {
                svg role="img" aria-label={ (title) ", now " (last) ", at most " (top) } viewBox={ "0 0 " (POINTS) " 100" } preserveAspectRatio="none" {
                    @for line in &figure.lines {
                        path class=[line.quantile] d=(path(&line.points, highest, span.length(), at)) {}
                    }
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
    use crate::store::Tick;
    use std::sync::Arc;

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
            quantile: None,
            points: vec![(Timestamp(0), 1.0)],
        };
        let figures = vec![Figure {
            title: "Queue depth".to_owned(),
            show: numbers::fractional,
            lines: vec![line],
        }];
        let span = ChartSpan::default();
        let html = charts(
            &Charts { span, figures },
            &[],
            PageQuery::NONE,
            Timestamp(0),
        );
        let html = html.into_string();
        assert!(
            html.contains("<h2") && html.contains("<h3") && !html.contains("<h4"),
            "{html}"
        );
    }

    #[test]
    fn the_quantiles_of_a_measurement_share_a_figure() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = Store::open(&folder.path().join("slod.db")).expect("a store");
        let at = Timestamp::from_secs(1_795_000_000);
        let sample = |name, label, value| {
            let key = SeriesKey::new(name, [("service", "rag"), label]);
            (Arc::new(key), SeriesKind::Gauge, value)
        };
        let quantile = |quantile, value| {
            let name = "slod_service_llm_request_duration_quantile_seconds";
            sample(name, ("quantile", quantile), value)
        };
        let samples = vec![
            quantile("0.5", 0.5),
            quantile("0.95", 2.0),
            quantile("0.99", 4.0),
            sample("slod_process_threads", ("process", "worker"), 7.0),
        ];
        let at_first = at.before(Duration::from_mins(1));
        let tick = Tick {
            at: at_first,
            samples,
        };
        store.append_samples(&[tick]).expect("stored");
        let read = Charts::read(&store, "rag", ChartSpan::default(), at).expect("readable");
        let html = charts(&read, &[], PageQuery::NONE, at).into_string();
        assert_eq!(html.matches("<figure").count(), 2, "{html}");
        for part in [
            "AI response time, now p50 500ms, p95 2.00s, p99 4.00s, at most 4.00s",
            "Threads: worker, now 7",
        ] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
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
