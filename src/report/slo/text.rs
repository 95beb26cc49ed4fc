//! A report as text for the terminal.

use super::answer;
use super::model::Report;
use crate::format::{numbers, times};
use crate::report::sheet::Table;
use crate::text::printable;

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
        if !self.deployments.is_empty() {
            let table = Table::deployments(self).to_text();
            parts.push(format!("Deployments\n{table}"));
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

    /// The result and its reasons.
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
        if self.services.iter().all(|one| one.probes.is_empty()) {
            return "No probes are configured".to_owned();
        }
        if table.rows.is_empty() {
            return "Every probe ran all the time".to_owned();
        }
        let charged = answer::charged(self);
        format!("Monitoring gaps\n{charged}\n{}", table.to_text())
    }
}
