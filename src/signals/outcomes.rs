//! Signs that depend on the last outcomes of a service's probes only.

use crate::config::ServiceSpec;
use crate::format::{numbers, times};
use crate::ledger::LedgerView;
use crate::ledger::llm::LlmCounters;
use crate::outcome::{RateLimit, Timestamp};
use crate::signal::rules::{Answer, below};
use crate::signal::{Level, Presence, SILENCE, Settings, SignalKind, kinds};
use crate::slo::StandardWindow;
use crate::units::HOUR;
use std::sync::Arc;
use std::time::Duration;

/// The state at one time; unknown values are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LastOutcomes {
    certificates: Vec<Certificate>,
    /// By probe of a provider: the rate limit closest to exhaustion, `None` while unknown.
    limits: Vec<(Arc<str>, Option<RateLimit>)>,
    /// The lowest coverage of an objective in the last hour.
    coverage: Option<f64>,
}

/// The certificate of a probe's address.
#[derive(Clone, Debug, PartialEq)]
struct Certificate {
    probe: Arc<str>,
    /// In seconds since 1970.
    ends: i64,
    /// When it was last served.
    seen: Timestamp,
    /// If it was last served longer ago, it may have been replaced.
    known_for: Duration,
}

impl LastOutcomes {
    /// `before` is the previous state: a certificate is remembered while no attempt shows one.
    pub(super) fn of(
        ledger: &LedgerView,
        spec: &ServiceSpec,
        now: Timestamp,
        mut before: Self,
    ) -> Self {
        let Some(service) = ledger.live(&spec.name) else {
            return Self::default();
        };
        let mut known = Self::default();
        for (key, last, llm) in service.probes() {
            let mut probes = spec.probes.iter();
            let interval = probes
                .find(|one| one.key.probe == key.probe)
                .map_or(Duration::ZERO, |one| one.interval);
            let served = last.and_then(|last| Some((last.tls_not_after?, last.at)));
            let earlier = before.certificates.iter_mut();
            let mut earlier = earlier.filter(|one| one.probe == key.probe);
            if let Some((ends, seen)) = served {
                known.certificates.push(Certificate {
                    probe: key.probe.clone(),
                    ends,
                    seen,
                    known_for: SILENCE.max(interval * 3),
                });
            } else if let Some(earlier) = earlier.next() {
                known.certificates.push(earlier.clone());
            }
            if let Some(left) = llm.map(LlmCounters::tightest_limit) {
                known.limits.push((key.probe.clone(), left.cloned()));
            }
        }
        let coverages = service.coverages(StandardWindow::Hour1, now.before(HOUR));
        known.coverage = coverages.min_by(f64::total_cmp);
        known
    }

    /// Evaluates its signs, each with its subject. `was_active` returns which of them were active.
    pub(super) fn judge(
        &self,
        settings: &Settings,
        now: Timestamp,
        was_active: impl Fn(&SignalKind, &str) -> bool,
        push: &mut dyn FnMut(&'static SignalKind, &str, Answer),
    ) {
        let level = |kind| settings.level(kind);
        for one in &self.certificates {
            let kind = &kinds::CERTIFICATE_ENDING;
            let was = was_active(kind, &one.probe);
            push(kind, &one.probe, certificate(one, now, level(kind), was));
        }
        for (probe, nearest) in &self.limits {
            let kind = &kinds::RATE_LIMIT_NEAR;
            let was = was_active(kind, probe);
            push(kind, probe, rate_limit(nearest.as_ref(), level(kind), was));
        }
        if let Some(coverage) = self.coverage {
            let kind = &kinds::COVERAGE_LOST;
            let presence = below(coverage, level(kind), was_active(kind, ""));
            let evidence = format!("{:.0} % of the last hour was observed", coverage * 100.0);
            push(kind, "", (presence, evidence));
        }
    }
}

fn certificate(one: &Certificate, now: Timestamp, level: Level, was_active: bool) -> Answer {
    let ends = one.ends;
    let left = ends as f64 - now.as_secs_f64();
    let time = numbers::span(Duration::from_secs_f64(left.abs()));
    let at = times::minute(Timestamp::from_secs(ends).to_utc());
    let evidence = if left < 0.0 {
        format!("the certificate ended {time} ago ({at} UTC)")
    } else {
        format!("the certificate ends in {time} ({at} UTC)")
    };
    if one.seen.after(one.known_for) < now {
        let seen = times::minute(one.seen.to_utc());
        let evidence = format!("the certificate was last seen at {seen} UTC: {evidence}");
        return (Presence::Unknown, evidence);
    }
    (below(left, level, was_active), evidence)
}

fn rate_limit(nearest: Option<&RateLimit>, level: Level, was_active: bool) -> Answer {
    let known = nearest.and_then(|limit| Some((limit, limit.share()?)));
    let Some((limit, left)) = known else {
        let evidence = "no response in the last three intervals contained a rate limit".to_owned();
        return (Presence::Unknown, evidence);
    };
    let all = limit.limit.map(numbers::count).unwrap_or_default();
    let evidence = format!(
        "{:.0} % of the rate limit of {} is left: {} of {all}",
        left * 100.0,
        limit.name,
        numbers::count(limit.remaining)
    );
    (below(left, level, was_active), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: i64 = 86_400;

    fn served(ends: i64, seen: i64) -> Certificate {
        Certificate {
            probe: "home".into(),
            ends,
            seen: Timestamp::from_secs(seen),
            known_for: SILENCE,
        }
    }

    use Presence::{Active, Clear, Unknown};

    #[test]
    fn signs_end_at_their_own_levels() {
        let limit = |percent: u64| RateLimit {
            name: "tokens".into(),
            remaining: percent,
            limit: Some(100),
        };
        let judge = |left: Option<u64>, coverage: f64, was: bool| {
            let outcomes = LastOutcomes {
                certificates: vec![served(13 * DAY_S, 0)],
                limits: vec![("ask".into(), left.map(limit))],
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
        assert_eq!(judge(Some(5), 0.4, false), (Active, Active));
        assert_eq!(judge(Some(12), 0.55, true), (Active, Active));
        assert_eq!(judge(Some(12), 0.55, false), (Clear, Clear));
        assert_eq!(judge(Some(15), 0.6, true), (Clear, Clear));
        assert_eq!(judge(None, 0.9, true), (Unknown, Clear));
        let level = Settings::default().level(&kinds::RATE_LIMIT_NEAR);
        let (_, evidence) = rate_limit(Some(&limit(7)), level, false);
        assert_eq!(
            evidence,
            "7 % of the rate limit of tokens is left: 7 of 100"
        );
    }

    #[test]
    fn an_expired_certificate_is_reported_as_expired() {
        let level = Settings::default().level(&kinds::CERTIFICATE_ENDING);
        let now = Timestamp::from_secs(10 * DAY_S);
        let one = |hours: i64, seen: i64| served(hours * 3600, 10 * DAY_S - seen);
        let evidence = |hours: i64| certificate(&one(hours, 900), now, level, false).1;
        assert_eq!(
            evidence(12 * 24 + 12),
            "the certificate ends in 2d (1970-01-13 12:00 UTC)"
        );
        assert_eq!(
            evidence(9 * 24 + 12),
            "the certificate ended 12h ago (1970-01-10 12:00 UTC)"
        );
        // It may have been renewed or replaced.
        let unknown = certificate(&one(99 * 24, 901), now, level, true);
        let evidence = "the certificate was last seen at 1970-01-10 23:44 UTC: the certificate ends in 89d (1970-04-10 00:00 UTC)";
        assert_eq!(unknown, (Unknown, evidence.to_owned()));
    }
}
