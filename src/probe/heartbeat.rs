//! The `heartbeat` kind: jobs send reports, and a missing report is a failure.

mod board;
mod cron_times;
mod due;
mod schedule;

pub use board::{
    Beat, COMMITTED_AFTER, Failures, HeartbeatBoard, PreviousRun, Refused, StoredBeat,
};
pub use due::{Due, Pace};
pub use schedule::Schedule;

use super::{Attempt, Kind, Probe};
use crate::outcome::{
    Cause, DurationOf, Measures, Outcome, ProbeKey, Timestamp, Verdict, VoidReason,
};
use crate::units::show_duration;
use crate::yaml::{Key, Keys, List, Secret, SecretText, Section, Span, ZoneForm};
use async_trait::async_trait;
use board::{Break, HeartbeatState};
use cron_times::CronTimes;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const KEYS: Keys = &[&EVERY_RANGE, &SCHEDULE, &TIMEZONE, &GRACE, &TOKEN];

const LONGEST: Duration = Duration::from_hours(31 * 24);

const EVERY_RANGE: Key<Span> = Key::optional(
    "every",
    Span::within(Duration::from_secs(1), LONGEST),
    "Maximum interval between two reports. Either this or `schedule` is required.",
);

const SCHEDULE: Key<List<CronTimes>> = Key::optional(
    "schedule",
    List::up_to(20, CronTimes),
    "When the job runs, as in its crontab: `0 3 * * *` (minute, hour, day, month, day of the week) or a name such as `@daily`; a list for several lines. A report is due after each of these times, within `grace`; an earlier one does not count for it. A local time skipped by a clock change moves to just after the change, and a repeated one counts only the first time. If the minute or the hour begins with `*`, the job runs at regular intervals instead, also in a repeated hour.",
);

const TIMEZONE: Key<ZoneForm> = Key::with_default(
    "timezone",
    ZoneForm,
    "UTC",
    "Time zone of `schedule`, such as `Europe/Berlin`.",
);

const GRACE: Key<Span> = Key::with_default(
    "grace",
    Span::within(Duration::ZERO, LONGEST),
    "0s",
    "How late a report may be. With `schedule`, at least as long as the job takes.",
);

const TOKEN: Key<SecretText> = Key::optional(
    "token",
    SecretText,
    "Token that the job must send as `Authorization: Bearer`. Without it, anyone who can reach the address can report.",
);

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "heartbeat",
    summary: "A job that reports by `POST /api/v1/heartbeat/{service}/{probe}`, with `?status=fail` if it failed. Good while the last report is recent enough; its latency is the report's age. A reported failure counts even if a success follows before the next attempt.",
    keys: KEYS,
    example: "{ every: 1h, grace: 10m }",
    measures: Measures {
        duration: DurationOf::Age,
        measurements: &[],
        code: None,
    },
    read: |section| {
        let pace = pace(section);
        let grace = section.get(&GRACE);
        let token = section.secret(&TOKEN);
        let acceptable = is_acceptable(section, token.as_ref());
        let due = Due {
            pace: pace?,
            grace: grace?,
        };
        acceptable.then(|| Arc::new(HeartbeatProbe::new(Terms { due, token })) as Arc<dyn Probe>)
    },
};

fn pace(section: &Section<'_>) -> Option<Pace> {
    let (every, zone) = (section.get(&EVERY_RANGE), section.get(&TIMEZONE));
    match (section.has(&EVERY_RANGE), section.has(&SCHEDULE)) {
        (true, true) => {
            let message = "`every` and `schedule` are mutually exclusive";
            section.error("conflict", &SCHEDULE, message, "remove one of them");
            None
        }
        (false, false) => {
            let message = "`every` or `schedule` is missing";
            let help = "add `every: 1h`, or `schedule: \"0 3 * * *\"` as in the job's crontab";
            let reader = section.reader();
            reader.error("missing-key", section.spot(), message, help);
            None
        }
        (true, false) => every.map(Pace::Every),
        (false, true) => {
            let crons = section.all(&SCHEDULE);
            if crons.is_empty() {
                if section.list(&SCHEDULE).is_empty() {
                    let help = "add a time such as `0 3 * * *`";
                    section.error("empty-list", &SCHEDULE, "`schedule` is empty", help);
                }
                return None;
            }
            Some(Pace::Schedule(Box::new(Schedule::new(crons, zone?))))
        }
    }
}

