//! A report for the terminal.

use super::answer;
use super::model::Report;
use super::tables::{Cell, Column, Kind, Table};
use super::words;
use crate::format::{numbers, times};
use crate::report::table::{drawn, plain};
use crate::text::printable;

/// Characters of a long text.
const LONG: usize = 60;

impl Report {
    pub fn to_text(&self) -> String {
        let objectives = Table::objectives(self).to_text();
        let mut parts = vec![self.head(), self.reasons(), objectives];
        parts.push(self.incidents_text());
        if !self.corrections.is_empty() {
            let table = Table::corrections(self).to_text();
            parts.push(format!(
                "Corrections: outcomes in these times are not counted\n{table}"
            ));
        }
        parts.push(self.gaps_text());
        parts.join("\n\n") + "\n"
    }

    fn head(&self) -> String {
        let span = times::length((self.to - self.from).as_seconds_f64());
        let mut lines = vec![format!(
            "{} UTC to {} UTC ({span}), {} outcomes",
            times::minute(self.from),
            times::minute(self.to),
            numbers::count(self.outcomes)
        )];
        let notes = answer::notes(self);
        lines.extend(notes.iter().map(|note| printable(note).into_owned()));
        lines.extend(answer::not_over(self));
        lines.push(answer::budgets(self));
        lines.join("\n")
    }

    /// The answer, and the reasons.
    fn reasons(&self) -> String {
        let mut lines = vec![answer::headline(self)];
        for (service, objective) in self.objectives() {
            if let Some(why) = answer::why(self, objective) {
                let (name, word) = (printable(&objective.name), objective.result.label());
                lines.push(format!("  {}/{name} {word}: {why}", printable(service)));
            }
        }
        lines.join("\n")
    }

    fn incidents_text(&self) -> String {
        let (table, others) = Table::incidents(self);
        if table.rows.is_empty() {
            return "No incidents".to_owned();
        }
        let rest = match others {
            0 => String::new(),
            others => format!("\nand {} more that spent less", numbers::count(others)),
        };
        format!("Incidents, worst first\n{}{rest}", table.to_text())
    }

    fn gaps_text(&self) -> String {
        let table = Table::gaps(self);
        if table.rows.is_empty() {
            return "Every probe ran all the time".to_owned();
        }
        let charged = answer::charged(self);
        format!("Monitoring gaps\n{charged}\n{}", table.to_text())
    }
}

impl Table {
    fn to_text(&self) -> String {
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
            Self::SelfMetrics(text) => text.clone(),
            Self::Foreign(text) if column.kind == Kind::Long => {
                shortened(printable(text).into_owned())
            }
            Self::Foreign(text) | Self::Objective(_, text) => printable(text).into_owned(),
            Self::Result(result) => result.label().to_owned(),
            Self::Bars(points) => words::bars(points),
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
