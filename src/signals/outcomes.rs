//! What only the last outcomes of a service's probes show, and its signs.

use crate::format::{numbers, times};
use crate::ledger::LedgerView;
use crate::ledger::llm::LlmCounters;
use crate::outcome::Timestamp;
use crate::signal::rules::{Answer, below};
use crate::signal::{Level, Presence, Settings, SignalKind, kinds};
use crate::slo::StandardWindow;
use crate::units::HOUR;
use std::sync::Arc;
use std::time::Duration;

/// As of a moment; what is not known is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LastOutcomes {
    /// When the certificate of a probe's address ends, in seconds since 1970.
    certificates: Vec<(Arc<str>, i64)>,
    /// Whether the rate limits of a probe's provider are known, and the smallest share that is left.
    limits: Vec<(Arc<str>, Option<f64>)>,
    /// The lowest coverage of an objective in the last hour.
    coverage: Option<f64>,
}

impl LastOutcomes {
    pub(super) fn of(ledger: &LedgerView, service: &str, now: Timestamp) -> Self {
        let Some(service) = ledger.live(service) else {
            return Self::default();
        };
        let mut known = Self::default();
        for (key, last, llm) in service.probes() {
            if let Some(ends) = last.and_then(|last| last.tls_not_after) {
                known.certificates.push((key.probe.clone(), ends));
            }
            if let Some(left) = llm.map(LlmCounters::tightest_limit) {
                known.limits.push((key.probe.clone(), left));
            }
        }
        let coverages = service.coverages(StandardWindow::Hour1, now.before(HOUR));
        known.coverage = coverages.min_by(f64::total_cmp);
        known
    }

    /// Its signs, each with its subject. `was_active` says which of them were there.
    pub(super) fn judge(
        &self,
        settings: &Settings,
        now: Timestamp,
        was_active: impl Fn(&SignalKind, &str) -> bool,
        push: &mut dyn FnMut(&'static SignalKind, &str, Answer),
    ) {
        let level = |kind| settings.level(kind);
        for (probe, ends) in &self.certificates {
            let kind = &kinds::CERTIFICATE_ENDING;
            let was = was_active(kind, probe);
            push(kind, probe, certificate(*ends, now, level(kind), was));
        }
        for (probe, left) in &self.limits {
            let kind = &kinds::RATE_LIMIT_NEAR;
            let was = was_active(kind, probe);
            push(kind, probe, rate_limit(*left, level(kind), was));
        }
        if let Some(coverage) = self.coverage {
            let kind = &kinds::COVERAGE_LOST;
            let presence = below(coverage, level(kind), was_active(kind, ""));
            let evidence = format!("{:.0} % of the last hour was observed", coverage * 100.0);
            push(kind, "", (presence, evidence));
        }
    }
}

fn certificate(ends: i64, now: Timestamp, level: Level, was_active: bool) -> Answer {
    let left = ends as f64 - now.as_secs_f64();
    let time = numbers::span(Duration::from_secs_f64(left.abs()));
    let at = times::minute(Timestamp::from_secs(ends).to_utc());
    let evidence = if left < 0.0 {
        format!("the certificate ended {time} ago ({at} UTC)")
    } else {
        format!("the certificate ends in {time} ({at} UTC)")
    };
    (below(left, level, was_active), evidence)
}

fn rate_limit(left: Option<f64>, level: Level, was_active: bool) -> Answer {
    let Some(left) = left else {
        let evidence = "no answer of the last three intervals showed a rate limit".to_owned();
        return (Presence::Unknown, evidence);
    };
    let evidence = format!("{:.0} % of the tightest rate limit is left", left * 100.0);
    (below(left, level, was_active), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: i64 = 86_400;

    use Presence::{Active, Clear, Unknown};

    #[test]
    fn signs_end_at_their_own_levels() {
        let judge = |left: Option<f64>, coverage: f64, was: bool| {
            let outcomes = LastOutcomes {
                certificates: vec![("home".into(), 13 * DAY_S)],
                limits: vec![("ask".into(), left)],
                coverage: Some(coverage),
            };
            let mut found = Vec::new();
            let mut push = |kind: &SignalKind, subject: &str, (presence, _): Answer| {
                found.push((kind.name, subject.to_owned(), presence));
            };
            let settings = Settings::default();
            outcomes.judge(&settings, Timestamp(0), |_, _| was, &mut push);
            assert_eq!(
                found.remove(0),
                ("certificate_ending", "home".to_owned(), Presence::Active)
            );
            (found[0].2, found[1].2)
        };
        assert_eq!(judge(Some(0.05), 0.4, false), (Active, Active));
        assert_eq!(judge(Some(0.12), 0.55, true), (Active, Active));
        assert_eq!(judge(Some(0.12), 0.55, false), (Clear, Clear));
        assert_eq!(judge(Some(0.15), 0.6, true), (Clear, Clear));
        assert_eq!(judge(None, 0.9, true), (Unknown, Clear));
    }

    #[test]
    fn a_certificate_that_has_ended_is_named_as_such() {
        let level = Settings::default().level(&kinds::CERTIFICATE_ENDING);
        let now = Timestamp::from_secs(10 * DAY_S);
        let evidence = |hours: i64| certificate(hours * 3600, now, level, false).1;
        assert_eq!(
            evidence(12 * 24 + 12),
            "the certificate ends in 2d (1970-01-13 12:00 UTC)"
        );
        assert_eq!(
            evidence(9 * 24 + 12),
            "the certificate ended 12h ago (1970-01-10 12:00 UTC)"
        );
    }
}