/// Rejects an empty token. Other invalid tokens are reported where they are read.
fn is_acceptable(section: &Section<'_>, token: Option<&Secret>) -> bool {
    if token.is_some_and(|token| token.reveal().is_empty()) {
        let message = "an empty token is not allowed";
        section.error(
            "invalid-value",
            &TOKEN,
            message,
            "set a token, or remove the key",
        );
        return false;
    }
    token.is_some() || !section.has(&TOKEN)
}

/// The reporting schedule and the token of a job.
#[derive(Debug)]
pub struct Terms {
    due: Due,
    /// The token that the job must send.
    token: Option<Secret>,
}

/// A probe that reads reports from the heartbeat board of its process.
#[derive(Debug)]
pub struct HeartbeatProbe {
    terms: Arc<Terms>,
    /// The board, and the probe's key on it.
    board: OnceLock<(HeartbeatBoard, ProbeKey)>,
}

#[async_trait]
impl Probe for HeartbeatProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let started = attempt.started;
        let state = self.state(attempt.wall);
        let outcome = self.judge(&state);
        attempt
            .trace
            .record(started, "heartbeat", || match &state.last {
                None => "no report was ever received".to_owned(),
                Some(beat) => format!("the last report was received at {}", beat.at.to_utc()),
            });
        outcome
    }

    fn target(&self) -> String {
        format!("reports {}", self.terms.due.words())
    }
}

impl HeartbeatProbe {
    fn new(terms: Terms) -> Self {
        Self {
            terms: Arc::new(terms),
            board: OnceLock::new(),
        }
    }

    /// When its reports are due.
    pub fn due(&self) -> &Due {
        &self.terms.due
    }

    /// Sets the board to read from.
    fn look_at(&self, board: &HeartbeatBoard, key: &ProbeKey) {
        self.board.get_or_init(|| (board.clone(), key.clone()));
    }

    fn state(&self, now: Timestamp) -> HeartbeatState {
        match self.board.get() {
            Some((board, key)) => board.look(key, now),
            None => HeartbeatState::unknown(now),
        }
    }

    /// A reported failure counts at least once, and until the next report. A missing report counts
    /// only if slod accepted reports for long enough: a job cannot report to a daemon that is down.
    fn judge(&self, state: &HeartbeatState) -> Outcome {
        let HeartbeatState { now, since, .. } = *state;
        let age = |since| now.since(since);
        let judged = |verdict, latency, message: String| {
            let mut outcome = Outcome::new(verdict, latency);
            outcome.detail.say(message);
            outcome
        };
        let failed = Verdict::Bad(Cause::JobFailed);
        let due = &self.terms.due;
        let missing = |last: Timestamp| {
            let reference = last.max(since);
            let is_of_break = due.is_overdue(reference, now);
            due.missing_words(if is_of_break { reference } else { last })
        };
        match (&state.last, &state.failures) {
            (_, Some(failures)) => judged(failed, age(failures.last_at), failures.words()),
            (Some(beat), None) if beat.failed => {
                judged(failed, age(beat.at), Failures::new(beat, None).words())
            }
            (Some(beat), None) if !due.is_overdue(beat.at, now) => {
                Outcome::new(Verdict::Good, age(beat.at))
            }
            (last, None) => {
                let (silent_since, silent) = match last {
                    Some(beat) => (beat.at, format!("for {}", seconds(age(beat.at)))),
                    None => (since, "yet".to_owned()),
                };
                let (verdict, when) = if due.is_overdue(since, now) || state.is_given_up {
                    (Verdict::Bad(Cause::Silent), missing(silent_since))
                } else {
                    let from = state.accepts_reports_since();
                    (Verdict::Void(state.void_reason()), format!(" since {from}"))
                };
                let message = format!("no report {silent}; expected {}{when}", due.words());
                judged(verdict, age(silent_since), message)
            }
        }
    }
}

impl HeartbeatState {
    /// Why a missing report does not count yet.
    fn void_reason(&self) -> VoidReason {
        match self.before {
            Break::Network if self.since == self.now => VoidReason::Network,
            _ => VoidReason::Listening,
        }
    }

