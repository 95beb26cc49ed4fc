//! Gauges and counters with a history: lists, and the values of one series in steps.

use super::table::{drawn, known, plain};
use crate::diagnostic::nearest;
use crate::format::{numbers, times};
use crate::outcome::Timestamp;
use crate::sample::{SeriesKey, SeriesKind, Step};
use crate::store::{SeriesInfo, Store, StoreError};
use crate::units::whole;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum number of rows in a response, as in Prometheus.
pub const ROWS_MAX: usize = 11_000;
/// Maximum number of series listed in an error.
const NAMED: usize = 10;

/// A series in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeriesEntry {
    pub id: i64,
    /// Name and labels in the notation of Prometheus.
    pub series: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// `gauge` or `counter`
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
}

impl SeriesEntry {
    pub fn of(info: &SeriesInfo) -> Self {
        let labels = info.key.labels();
        Self {
            id: info.id,
            series: info.key.to_string(),
            name: info.key.name().to_owned(),
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            kind: info.kind.label().to_owned(),
            unit: info.key.unit().map(str::to_owned),
            first: info.first.to_utc(),
            last: info.last.to_utc(),
        }
    }
}

/// Values of one series in a time range.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeriesRange {
    pub series: SeriesEntry,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Absent if each row is a stored sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_seconds: Option<f64>,
    pub rows: Vec<SeriesRow>,
}

/// Values of a series in one step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeriesRow {
    pub at: DateTime<Utc>,
    /// Number of samples in the step.
    pub count: u64,
    /// For gauges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    pub last: Option<f64>,
    /// For counters: increase since the previous sample; after a reset, counting starts from zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increase: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<f64>,
}

impl SeriesRow {
    fn of(step: &Step, kind: SeriesKind) -> Self {
        let gauge = |value: f64| Some(value).filter(|_| kind == SeriesKind::Gauge);
        Self {
            at: step.at.to_utc(),
            count: step.count,
            min: gauge(step.min),
            mean: gauge(step.mean),
            max: gauge(step.max),
            last: Some(step.last),
            increase: step.increase,
            rate_per_second: step.rate,
        }
    }
}

/// Reads a series in steps; `None` if there are more than [`ROWS_MAX`].
pub fn range(
    store: &Store,
    info: &SeriesInfo,
    span: (Timestamp, Timestamp),
    step: Option<Duration>,
) -> Result<Option<SeriesRange>, StoreError> {
    let steps = store.steps(info, span, step, ROWS_MAX)?;
    Ok(steps.map(|steps| SeriesRange {
        series: SeriesEntry::of(info),
        from: span.0.to_utc(),
        to: span.1.to_utc(),
        step_seconds: step.map(|step| step.as_secs_f64()),
        rows: steps
            .iter()
            .map(|step| SeriesRow::of(step, info.kind))
            .collect(),
    }))
}

/// Selects one series by `name`, or by `name{label="value"}` with enough labels.
pub fn chosen<'a>(all: &'a [SeriesEntry], text: &str) -> Result<&'a SeriesEntry, String> {
    let wanted: SeriesKey = text
        .parse()
        .map_err(|error| format!("invalid series `{text}`: {error}"))?;
    let key = |entry: &SeriesEntry| {
        let labels = entry.labels.iter();
        SeriesKey::new(&entry.name, labels.map(|(name, value)| (&**name, &**value)))
    };
    if let Some(exact) = all.iter().find(|entry| key(entry) == wanted) {
        return Ok(exact);
    }
    let found: Vec<_> = all
        .iter()
        .filter(|entry| key(entry).matches(&wanted))
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => Err(unknown(all, &wanted)),
        _ => Err(format!(
            "{} series match `{wanted}`; add labels to name one of them:{}",
            found.len(),
            named(&found)
        )),
    }
}

fn unknown(all: &[SeriesEntry], wanted: &SeriesKey) -> String {
    if all.is_empty() {
        return format!("no series `{wanted}`: no samples are stored yet");
    }
    let names = all.iter().map(|entry| &*entry.name);
    let Some(name) = nearest(wanted.name(), names) else {
        return format!("no series `{wanted}`; `slod samples` lists all");
    };
    let near: Vec<_> = all.iter().filter(|entry| entry.name == name).collect();
    format!("no series `{wanted}`; the nearest:{}", named(&near))
}

fn named(series: &[&SeriesEntry]) -> String {
    let mut lines: Vec<String> = series
        .iter()
        .take(NAMED)
        .map(|one| one.series.clone())
        .collect();
    if let Some(more) = series.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    format!("\n  {}", lines.join("\n  "))
}

