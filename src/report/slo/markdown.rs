//! A report as GitHub-flavoured Markdown.

use super::answer;
use super::model::Report;
use super::text::{bars, cause};
use super::words;
use crate::report::numbers;
use crate::report::table::known;
use crate::text::printable;
use std::fmt::Write as _;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut page = self.top();
        self.objectives_part(&mut page);
        self.incidents_part(&mut page);
        self.corrections_part(&mut page);
        self.failings_part(&mut page);
        page += "\n## Definitions\n\n";
        for definition in words::definitions() {
            line(&mut page, &format!("- {}", plain(&definition)));
        }
        page
    }

    fn top(&self) -> String {
        let span = words::length((self.to - self.from).as_seconds_f64());
        let mut page = format!(
            "# SLO report\n\n{} UTC to {} UTC ({span}), {} outcomes\n\n**{}**\n",
            words::minute(self.from),
            words::minute(self.to),
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
                let (service, name) = (foreign(service), foreign(&objective.name));
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

    fn objectives_part(&self, page: &mut String) {
        line(
            page,
            &format!("\n## Objectives\n\n{}\n", answer::budgets(self)),
        );
        head(
            page,
            &[
                "Service",
                "SLO",
                "Result",
                "Promised",
                "Over",
                ">SLI",
                ">Coverage",
                ">Good",
                ">Bad",
                ">Expected",
                ">Budget spent",
                ">Left",
                "Left over time",
            ],
        );
        for (service, objective) in self.objectives() {
            row(
                page,
                &[
                    foreign(service),
                    foreign(&objective.name),
                    objective.result.label().to_owned(),
                    objective.promise.clone(),
                    objective.window.clone(),
                    known(objective.sli_ratio, numbers::percent),
                    plain(&known(objective.coverage_ratio, numbers::coverage)),
                    words::events(objective.good_events),
                    words::events(objective.bad_events),
                    words::events(objective.expected_events),
                    known(objective.budget_spent_ratio, numbers::spent),
                    known(objective.budget_left_ratio, numbers::share),
                    foreign(&bars(&objective.burn_down.points)),
                ],
            );
        }
    }

    fn incidents_part(&self, page: &mut String) {
        let (worst, others) = self.worst();
        *page += "\n## Incidents\n\n";
        if worst.is_empty() {
            *page += "None.\n";
            return;
        }
        head(
            page,
            &[
                "Began (UTC)",
                ">Lasted",
                "Service",
                "SLO",
                ">Bad",
                ">Budget spent",
                "Main cause",
                "Example",
            ],
        );
        for (service, slo, incident) in worst {
            row(
                page,
                &[
                    words::second(incident.start),
                    words::length(incident.duration_seconds),
                    foreign(service),
                    foreign(slo),
                    words::events(incident.bad_events),
                    known(incident.budget_spent_ratio, numbers::spent),
                    cause(incident),
                    foreign(incident.example.as_deref().unwrap_or_default()),
                ],
            );
        }
        if others > 0 {
            let others = numbers::count(others);
            line(page, &format!("\nAnd {others} more that spent less."));
        }
    }

    fn corrections_part(&self, page: &mut String) {
        if self.corrections.is_empty() {
            return;
        }
        *page += "\n## Corrections\n\nOutcomes in these times are not counted.\n\n";
        head(
            page,
            &[
                "From (UTC)",
                "To (UTC)",
                "Taken out",
                "Services",
                "SLOs",
                "Reason",
                "By",
            ],
        );
        for correction in &self.corrections {
            row(
                page,
                &[
                    words::moment(correction.from),
                    words::moment(correction.to),
                    words::corrected(correction),
                    foreign(&words::scope(&correction.services)),
                    foreign(&words::scope(&correction.slos)),
                    foreign(&correction.reason),
                    foreign(&words::author(correction)),
                ],
            );
        }
    }

    fn failings_part(&self, page: &mut String) {
        *page += "\n## Monitoring gaps\n\n";
        if self.failings().next().is_none() {
            *page += "None: every probe ran all the time.\n";
            return;
        }
        line(page, &format!("{}\n", answer::charged(self)));
        head(
            page,
            &[
                "Probe",
                ">Outcomes",
                "Void",
                ">Unwatched",
                "Longest gap (UTC)",
            ],
        );
        for (service, probe) in self.failings() {
            row(
                page,
                &[
                    foreign(&format!("{service}/{}", probe.name)),
                    numbers::count(probe.outcomes),
                    words::voids(probe),
                    words::length(probe.unwatched_seconds),
                    known(words::gap(probe), |gap| gap),
                ],
            );
        }
    }
}

fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").unwrap_or_default();
}

/// Columns of numbers are named with a `>` in front.
fn head(page: &mut String, names: &[&str]) {
    let bare: Vec<_> = names
        .iter()
        .map(|name| name.trim_start_matches('>').to_owned())
        .collect();
    row(page, &bare);
    let rules: Vec<_> = names
        .iter()
        .map(|name| if name.starts_with('>') { "--:" } else { "---" }.to_owned())
        .collect();
    row(page, &rules);
}

fn row(page: &mut String, cells: &[String]) {
    line(page, &format!("| {} |", cells.join(" | ")));
}

/// Our own text, whose signs would be markup.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;")
}

/// Text from the outside as a code span: nothing in it is markup, a link or a mention.
fn foreign(text: &str) -> String {
    let text = printable(text).replace('`', "'");
    // A table ends its cell at a pipe even here, and a backslash in front of one's own backslash
    // would take it back.
    let text = text.replace("\\|", "\\ |").replace('|', "\\|");
    match text.trim() {
        "" => "–".to_owned(),
        text => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_outside_is_markup() {
        assert_eq!(foreign("<script>*a*</script>"), "`<script>*a*</script>`");
        assert_eq!(foreign("a|b\nc`d"), "`a\\|b c'd`");
        assert_eq!(foreign("a\\|b"), "`a\\ \\|b`");
        assert_eq!(foreign(" \n"), "–");
    }
}
