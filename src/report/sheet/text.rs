//! Tables as text for the terminal.

use super::{Cell, Column, Kind, Table};
use crate::report::table::{drawn, plain};
use crate::text::printable;

/// Maximum characters of a long text.
const LONG: usize = 60;

impl Table {
    pub fn to_text(&self) -> String {
        let heads: Vec<_> = self
            .columns
            .iter()
            .map(|one| one.head.to_uppercase())
            .collect();
        let mut table = plain(&heads);
        for row in &self.rows {
            let cells = self.columns.iter().zip(row);
            table.add_row(cells.map(|(column, cell)| cell.to_text(column)));
        }
        let columns = self.columns.iter().enumerate();
        let numbers = columns.filter(|(_, column)| column.kind == Kind::Number);
        drawn(table, &numbers.map(|(at, _)| at).collect::<Vec<_>>())
    }
}

impl Cell {
    fn to_text(&self, column: &Column) -> String {
        match self {
            Self::Trusted(text) | Self::Bars(text) => text.clone(),
            Self::Untrusted(text) if column.kind == Kind::Long => {
                shortened(printable(text).into_owned())
            }
            Self::Untrusted(text) | Self::Sentence(text) | Self::Link { name: text, .. } => {
                printable(text).into_owned()
            }
            Self::Badge(_, word) => (*word).to_owned(),
            Self::Unknown => "-".to_owned(),
        }
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(LONG) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}
