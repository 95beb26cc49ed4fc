//! Tables as data, rendered as text, Markdown and HTML.

mod html;
mod markdown;
mod text;

use std::borrow::Cow;

pub use html::{badge, or_dash};
pub use markdown::{code_span, escaped, line};

/// A table with its columns and rows.
#[derive(Debug)]
pub struct Table {
    pub columns: Cow<'static, [Column]>,
    pub rows: Vec<Vec<Cell>>,
}

/// Title and kind of a column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub head: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Time,
    /// Potentially long text.
    Long,
}

#[derive(Debug)]
pub enum Cell {
    /// Trusted text and numbers.
    Trusted(String),
    /// Untrusted text, never markup.
    Untrusted(String),
    /// Trusted text that contains untrusted names.
    Sentence(String),
    /// An untrusted name, and the anchor of its section on the page.
    Link {
        anchor: String,
        name: String,
    },
    Badge(Tone, &'static str),
    /// A sparkline made of characters, for formats without charts.
    Bars(String),
    Unknown,
}

/// Style of a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Idle,
}

impl Table {
    pub fn new(columns: &'static [Column], rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        let rows = rows.into_iter().collect();
        let columns = Cow::Borrowed(columns);
        Self { columns, rows }
    }

    /// Omits the columns that are unknown in all rows, except for the first `least`.
    #[must_use]
    pub fn omit_unknown(self, least: usize) -> Self {
        let is_known = |place: usize| {
            let mut cells = self.rows.iter().filter_map(|row| row.get(place));
            place < least || cells.any(|cell| !matches!(cell, Cell::Unknown))
        };
        let shown: Vec<bool> = (0..self.columns.len()).map(is_known).collect();
        let columns = self.columns.iter().zip(&shown);
        let columns = columns.filter(|(_, is_shown)| **is_shown);
        let columns = columns.map(|(column, _)| *column).collect();
        let rows = self.rows.into_iter().map(|row| {
            let cells = row.into_iter().zip(&shown);
            let cells = cells.filter(|(_, is_shown)| **is_shown);
            cells.map(|(cell, _)| cell).collect()
        });
        Self {
            rows: rows.collect(),
            columns,
        }
    }
}

pub const fn column(head: &'static str, kind: Kind) -> Column {
    Column { head, kind }
}

impl Cell {
    pub fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> Self {
        value.map_or(Self::Unknown, |value| Self::Trusted(show(value)))
    }

    pub fn untrusted(text: &str) -> Self {
        Self::Untrusted(text.to_owned())
    }
}

impl Tone {
    /// CSS class.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}
