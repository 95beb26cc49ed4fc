//! Tables as HTML.

use super::{Cell, Column, Kind, Table, Tone};
use maud::{Markup, html};

impl Table {
    pub fn to_html(&self) -> Markup {
        html! {
            table {
                thead { tr {
                    @for (column, class) in self.drawn() { th.(class) scope="col" { (column.head) } }
                } }
                tbody { @for row in &self.rows {
                    tr {
                        @for ((at, (column, class)), cell) in self.drawn().enumerate().zip(row) {
                            @if at == 0 {
                                th.(class) scope="row" { (cell.to_html()) }
                            } @else if matches!(cell, Cell::Untrusted(text) if text.is_empty()) {
                                td.empty {}
                            } @else {
                                td.(class) data-label=(column.head) { (cell.to_html()) }
                            }
                        }
                    }
                } }
            }
        }
    }

    /// Columns with their CSS classes, without sparklines: the page has a chart instead.
    fn drawn(&self) -> impl Iterator<Item = (&Column, &'static str)> {
        let last = self.rows.first().and_then(|row| row.last());
        let bars = usize::from(matches!(last, Some(Cell::Bars(_))));
        let columns = self.columns.iter().take(self.columns.len() - bars);
        columns.map(|column| {
            let class = match column.kind {
                Kind::Text => "text",
                Kind::Number => "number",
                Kind::Time => "time",
                Kind::Long => "wide",
            };
            (column, class)
        })
    }
}

impl Cell {
    fn to_html(&self) -> Markup {
        html! {
            @match self {
                Self::Bars(text) => (text),
                Self::Trusted(text) => (sentence(text)),
                Self::Untrusted(text) => span.message dir="auto" { (text) },
                Self::Sentence(text) => span dir="auto" { (sentence(text)) },
                Self::Link { anchor, name } => a href={ "#" (anchor) } { bdi { (name) } },
                Self::Badge(tone, word) => (badge(*tone, word)),
                Self::Unknown => "–",
            }
        }
    }
}

/// A sentence with the names between backticks as code.
fn sentence(text: &str) -> Markup {
    let is_paired = text.matches('`').count().is_multiple_of(2);
    html! {
        @if is_paired {
            @for (place, part) in text.split('`').enumerate() {
                @if place % 2 == 0 { (part) } @else { code { (part) } }
            }
        } @else { (text) }
    }
}

/// Formats the value, or a dash if it is unknown.
pub fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

/// Icon, color and label: information is never conveyed by color alone.
pub fn badge(tone: Tone, word: &str) -> Markup {
    let sign = match tone {
        Tone::Good => "M2 7.5 5.5 11 12 3.5",
        Tone::Bad => "M3 3l8 8m0-8-8 8",
        Tone::Idle => "M3 7h8",
    };
    html! {
        span class={ "badge " (tone.class()) } {
            svg viewBox="0 0 14 14" aria-hidden="true" { path d=(sign) {} }
            (word)
        }
    }
}
