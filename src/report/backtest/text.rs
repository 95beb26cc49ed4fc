//! Text output of a backtest.

use super::{AlertRow, Backtest};
use crate::alert::Urgency;
use crate::format::{numbers, times};
use crate::report::alerts::inhibited;
use crate::report::table::{drawn, known, plain};
use crate::text::printable;
use crate::units::show_duration;

/// What kept an alert from notifying, if anything.
pub(super) fn kept_back(inhibited_by: Option<&str>, silenced_by: Option<i64>) -> Option<String> {
    match (inhibited_by, silenced_by) {
        (Some(by), _) => Some(printable(&inhibited(by)).into_owned()),
        (None, Some(id)) => Some(format!("silence {id}")),
        (None, None) => None,
    }
}

impl Backtest {
    pub fn to_text(&self) -> String {
        let outcomes = numbers::plural(self.outcomes, "outcome");
        let mut text = if self.synthetic {
            let length = (self.to - self.from).to_std().unwrap_or_default();
            format!("synthetic history: {}, {outcomes}\n", show_duration(length))
        } else {
            let (from, to) = (times::second(self.from), times::second(self.to));
            format!("{from} UTC to {to} UTC, {outcomes} replayed\n")
        };
        if !self.alerts.is_empty() {
            text = format!("{text}\n{}\n", self.table(&self.alerts, !self.synthetic));
        }
        text = format!("{text}\n{}\n", self.sum());
        if let Some(since) = self
            .silences_known_since
            .filter(|_| !self.alerts.is_empty())
        {
            let since = times::second(since);
            text = format!(
                "{text}Silences that ended before {since} UTC are no longer stored: alerts that they muted are counted.\n"
            );
        }
        if !self.missing.is_empty() {
            let table = self.table(&self.missing, false);
            text = format!("{text}\nalerts that fired, but would not fire now:\n\n{table}\n");
        }
        text + &self.signs_text()
    }

    /// Renders alerts as a table; `compared` adds the column with the actual time of firing.
    fn table(&self, alerts: &[AlertRow], compared: bool) -> String {
        let mut heads = vec![
            "SERVICE",
            "SLO",
            "TIER",
            "URGENCY",
            "FIRED",
            "ENDED",
            "FOR",
            "BUDGET SPENT",
        ];
        heads.extend(compared.then_some("RECORDED"));
        heads.push("");
        let mut table = plain(&heads);
        for alert in alerts {
            let lasted = alert.ended_at.unwrap_or(self.to) - alert.fired_at;
            let shown = |at, none: &str| match at {
                Some(at) => self.moment(at),
                None => none.to_owned(),
            };
            let mut row = vec![
                alert.service.clone(),
                alert.slo.clone(),
                alert.windows.clone(),
                alert.urgency.to_owned(),
                self.moment(alert.fired_at),
                shown(alert.ended_at, "still firing"),
                show_duration(lasted.to_std().unwrap_or_default()),
                known(alert.budget_spent_ratio, numbers::spent),
            ];
            row.extend(compared.then(|| shown(alert.did_fire_at, "no")));
            row.extend(kept_back(alert.inhibited_by.as_deref(), alert.silenced_by));
            table.add_row(row);
        }
        drawn(table, &[6, 7])
    }

    fn moment(&self, at: chrono::DateTime<chrono::Utc>) -> String {
        if self.synthetic {
            let since = (at - self.from).to_std().unwrap_or_default();
            format!("+{}", show_duration(since))
        } else {
            times::second(at)
        }
    }

    fn sum(&self) -> String {
        let shown = |urgency: Urgency| {
            let is_sent = |alert: &&AlertRow| !alert.inhibited && alert.silenced_by.is_none();
            let of = |alert: &&AlertRow| alert.urgency == urgency.label() && is_sent(alert);
            self.alerts.iter().filter(of).count() as u64
        };
        let inhibited = self.alerts.iter().filter(|alert| alert.inhibited);
        let (tier, other): (Vec<_>, _) = inhibited.partition(|one| one.is_after_faster_tier());
        let other = match other.len() {
            0 => String::new(),
            other => format!(", {other} by another objective or service"),
        };
        let silenced = self.alerts.iter().filter(|one| !one.inhibited);
        let silenced = match silenced.filter(|one| one.silenced_by.is_some()).count() {
            0 => String::new(),
            silenced => format!(", {silenced} silenced"),
        };
        format!(
            "{} and {} would have been sent, {} more inhibited by a faster tier{other}{silenced}",
            numbers::plural(shown(Urgency::Page), "page"),
            numbers::plural(shown(Urgency::Ticket), "ticket"),
            tier.len(),
        )
    }
}