/// Renders one line per series.
pub fn list_to_text(all: &[SeriesEntry]) -> String {
    if all.is_empty() {
        return "No series.\n".to_owned();
    }
    let mut table = plain(&["SERIES", "KIND", "FIRST (UTC)", "LAST (UTC)"]);
    for one in all {
        table.add_row([
            one.series.clone(),
            one.kind.clone(),
            times::second(one.first),
            times::second(one.last),
        ]);
    }
    drawn(table, &[]) + "\n"
}

impl SeriesRange {
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  {}", self.series.series, self.series.kind);
        if let Some(seconds) = self.step_seconds {
            text.push_str(", in steps of ");
            text.push_str(&times::length(seconds));
        }
        text += "\n\n";
        if self.rows.is_empty() {
            return text + "No samples in this range.\n";
        }
        let is_counter = self.series.kind == SeriesKind::Counter.label();
        let heads: &[&str] = if is_counter {
            &["TIME (UTC)", "LAST", "INCREASE", "PER SECOND"]
        } else {
            &["TIME (UTC)", "MIN", "MEAN", "MAX", "LAST"]
        };
        let mut table = plain(heads);
        let shown = |value| known(value, |value| quantity(value, self.series.unit.as_deref()));
        for row in &self.rows {
            let mut cells = vec![times::second(row.at)];
            if is_counter {
                cells.extend([row.last, row.increase, row.rate_per_second].map(shown));
            } else {
                cells.extend([row.min, row.mean, row.max, row.last].map(shown));
            }
            table.add_row(cells);
        }
        text + &drawn(table, &[1, 2, 3, 4]) + "\n"
    }
}

/// Formats `3.2 GiB`, `17`, `0.10416`: five digits unless it is an integer.
fn quantity(value: f64, unit: Option<&str>) -> String {
    if unit == Some("bytes") && value >= 0.0 {
        return numbers::bytes(whole(value));
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let digits = 4 - value.abs().log10().floor() as i32;
    match usize::try_from(digits) {
        Ok(digits @ 0..=9) => {
            let text = format!("{value:.digits$}");
            if digits == 0 {
                return text;
            }
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.4e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(texts: &[&str]) -> Vec<SeriesEntry> {
        let entry = |(id, text): (usize, &&str)| {
            SeriesEntry::of(&SeriesInfo {
                id: id as i64,
                key: text.parse().expect("valid"),
                kind: SeriesKind::Gauge,
                first: Timestamp(0),
                last: Timestamp(0),
            })
        };
        texts.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn a_series_is_named_by_as_few_labels_as_it_needs() {
        let all = entries(&[
            "slod_host_load1",
            r#"slod_process_threads{process="app",service="rag"}"#,
            r#"slod_process_threads{process="db",service="rag"}"#,
        ]);
        let chosen = |text: &str| chosen(&all, text).map(|entry| entry.id);
        assert_eq!(chosen("slod_host_load1"), Ok(0));
        assert_eq!(chosen(r#"slod_process_threads{process="db"}"#), Ok(2));
        let two = chosen(r#"slod_process_threads{service="rag"}"#).expect_err("two of them");
        assert_eq!(
            two,
            "2 series match `slod_process_threads{service=\"rag\"}`; add labels to name one of them:
  slod_process_threads{process=\"app\",service=\"rag\"}
  slod_process_threads{process=\"db\",service=\"rag\"}"
        );
        let none = chosen("slod_host_laod1").expect_err("misspelt");
        assert_eq!(
            none,
            "no series `slod_host_laod1`; the nearest:\n  slod_host_load1"
        );
        let none = chosen(r#"slod_process_threads{process="x"}"#).expect_err("no such process");
        assert!(
            none.contains("the nearest:\n  slod_process_threads{process=\"app\""),
            "{none}"
        );
        assert!(
            chosen("a b")
                .expect_err("no name")
                .starts_with("invalid series `a b`: expected")
        );
    }

    #[test]
    fn quantities_have_five_digits() {
        let plain = [0.0, 17.0, 0.104_166, 12.345_678, -0.5, 123_456.7, 1e-12]
            .map(|value| quantity(value, None));
        assert_eq!(
            plain,
            [
                "0",
                "17",
                "0.10417",
                "12.346",
                "-0.5",
                "1.2346e5",
                "1.0000e-12"
            ]
        );
        assert_eq!(quantity(3_435_973_837.0, Some("bytes")), "3.2 GiB");
    }
}
