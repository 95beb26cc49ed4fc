//! Tables as data: text, Markdown and HTML draw the same rows.

mod html;
mod markdown;
mod text;

pub use html::badge;
pub use markdown::{escaped, foreign, line};

/// A table before it is drawn.
#[derive(Debug)]
pub struct Table {
    pub columns: &'static [Column],
    pub rows: Vec<Vec<Cell>>,
}

/// What a column is called and holds.
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
    /// Text that can be long.
    Long,
}

#[derive(Debug)]
pub enum Cell {
    /// Our own words and numbers.
    Own(String),
    /// From outside: never markup.
    Foreign(String),
    /// Our own words with names from outside.
    Sentence(String),
    /// A name from outside, and the part of the page that is about it.
    Link {
        anchor: String,
        name: String,
    },
    Badge(Tone, &'static str),
    /// A drawing of characters, for formats without one of lines.
    Bars(String),
    Unknown,
}

/// How a badge looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Idle,
}

pub const fn column(head: &'static str, kind: Kind) -> Column {
    Column { head, kind }
}

impl Cell {
    pub fn known<T>(value: Option<T>, show: impl Fn(T) -> String) -> Self {
        value.map_or(Self::Unknown, |value| Self::Own(show(value)))
    }

    pub fn foreign(text: &str) -> Self {
        Self::Foreign(text.to_owned())
    }
}

impl Tone {
    /// The class in the style sheets.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }
}
