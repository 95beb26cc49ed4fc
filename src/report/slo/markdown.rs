//! A report as GitHub-flavored Markdown.

use super::answer;
use super::model::Report;
use super::words;
use crate::format::{numbers, times};
use crate::report::sheet::{Table, code_span, line};

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut page = self.top();
        let budgets = answer::budgets(self);
        line(&mut page, &format!("\n## Objectives\n\n{budgets}\n"));
        Table::objectives(self).to_markdown(&mut page);
        self.incidents_part(&mut page);
        self.corrections_part(&mut page);
        if !self.deployments.is_empty() {
            page += "\n## Deployments\n\n";
            Table::deployments(self).to_markdown(&mut page);
        }
        self.gaps_part(&mut page);
        page += "\n## Definitions\n\n";
        for definition in words::definitions() {
            line(&mut page, &format!("- {}", plain(&definition)));
        }
        page
    }

    fn top(&self) -> String {
        let span = times::length((self.to - self.from).as_seconds_f64());
        let mut page = format!(
            "# SLO report\n\n{} UTC to {} UTC ({span}), {} outcomes\n\n**{}**\n",
            times::minute(self.from),
            times::minute(self.to),
            numbers::count(self.outcomes),
            answer::headline(self)
        );
        for shown in answer::notes(self)
            .into_iter()
            .chain(answer::not_over(self))
        {
            line(&mut page, &format!("\n{}", plain(&shown)));
        }
        let mut reasons = String::new();
        for (service, objective) in self.objectives() {
            if let Some(why) = answer::why(self, objective) {
                let (service, name) = (code_span(service), code_span(&objective.name));
                let word = objective.result.label();
                line(
                    &mut reasons,
                    &format!("- {service} {name} **{word}**: {}", plain(&why)),
                );
            }
        }
        if !reasons.is_empty() {
            page += "\n";
            page += &reasons;
        }
        page
    }

    fn incidents_part(&self, page: &mut String) {
        let (table, others) = Table::incidents(self);
        *page += "\n## Incidents\n\n";
        if table.rows.is_empty() {
            *page += "None.\n";
            return;
        }
        table.to_markdown(page);
        if others > 0 {
            let others = numbers::count(others);
            line(page, &format!("\nAnd {others} more that spent less."));
        }
    }

    fn corrections_part(&self, page: &mut String) {
        if !self.corrections.is_empty() {
            *page += "\n## Corrections\n\nOutcomes in these times are not counted.\n\n";
            Table::corrections(self).to_markdown(page);
        }
    }

    fn gaps_part(&self, page: &mut String) {
        let table = Table::gaps(self);
        *page += "\n## Monitoring gaps\n\n";
        if table.rows.is_empty() {
            *page += "None: every probe ran all the time.\n";
            return;
        }
        line(page, &format!("{}\n", answer::charged(self)));
        table.to_markdown(page);
    }
}

/// Escapes trusted text that contains Markdown characters.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;")
}
