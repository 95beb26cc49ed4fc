//! An AI provider that is slow or fails, as opposed to the service that uses it.

use super::latency::millis;
use super::{Answer, active_if};
use crate::format::summed;
use crate::signal::{Level, Presence, RECENT, Track};
use crate::stats::normal::Z_9995;
use crate::stats::order::median_of;
use crate::stats::proportion::wilson;
use crate::units::whole;

/// Minimum number of failures for the sign.
const FAILED_MIN: f64 = 3.0;
/// The number of current 5-minute windows, and the minimum number of earlier ones.
const NOW: usize = 3;
const BEFORE_MIN: usize = 6;
/// How many of the last windows the current ones must be among.
const LAST: usize = 6;
const WINDOW_MINUTES: usize = 5;
/// Minimum difference of a slow provider, in seconds.
const SLOWER_MIN: f64 = 0.1;
/// How many spreads each current window must exceed the earlier ones by. With few requests, a single slow
/// one makes a window slow.
const SPREADS: f64 = 2.6;
/// The standard deviation of a normal distribution per mean absolute deviation. With about twenty windows,
/// this estimate varies less by chance than one based on a median.
const NORMAL: f64 = 1.253_314_137_315_500_3;

/// The state of the service itself meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceCondition {
    Usual,
    /// Its requests do not fail; their latency is unknown.
    NotFailing,
    Slower,
    Failing,
    Unknown,
}

impl ServiceCondition {
    const fn words(self) -> &'static str {
        match self {
            Self::Usual => "the service itself responds as before",
            Self::NotFailing => "requests to the service itself do not fail",
            Self::Slower => "the service itself is slower, too",
            Self::Failing => "requests to the service fail, too",
            Self::Unknown => "the state of the service itself is unknown",
        }
    }
}

/// Whether the failed share of the recent requests to a provider exceeds its level. The sign begins only if
/// it is more than chance that at least half of that share fails.
pub fn provider_failing(
    failed: &Track,
    requests: &Track,
    level: Level,
    was_active: bool,
    service: ServiceCondition,
) -> Answer {
    let border = level.border(was_active);
    let all = requests.sum(RECENT).unwrap_or(0.0);
    if all <= 0.0 {
        let evidence =
            format!("no requests to the provider are known in the last {RECENT} minutes");
        return (Presence::Unknown, evidence);
    }
    let Some(bad) = failed.sum(RECENT).map(|bad| bad.min(all)) else {
        let evidence = "the number of failed requests to the provider is unknown".to_owned();
        return (Presence::Unknown, evidence);
    };
    let (least, _) = wilson(whole(bad), whole(all), Z_9995);
    let is_clear = was_active || least > border / 2.0;
    let is_failing = bad >= FAILED_MIN && bad / all > border && is_clear;
    let mut evidence = format!(
        "{} of {} requests to the provider failed in the last {RECENT} minutes",
        summed(bad),
        summed(all)
    );
    if is_failing {
        evidence = format!("{evidence}; {}", service.words());
    }
    (active_if(is_failing), evidence)
}

