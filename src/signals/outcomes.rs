//! Signs that depend on the last outcomes of a service's probes only.

use super::Push;
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
    /// How long it is valid in total, in seconds; `None` from a restart until the next attempt.
    lifetime: Option<i64>,
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
            let served = last.and_then(|last| Some((last, last.tls_not_after?)));
            let earlier = before.certificates.iter_mut();
            let mut earlier = earlier.filter(|one| one.probe == key.probe);
            if let Some((last, ends)) = served {
                known.certificates.push(Certificate {
                    probe: key.probe.clone(),
                    ends,
                    lifetime: last.tls_lifetime,
                    seen: last.at,
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
        push: &mut Push<'_>,
    ) {
        let level = |kind| settings.level(kind);
        for one in &self.certificates {
            let kind = &kinds::CERTIFICATE_ENDING;
            let is_configured = settings.levels.contains_key(kind.name);
            let limit = (level(kind), is_configured);
            let was = was_active(kind, &one.probe);
            push(kind, &one.probe, certificate(one, now, limit, was));
        }
        for (probe, nearest) in &self.limits {
            let kind = &kinds::RATE_LIMIT_NEAR;
            let was = was_active(kind, probe);
            push(kind, probe, rate_limit(nearest.as_ref(), level(kind), was));
        }
        if let Some(coverage) = self.coverage {
            let kind = &kinds::COVERAGE_LOST;
            let presence = below(coverage, level(kind), was_active(kind, ""));
            let evidence = format!("{:.0}% of the last hour was observed", coverage * 100.0);
            push(kind, "", (presence, evidence));
        }
    }
}

/// The share of its validity at whose beginning a certificate is about to expire, if that is later than by the
/// default threshold. ACME clients renew when a third of the validity is left, of very short ones half of it.
const LAST_PART: f64 = 0.25;

/// `limit` is the threshold, and whether it is configured.
fn certificate(
    one: &Certificate,
    now: Timestamp,
    limit: (Level, bool),
    was_active: bool,
) -> Answer {
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
    let (level, is_configured) = limit;
    let presence = |level| below(left, level, was_active);
    match one.lifetime {
        _ if is_configured => (presence(level), evidence),
        Some(lifetime) => {
            let last_part = lifetime as f64 * LAST_PART;
            let level = Level {
                begins: level.begins.min(last_part),
                ends: level.ends.min(last_part),
            };
            (presence(level), evidence)
        }
        None if left > 0.0 && presence(level) == Presence::Active => {
            let reason =
                "how long the certificate is valid in total is unknown until the next attempt";
            (Presence::Unknown, format!("{evidence}; {reason}"))
        }
        None => (presence(level), evidence),
    }
}

fn rate_limit(nearest: Option<&RateLimit>, level: Level, was_active: bool) -> Answer {
    let known = nearest.and_then(|limit| Some((limit, limit.share()?)));
    let Some((limit, left)) = known else {
        let evidence = "no response in the last three intervals contained a rate limit".to_owned();
        return (Presence::Unknown, evidence);
    };
    let all = limit.limit.map(numbers::count).unwrap_or_default();
    let evidence = format!(
        "{:.0}% of the rate limit of {} is left: {} of {all}",
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
            lifetime: Some(90 * DAY_S),
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
        assert_eq!(evidence, "7% of the rate limit of tokens is left: 7 of 100");
    }

    #[test]
    fn an_expired_certificate_is_reported_as_expired() {
        let level = Settings::default().level(&kinds::CERTIFICATE_ENDING);
        let now = Timestamp::from_secs(10 * DAY_S);
        let one = |hours: i64, seen: i64| served(hours * 3600, 10 * DAY_S - seen);
        let limit = (level, false);
        let evidence = |hours: i64| certificate(&one(hours, 900), now, limit, false).1;
        assert_eq!(
            evidence(12 * 24 + 12),
            "the certificate ends in 2d (1970-01-13 12:00 UTC)"
        );
        assert_eq!(
            evidence(9 * 24 + 12),
            "the certificate ended 12h ago (1970-01-10 12:00 UTC)"
        );
        // It may have been renewed or replaced.
        let unknown = certificate(&one(99 * 24, 901), now, limit, true);
        let evidence = "the certificate was last seen at 1970-01-10 23:44 UTC: the certificate ends in 89d (1970-04-10 00:00 UTC)";
        assert_eq!(unknown, (Unknown, evidence.to_owned()));
    }

    /// The hours left, the days of validity, the days of a configured threshold, and the state.
    #[test]
    fn certificates_of_a_few_days_are_ending_in_their_last_quarter() {
        let default = Settings::default().level(&kinds::CERTIFICATE_ENDING);
        for (left, valid, configured, wanted) in [
            (5 * 24, Some(6), None, Clear),
            (37, Some(6), None, Clear),
            (35, Some(6), None, Active),
            (5, Some(1), None, Active),
            (11 * 24 + 12, Some(45), None, Clear),
            (11 * 24, Some(45), None, Active),
            (13 * 24, Some(90), None, Active),
            (15 * 24, Some(90), None, Clear),
            (29 * 24, Some(90), Some(30), Active),
            (5 * 24, Some(6), Some(14), Active),
            (5 * 24, Some(6), Some(1), Clear),
            (5 * 24, None, Some(14), Active),
            // Restored from the store, which does not have the validity.
            (5 * 24, None, None, Unknown),
            (15 * 24, None, None, Clear),
            (-1, None, None, Active),
        ] {
            let one = Certificate {
                lifetime: valid.map(|days| days * DAY_S),
                ..served(left * 3600, 0)
            };
            let own = |days: i64| Level {
                begins: (days * DAY_S) as f64,
                ends: (days * DAY_S) as f64,
            };
            let limit = (configured.map_or(default, own), configured.is_some());
            let (presence, evidence) = certificate(&one, Timestamp(0), limit, false);
            assert_eq!(presence, wanted, "{left} h of {valid:?} d: {evidence}");
        }
    }
}