    /// Describes since when slod has accepted reports.
    fn accepts_reports_since(&self) -> String {
        let Self { now, since, .. } = *self;
        let ago = seconds(now.since(since));
        match self.before {
            Break::Maintenance if since == now => "the end of this maintenance".to_owned(),
            Break::Maintenance => format!("the end of a maintenance, {ago} ago"),
            Break::Suspended => format!("slod could listen again, {ago} ago"),
            Break::Network if since == now => "the return of slod's own network".to_owned(),
            Break::Network => format!("the return of slod's own network, {ago} ago"),
            Break::Start => format!("slod started or was reloaded {ago} ago"),
        }
    }
}

/// A duration in whole seconds.
fn seconds(age: Duration) -> String {
    show_duration(Duration::from_secs(age.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// A report every hour with ten minutes of grace; reports are accepted since the first minute.
    fn judged(now: i64, last: Option<(i64, bool)>) -> Outcome {
        let due = Due {
            pace: Pace::Every(Duration::from_hours(1)),
            grace: Duration::from_mins(10),
        };
        let job = HeartbeatProbe::new(Terms { due, token: None });
        let beat = |(at, failed)| Beat {
            at: Timestamp(at * MINUTE),
            failed,
            message: failed.then(|| "disk full".into()),
        };
        job.judge(&HeartbeatState {
            now: Timestamp(now * MINUTE),
            since: Timestamp(MINUTE),
            before: Break::Start,
            is_given_up: false,
            last: last.map(beat),
            failures: None,
        })
    }

    #[test]
    fn a_report_is_good_until_the_next_one_is_overdue() {
        let verdict = |now| judged(now, Some((100, false))).verdict;
        assert_eq!([100, 160, 170].map(verdict), [Verdict::Good; 3]);
        assert_eq!(verdict(171), Verdict::Bad(Cause::Silent));
        let late = judged(171, Some((100, false)));
        assert_eq!(late.latency, Duration::from_mins(71));
        let message = late.detail.message.expect("why");
        assert_eq!(&*message, "no report for 1h11m; expected every 1h");
    }

    #[test]
    fn a_missing_report_is_described_with_its_time() {
        let due = Due {
            pace: Pace::Schedule(Box::new(Schedule::new(
                vec![cron_times::read("0 10 1 * *").expect("valid")],
                "Europe/Berlin".parse().expect("a zone"),
            ))),
            grace: Duration::from_hours(1),
        };
        let job = HeartbeatProbe::new(Terms { due, token: None });
        let message = |now: &str, last: Option<&str>, since: &str| {
            let at = |text: &str| Timestamp::parse(text).expect("a time");
            let outcome = job.judge(&HeartbeatState {
                now: at(now),
                since: at(since),
                last: last.map(|last| Beat {
                    at: at(last),
                    failed: false,
                    message: None,
                }),
                ..HeartbeatState::default()
            });
            assert_eq!(outcome.verdict, Verdict::Bad(Cause::Silent));
            outcome.detail.message.expect("why").to_string()
        };
        // A job in another time zone reports too early.
        assert_eq!(
            message(
                "2026-11-01T11:00Z",
                Some("2026-11-01T08:04Z"),
                "2026-10-01T00:00Z"
            ),
            "no report for 2h56m; expected at `0 10 1 * *` (Europe/Berlin), due on 2026-11-01 at 10:00"
        );
        assert_eq!(
            message("2026-11-01T11:00Z", None, "2026-10-05T00:00Z"),
            "no report yet; expected at `0 10 1 * *` (Europe/Berlin), due on 2026-11-01 at 10:00"
        );
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
    fn reports_are_not_expected_while_the_daemon_is_down() {
        let listening = Verdict::Void(VoidReason::Listening);
        assert_eq!(judged(71, None).verdict, listening);
        assert_eq!(judged(72, None).verdict, Verdict::Bad(Cause::Silent));
        // The last report is from before the daemon was started.
        let before = judged(60, Some((-100, false)));
        assert_eq!(before.verdict, listening);
        assert_eq!(
            before.detail.message.as_deref(),
            Some(
                "no report for 2h40m; expected every 1h since slod started or was reloaded 59m ago"
            )
        );
        assert_eq!(
            judged(72, Some((-100, false))).verdict,
            Verdict::Bad(Cause::Silent)
        );
        // The clock was set back in the meantime.
        assert_eq!(judged(90, Some((100, false))).verdict, Verdict::Good);
    }
}