/// Whether a provider takes longer than before by more than its level. The sign begins only if each of the
/// current windows does so by more than chance. `latency` contains logarithms of seconds, so that one very
/// slow request has little weight.
pub fn provider_slow(
    latency: &Track,
    level: Level,
    was_active: bool,
    service: ServiceCondition,
) -> Answer {
    let border = level.border(was_active);
    let latest = latency.latest(NOW, LAST);
    let Some((before, now, stretch)) = latest.filter(|(before, ..)| before.len() >= BEFORE_MIN)
    else {
        let known = latency.known(usize::MAX).len();
        let evidence = if known < BEFORE_MIN + NOW {
            let needed = BEFORE_MIN + NOW;
            format!("{known} of the {needed} required 5-minute windows are known")
        } else {
            let minutes = LAST * WINDOW_MINUTES;
            format!("fewer than {NOW} of the 5-minute windows in the last {minutes} min are known")
        };
        return (Presence::Unknown, evidence);
    };
    let usual = median_of(before.iter().copied()).unwrap_or_default();
    let spread =
        NORMAL * before.iter().map(|one| (one - usual).abs()).sum::<f64>() / before.len() as f64;
    let is_clear = was_active || now.iter().all(|one| one - usual > SPREADS * spread);
    let mean = now.iter().sum::<f64>() / now.len() as f64;
    let (before, now) = (usual.exp(), mean.exp());
    let is_slow = now > before * (1.0 + border) && now - before > SLOWER_MIN && is_clear;
    let mut evidence = format!(
        "the provider took {} in the last {} min, {} before",
        millis(now),
        stretch * WINDOW_MINUTES,
        millis(before)
    );
    if is_slow {
        evidence = format!("{evidence}; {}", service.words());
    }
    (active_if(is_slow), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::signal::Keep;
    use std::time::Duration;

    const TWICE: Level = Level {
        begins: 1.0,
        ends: 0.5,
    };
    const FIFTH: Level = Level {
        begins: 0.2,
        ends: 0.1,
    };

    fn track(width: u64, keep: Keep, values: &[f64]) -> Track {
        let mut track = Track::new(Duration::from_secs(width), 24, keep);
        let times = (0..).map(|at| Timestamp::from_secs(at * width as i64));
        for (at, value) in times.zip(values.iter().map(|one| Some(*one)).chain([None])) {
            track.take(at, value);
        }
        track
    }

    #[test]
    fn a_provider_that_takes_twice_as_long_is_slow() {
        let latency = |now: f64| {
            let mut values = [0.0; 10];
            values[7..].fill(f64::ln(now));
            track(300, Keep::Mean, &values)
        };
        let judge = |now, was| provider_slow(&latency(now), TWICE, was, ServiceCondition::Usual);
        let (presence, evidence) = judge(2.5, false);
        assert_eq!(presence, Presence::Active);
        assert_eq!(
            evidence,
            "the provider took 2500 ms in the last 15 min, 1000 ms before; the service itself responds as before"
        );
        assert_eq!(judge(1.7, false).0, Presence::Clear);
        assert_eq!(judge(1.7, true).0, Presence::Active);
        let mut once = [0.0, 0.1, -0.1, 0.05, -0.05, 0.0, 0.1, -0.1, 0.0, 3.0];
        let judge_once = |values: &[f64]| {
            let latency = track(300, Keep::Mean, values);
            provider_slow(&latency, TWICE, false, ServiceCondition::Usual).0
        };
        once[8] = 3.0;
        assert_eq!(judge_once(&once), Presence::Clear, "in two windows only");
        once[7] = 3.0;
        assert_eq!(judge_once(&once), Presence::Active);
        let short = track(300, Keep::Mean, &[0.0; 5]);
        assert_eq!(
            provider_slow(&short, TWICE, false, ServiceCondition::Usual).0,
            Presence::Unknown
        );
        let mut old = latency(2.5);
        old.take(Timestamp::from_secs(10 * 300 + 3600), None);
        let unknown = provider_slow(&old, TWICE, false, ServiceCondition::Usual);
        let evidence = "fewer than 3 of the 5-minute windows in the last 30 min are known";
        assert_eq!(unknown, (Presence::Unknown, evidence.to_owned()));
    }

    #[test]
    fn a_fifth_of_failures_is_failing_and_two_failures_are_not() {
        let judge = |failed: f64, all: f64| {
            let failed = track(60, Keep::Sum, &[failed / 5.0; 5]);
            let all = track(60, Keep::Sum, &[all / 5.0; 5]);
            provider_failing(&failed, &all, FIFTH, false, ServiceCondition::Failing)
        };
        let (presence, evidence) = judge(5.0, 10.0);
        assert_eq!(presence, Presence::Active);
        assert!(
            evidence.ends_with("; requests to the service fail, too"),
            "{evidence}"
        );
        assert_eq!(judge(2.0, 5.0).0, Presence::Clear);
        assert_eq!(judge(3.0, 10.0).0, Presence::Clear, "by chance");
        assert_eq!(judge(5.0, 100.0).0, Presence::Clear);
        assert_eq!(judge(0.0, 0.0).0, Presence::Unknown);
        let (failed, all) = (track(60, Keep::Sum, &[]), track(60, Keep::Sum, &[1.0; 5]));
        let unknown = provider_failing(&failed, &all, FIFTH, false, ServiceCondition::Usual);
        assert_eq!(unknown.0, Presence::Unknown, "{}", unknown.1);
    }
}
