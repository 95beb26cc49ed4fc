//! Tables as data, rendered as text, Markdown and HTML.

mod html;
mod markdown;
mod text;

pub use html::{badge, or_dash};
pub use markdown::{code_span, escaped, line};

/// A table with its columns and rows.
#[derive(Debug)]
pub struct Table {
    pub columns: &'static [Column],
    pub rows: Vec<Vec<Cell>>,
}

/// Title and kind of a column.
#[derive(Debug)]
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
        Self { columns, rows }
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
