//! The `heartbeat` kind: jobs report to us, and silence is the failure.

use super::beats::Heard;
use super::{Attempt, Door, Kind, Probe};
use crate::outcome::{Cause, Outcome, Timestamp, Verdict, Why};
use crate::yaml::units::show_duration;
use crate::yaml::{Key, Secret, Section, Shape};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub struct Heartbeat;

const KEYS: &[Key] = &[
    Key::required(
        "every",
        Shape::Duration,
        "How often the job reports at least, from 1s to 31d.",
    ),
    Key::optional(
        "grace",
        Shape::Duration,
        "0s",
        "How much later than that it may be.",
    ),
    Key::optional(
        "token",
        Shape::Secret,
        "",
        "What the job must send as `Authorization: Bearer`. Left out, everybody who reaches the address can report.",
    ),
];

const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(31 * 86_400));

impl Kind for Heartbeat {
    fn name(&self) -> &'static str {
        "heartbeat"
    }

    fn summary(&self) -> &'static str {
        "A job that reports by `POST /api/v1/heartbeat/{service}/{probe}`, with `?status=fail` if it failed. Good while the last report is young enough; its latency is the report's age."
    }

    fn keys(&self) -> &'static [Key] {
        KEYS
    }

    fn example(&self) -> &'static str {
        "{ every: 1h, grace: 10m }"
    }

    fn read(&self, section: &Section<'_>) -> Option<Arc<dyn Probe>> {
        let every = section.duration("every");
        let grace = if section.has("grace") {
            section.duration("grace")
        } else {
            Some(Duration::ZERO)
        };
        let token = section.secret("token");
        if section.has("token") && token.is_none() {
            return None;
        }
        if token
            .as_ref()
            .is_some_and(|token| token.reveal().is_empty())
        {
            let message = "an empty token would let everybody in";
            section.error(
                "invalid-value",
                "token",
                message,
                "set one, or leave it out",
            );
            return None;
        }
        for (key, span) in [("every", every), ("grace", grace)] {
            let too_short = key == "every" && span.is_some_and(|span| span < EVERY.0);
            if too_short || span.is_some_and(|span| span > EVERY.1) {
                let expected = format!(
                    "expected {} to {}",
                    show_duration(EVERY.0),
                    show_duration(EVERY.1)
                );
                section.error(
                    "out-of-range",
                    key,
                    "no report can be expected at such a pace",
                    expected,
                );
                return None;
            }
        }
        Some(Arc::new(Job {
            every: every?,
            grace: grace?,
            token,
        }))
    }
}

#[derive(Debug)]
struct Job {
    every: Duration,
    grace: Duration,
    token: Option<Secret>,
}

#[async_trait]
impl Probe for Job {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let started = attempt.started;
        let outcome = self.judge(&attempt.heard);
        attempt
            .trace
            .tell(started, "heartbeat", || match &attempt.heard.last {
                None => "no report was ever taken".to_owned(),
                Some(beat) => format!("the last report was taken at {}", beat.at.to_utc()),
            });
        outcome
    }

    fn target(&self) -> String {
        format!("reports every {}", show_duration(self.every))
    }

    fn listens(&self) -> Option<Door<'_>> {
        Some(Door {
            token: self.token.as_ref(),
        })
    }
}

impl Job {
    /// A report that says "failed" is believed until the next one. Silence counts only where we
    /// have listened for long enough: a job cannot report to a daemon that is down.
    fn judge(&self, heard: &Heard) -> Outcome {
        let age =
            |since: Timestamp| Duration::from_millis((heard.now.0 - since.0).max(0).unsigned_abs());
        let patience = self.every.saturating_add(self.grace);
        let listened = age(heard.since);
        let told = |verdict, latency, message: String| {
            let mut outcome = Outcome::new(verdict, latency);
            outcome.detail.say(message);
            outcome
        };
        let every = show_duration(self.every);
        match &heard.last {
            Some(beat) if beat.failed => {
                let message = match &beat.message {
                    Some(message) => format!("the job reported a failure: {message}"),
                    None => "the job reported a failure".to_owned(),
                };
                told(Verdict::Bad(Cause::JobFailed), age(beat.at), message)
            }
            Some(beat) if age(beat.at) <= patience => Outcome::new(Verdict::Good, age(beat.at)),
            last if listened <= patience => {
                let latency = last.as_ref().map_or(listened, |beat| age(beat.at));
                let message = format!("no report since slod listens; one is due every {every}");
                told(Verdict::Void(Why::Listening), latency, message)
            }
            Some(beat) => {
                let silent = Duration::from_secs(age(beat.at).as_secs());
                let message = format!(
                    "no report for {}; one is due every {every}",
                    show_duration(silent)
                );
                told(Verdict::Bad(Cause::Silent), age(beat.at), message)
            }
            None => {
                let message = format!("no report ever; one is due every {every}");
                told(Verdict::Bad(Cause::Silent), listened.min(patience), message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::beats::Beat;
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Every hour with ten minutes of grace, listened to since the first minute.
    fn judged(now: i64, last: Option<(i64, bool)>) -> Outcome {
        let job = Job {
            every: Duration::from_secs(3600),
            grace: Duration::from_secs(600),
            token: None,
        };
        let beat = |(at, failed)| Beat {
            at: Timestamp(at * MINUTE),
            failed,
            message: failed.then(|| "disk full".into()),
        };
        job.judge(&Heard {
            now: Timestamp(now * MINUTE),
            since: Timestamp(MINUTE),
            last: last.map(beat),
        })
    }

    #[test]
    fn a_report_is_good_until_the_next_one_is_overdue() {
        let verdict = |now| judged(now, Some((100, false))).verdict;
        assert_eq!([100, 160, 170].map(verdict), [Verdict::Good; 3]);
        assert_eq!(verdict(171), Verdict::Bad(Cause::Silent));
        let late = judged(171, Some((100, false)));
        assert_eq!(late.latency, Duration::from_secs(71 * 60));
        let message = late.detail.message.expect("why");
        assert_eq!(&*message, "no report for 1h11m; one is due every 1h");
    }

    #[test]
    fn a_reported_failure_lasts_until_the_next_report() {
        let failed = judged(101, Some((100, true)));
        assert_eq!(failed.verdict, Verdict::Bad(Cause::JobFailed));
        assert_eq!(
            failed.detail.message.as_deref(),
            Some("the job reported a failure: disk full")
        );
        assert_eq!(
            judged(999, Some((100, true))).verdict,
            Verdict::Bad(Cause::JobFailed)
        );
    }

    #[test]
    fn nobody_can_report_to_a_daemon_that_is_down() {
        let listening = Verdict::Void(Why::Listening);
        assert_eq!(judged(71, None).verdict, listening);
        assert_eq!(judged(72, None).verdict, Verdict::Bad(Cause::Silent));
        // The last report is from before the daemon was started.
        assert_eq!(judged(60, Some((-100, false))).verdict, listening);
        assert_eq!(
            judged(72, Some((-100, false))).verdict,
            Verdict::Bad(Cause::Silent)
        );
        // The clock was set back since.
        assert_eq!(judged(90, Some((100, false))).verdict, Verdict::Good);
    }
}
