//! Which warning signs the stored history would have raised.

use super::Backtest;
use super::text::kept_back;
use crate::alert::{AlertRecord, AlertTimeline, Inhibitor, Sign, SignReplay, Source};
use crate::alerting::sign;
use crate::config::Config;
use crate::format::times;
use crate::outcome::Timestamp;
use crate::report::table::{drawn, plain};
use crate::report::walk::each_share;
use crate::signal::{Finding, SIGNALS};
use crate::signals::{NOT_REPLAYED, StoredSeries, replay, replay_host};
use crate::slo::correction::{CorrectedTime, Spans};
use crate::store::{Store, StoreError};
use crate::text::printable;
use crate::units::show_duration;
use serde::Serialize;

/// Alert of a warning sign.
#[derive(Debug, Serialize)]
pub struct SignRow {
    /// Empty for the host.
    pub service: String,
    pub signal: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    pub fired_at: chrono::DateTime<chrono::Utc>,
    /// Absent while still firing at the end.
    pub ended_at: Option<chrono::DateTime<chrono::Utc>>,
    pub evidence: String,
    /// The inhibiting alert: `objective errors`, `service database`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inhibited_by: Option<String>,
    /// ID of the silence that muted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silenced_by: Option<i64>,
    /// When this alert actually fired; absent if it did not.
    pub did_fire_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Replays the stored data of `from..to` through the warning signs of a config, divided among the CPUs by
/// service, and then through those of the host.
pub(super) fn signs(
    config: &Config,
    store: &Store,
    (time, gaps): (&CorrectedTime<'_>, &Spans),
    span: (Timestamp, Timestamp),
) -> Result<Vec<AlertTimeline>, StoreError> {
    let past = (&config.alerts.signs, time);
    let found = each_share(config, store, |reader, services| {
        let kept = StoredSeries::of(reader)?;
        let each = services.iter().map(|spec| {
            alerts(config, gaps, |visit| {
                replay(reader, &kept, spec, past, span, visit)
            })
        });
        each.collect()
    })?;
    let kept = StoredSeries::of(store)?;
    let host = alerts(config, gaps, |visit| {
        replay_host(store, &kept, &config.signals, span, visit)
    })?;
    Ok(found.into_iter().flatten().chain(host).collect())
}

/// Called with the findings of each point in time.
type Visit<'v> = &'v mut dyn FnMut(Timestamp, Vec<Finding>);

/// The alerts raised by the replayed findings.
fn alerts(
    config: &Config,
    gaps: &Spans,
    replay: impl FnOnce(Visit<'_>) -> Result<(), StoreError>,
) -> Result<Vec<AlertTimeline>, StoreError> {
    let mut alerts = SignReplay::new(gaps);
    replay(&mut |at, findings| {
        let signs: Vec<Sign> = findings.iter().map(sign).collect();
        alerts.step(&signs, &config.alerts.signs, at);
    })?;
    Ok(alerts.finish())
}

fn row(alert: &AlertRecord, recorded: &[AlertRecord]) -> Option<SignRow> {
    let Source::Sign { sign, subject } = &alert.key.source else {
        return None;
    };
    let touches = |other: &&AlertRecord| {
        let is_before =
            |one: &AlertRecord, two: &AlertRecord| one.to.is_some_and(|to| to < two.from);
        other.key == alert.key && !is_before(other, alert) && !is_before(alert, other)
    };
    Some(SignRow {
        service: alert.key.service.to_string(),
        signal: sign.to_string(),
        subject: subject.to_string(),
        fired_at: alert.from.to_utc(),
        ended_at: alert.to.map(Timestamp::to_utc),
        evidence: alert.evidence.to_string(),
        inhibited_by: alert.inhibited_by.as_ref().map(Inhibitor::words),
        silenced_by: alert.silenced_by,
        did_fire_at: recorded.iter().find(touches).map(|one| one.from.to_utc()),
    })
}

impl Backtest {
    /// Takes the alerts of signs, and compares them with the recorded ones.
    pub(super) fn set_signs(&mut self, signs: &[AlertRecord], recorded: &[AlertRecord]) {
        let mut signs: Vec<&AlertRecord> = signs.iter().collect();
        // Those of the host are last.
        signs.sort_by_key(|one| (one.key.service.is_empty(), &one.key.service, one.from));
        let rows = signs.into_iter().filter_map(|one| row(one, recorded));
        self.signals = Some(rows.collect());
        self.signals_left_out = NOT_REPLAYED.map(|kind| kind.name).into();
    }

    /// Renders the replayed warning signs; empty if they were not replayed.
    pub(super) fn signs_text(&self) -> String {
        let Some(signs) = &self.signals else {
            return String::new();
        };
        let left_out = format!(
            "left out, because the store has no history of them: {}",
            self.signals_left_out.join(", ")
        );
        if signs.is_empty() {
            return format!("\nno warning sign would have been raised\n{left_out}\n");
        }
        let mut table = plain(&[
            "SERVICE", "SIGN", "FROM", "ENDED", "FOR", "RECORDED", "EVIDENCE", "",
        ]);
        for one in signs {
            let lasted = one.ended_at.unwrap_or(self.to) - one.fired_at;
            let moment =
                |at: Option<_>, none: &str| at.map_or_else(|| none.to_owned(), times::second);
            let kind = SIGNALS.iter().find(|kind| *kind.name == *one.signal);
            let title = kind.map_or(&*one.signal, |kind| kind.title);
            let sign = if one.subject.is_empty() {
                title.to_owned()
            } else {
                format!("{title} ({})", one.subject)
            };
            let service = Some(&*one.service).filter(|name| !name.is_empty());
            table.add_row(vec![
                service.unwrap_or("(host)").to_owned(),
                printable(&sign).into_owned(),
                times::second(one.fired_at),
                moment(one.ended_at, "still active"),
                show_duration(lasted.to_std().unwrap_or_default()),
                moment(one.did_fire_at, "no"),
                printable(&one.evidence).into_owned(),
                kept_back(one.inhibited_by.as_deref(), one.silenced_by).unwrap_or_default(),
            ]);
        }
        format!("\nwarning signs:\n\n{}\n\n{left_out}\n", drawn(table, &[4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_cannot_be_replayed_are_named() {
        let (from, to) = (Timestamp::from_secs(0), Timestamp::from_secs(60));
        let mut backtest = Backtest::new(from, to, false);
        assert_eq!(backtest.signs_text(), "");
        backtest.set_signs(&[], &[]);
        let left_out = "left out, because the store has no history of them: metrics_unreadable, rate_limit_near, certificate_ending, coverage_lost\n";
        assert!(
            backtest.signs_text().ends_with(left_out),
            "{}",
            backtest.signs_text()
        );
    }
}
