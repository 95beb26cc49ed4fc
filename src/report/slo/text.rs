//! A report for the terminal.

use super::answer;
use super::model::{IncidentReport, PointReport, Report};
use super::words;
use crate::report::numbers;
use crate::report::table::{drawn, known, plain};
use crate::text::printable;

/// Characters of a burn-down.
const BARS: usize = 30;
/// Characters of an example message.
const EXAMPLE: usize = 60;

impl Report {
    pub fn to_text(&self) -> String {
        let mut parts = vec![self.head(), self.reasons(), self.objectives_table()];
        parts.push(self.incidents_table());
        parts.push(self.corrections_table());
        parts.push(self.failings_table());
        parts.retain(|part| !part.is_empty());
        parts.join("\n\n") + "\n"
    }

    fn head(&self) -> String {
        let span = words::length((self.to - self.from).as_seconds_f64());
        let mut lines = vec![format!(
            "{} UTC to {} UTC ({span}), {} outcomes",
            words::minute(self.from),
            words::minute(self.to),
            numbers::count(self.outcomes)
        )];
        let notes = answer::notes(self);
        lines.extend(notes.iter().map(|note| printable(note)));
        lines.extend(answer::not_over(self));
        lines.push(answer::budgets(self));
        lines.join("\n")
    }

    /// The answer, and why it is not a better one.
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

    fn objectives_table(&self) -> String {
        let mut table = plain(&[
            "SERVICE",
            "SLO",
            "RESULT",
            "PROMISED",
            "OVER",
            "SLI",
            "COVERAGE",
            "GOOD",
            "BAD",
            "EXPECTED",
            "BUDGET SPENT",
            "LEFT",
            "LEFT OVER TIME",
        ]);
        for (service, objective) in self.objectives() {
            table.add_row([
                printable(service),
                printable(&objective.name),
                objective.result.label().to_owned(),
                objective.promise.clone(),
                objective.window.clone(),
                known(objective.sli_ratio, numbers::percent),
                known(objective.coverage_ratio, numbers::coverage),
                words::events(objective.good_events),
                words::events(objective.bad_events),
                words::events(objective.expected_events),
                known(objective.budget_spent_ratio, numbers::spent),
                known(objective.budget_left_ratio, numbers::share),
                bars(&objective.burn_down.points),
            ]);
        }
        drawn(table, &[5, 6, 7, 8, 9, 10, 11])
    }

    fn incidents_table(&self) -> String {
        let (worst, others) = self.worst();
        if worst.is_empty() {
            return "No incidents".to_owned();
        }
        let mut table = plain(&[
            "BEGAN (UTC)",
            "LASTED",
            "SERVICE",
            "SLO",
            "BAD",
            "BUDGET SPENT",
            "MAIN CAUSE",
            "EXAMPLE",
        ]);
        for (service, slo, incident) in worst {
            table.add_row([
                words::second(incident.start),
                words::length(incident.duration_seconds),
                printable(service),
                printable(slo),
                words::events(incident.bad_events),
                known(incident.budget_spent_ratio, numbers::spent),
                cause(incident),
                example(incident),
            ]);
        }
        let table = drawn(table, &[1, 4, 5]);
        let rest = match others {
            0 => String::new(),
            others => format!("\nand {} more that spent less", numbers::count(others)),
        };
        format!("Incidents, worst first\n{table}{rest}")
    }

    fn corrections_table(&self) -> String {
        if self.corrections.is_empty() {
            return String::new();
        }
        let mut table = plain(&[
            "FROM (UTC)",
            "TO (UTC)",
            "TAKEN OUT",
            "SERVICES",
            "SLOS",
            "REASON",
            "BY",
        ]);
        for correction in &self.corrections {
            table.add_row([
                words::moment(correction.from),
                words::moment(correction.to),
                words::corrected(correction),
                printable(&words::scope(&correction.services)),
                printable(&words::scope(&correction.slos)),
                printable(&correction.reason),
                printable(&words::author(correction)),
            ]);
        }
        format!(
            "Corrections: outcomes in these times are not counted\n{}",
            drawn(table, &[])
        )
    }

    fn failings_table(&self) -> String {
        if self.failings().next().is_none() {
            return "Every probe ran all the time".to_owned();
        }
        let mut table = plain(&[
            "PROBE",
            "OUTCOMES",
            "VOID",
            "UNWATCHED",
            "LONGEST GAP (UTC)",
        ]);
        for (service, probe) in self.failings() {
            table.add_row([
                format!("{}/{}", printable(service), printable(&probe.name)),
                numbers::count(probe.outcomes),
                words::voids(probe),
                words::length(probe.unwatched_seconds),
                known(words::gap(probe), |gap| gap),
            ]);
        }
        let table = drawn(table, &[1]);
        format!("Monitoring gaps\n{}\n{table}", answer::charged(self))
    }
}

/// `timeout`, `timeout 82%`
pub(super) fn cause(incident: &IncidentReport) -> String {
    let share = numbers::share(incident.main_cause_ratio);
    match incident.main_cause_ratio {
        1.0.. => incident.main_cause.clone(),
        _ => format!("{} {share}", incident.main_cause),
    }
}

fn example(incident: &IncidentReport) -> String {
    let message = printable(incident.example.as_deref().unwrap_or_default());
    match message.char_indices().nth(EXAMPLE) {
        Some((end, _)) => message[..end].to_owned() + "…",
        None => message,
    }
}

/// One character per point: its height is what is left, `x` where the budget is overspent.
pub(super) fn bars(points: &[PointReport]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let count = points.len().min(BARS);
    let at = |index: usize| {
        // The first and the last point are always among them.
        let place = index * (points.len() - 1) / (count - 1).max(1);
        points.get(place).map(|point| point.left_ratio)
    };
    let bar = |left: f64| {
        if left < 0.0 {
            return 'x';
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 7"
        )]
        let height = (left.min(1.0) * 7.0) as usize;
        HEIGHTS[height]
    };
    (0..count).filter_map(at).map(bar).collect()
}
