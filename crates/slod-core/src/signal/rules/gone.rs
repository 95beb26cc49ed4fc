//! Processes that ran and are gone.

use super::Answer;
use crate::outcome::Timestamp;
use crate::signal::Presence;
use crate::units::show_duration;
use std::time::Duration;

/// How long processes may be absent after a deployment began.
const DEPLOYMENT: Duration = Duration::from_mins(10);

/// When the processes of a group ran.
#[derive(Clone, Copy, Debug, Default)]
pub struct Running {
    /// The last sample, and the number of processes in it.
    last: Option<(Timestamp, f64)>,
    /// The last sample with a process.
    seen: Option<Timestamp>,
    /// The first of the latest samples that have none.
    gone: Option<Timestamp>,
    /// The end of the previous absence, and its length.
    returned: Option<(Timestamp, Duration)>,
    deployed: Option<Timestamp>,
}

impl Running {
    /// Takes the number of processes in a sample. A sample without it is ignored.
    pub fn take(&mut self, at: Timestamp, count: Option<f64>) {
        let Some(count) = count else { return };
        self.last = Some((at, count));
        if count > 0.0 {
            self.seen = Some(at);
            if let Some(gone) = self.gone.take() {
                self.returned = Some((at, at.since(gone)));
            }
        } else {
            self.gone.get_or_insert(at);
        }
    }

    /// Takes a time at which a process was seen before the samples.
    pub fn seen_at(&mut self, at: Timestamp) {
        self.seen = self.seen.max(Some(at));
    }

    pub const fn deployed(&mut self, at: Timestamp) {
        self.deployed = Some(at);
    }

    /// Whether there were no samples in the last `time` before `now`.
    pub fn is_silent(&self, now: Timestamp, time: Duration) -> bool {
        self.last.is_none_or(|(at, _)| at < now.before(time))
    }

    /// The length of an absence that ended within the last `time` before the last sample.
    pub fn returned_within(&self, time: Duration) -> Option<Duration> {
        let (last, _) = self.last?;
        let (at, absence) = self.returned?;
        (at >= last.before(time)).then_some(absence)
    }
}

/// Whether processes ran and none has been running for `least`. A deployment or maintenance explains it.
pub fn process_gone(running: &Running, least: Duration, is_maintained: bool) -> Answer {
    let Some((at, count)) = running.last else {
        let evidence = "it is unknown whether processes are running".to_owned();
        return (Presence::Unknown, evidence);
    };
    let Some(gone) = running.gone else {
        return (Presence::Clear, format!("{count:.0} running"));
    };
    let Some(seen) = running.seen else {
        let evidence = "no matching process has been seen yet".to_owned();
        return (Presence::Unknown, evidence);
    };
    let ago = show_duration(at.since(seen));
    let evidence = format!("no matching process is running; the last one was seen {ago} ago");
    let is_deployed = running
        .deployed
        .is_some_and(|deployed| at < deployed.after(DEPLOYMENT));
    if at.since(gone) < least {
        (Presence::Clear, evidence)
    } else if is_maintained {
        (Presence::Clear, format!("{evidence}; in maintenance"))
    } else if is_deployed {
        (
            Presence::Clear,
            format!("{evidence}; a deployment explains it"),
        )
    } else {
        (Presence::Active, evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// Samples every ten seconds with these numbers of processes.
    fn sampled(counts: &[u32]) -> Running {
        let mut running = Running::default();
        for (second, count) in (0..).step_by(10).zip(counts) {
            running.take(Timestamp::from_secs(second), Some(f64::from(*count)));
        }
        running
    }

    fn judged(running: &Running) -> Presence {
        process_gone(running, MINUTE, false).0
    }

    #[test]
    fn processes_are_gone_once_none_ran_for_some_time() {
        let (presence, evidence) = process_gone(&sampled(&[2, 0, 0, 0, 0, 0, 0, 0]), MINUTE, false);
        assert_eq!(presence, Presence::Active);
        assert_eq!(
            evidence,
            "no matching process is running; the last one was seen 1m10s ago"
        );
        assert_eq!(judged(&sampled(&[2, 0, 0, 0, 0, 0, 0])), Presence::Clear);
        let one = process_gone(&sampled(&[2, 0, 0, 0, 0, 0, 0, 0, 1]), MINUTE, false);
        assert_eq!(one, (Presence::Clear, "1 running".to_owned()));
        let restarts = sampled(&[2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(judged(&restarts), Presence::Clear, "each is short");
    }

    #[test]
    fn one_sample_is_not_enough_however_long_its_interval_is() {
        let mut running = sampled(&[1]);
        running.take(Timestamp::from_secs(300), Some(0.0));
        assert_eq!(judged(&running), Presence::Clear);
        running.take(Timestamp::from_secs(600), Some(0.0));
        assert_eq!(judged(&running), Presence::Active);
    }

    #[test]
    fn processes_that_never_ran_are_unknown() {
        assert_eq!(judged(&Running::default()), Presence::Unknown);
        let mut running = sampled(&[0; 20]);
        assert_eq!(judged(&running), Presence::Unknown);
        running.seen_at(Timestamp::from_secs(-86_400));
        let (presence, evidence) = process_gone(&running, MINUTE, false);
        assert_eq!(presence, Presence::Active);
        assert!(evidence.ends_with("was seen 1d3m10s ago"), "{evidence}");
    }

    #[test]
    fn a_deployment_and_maintenance_explain_an_absence() {
        let mut running = sampled(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(process_gone(&running, MINUTE, true).0, Presence::Clear);
        running.deployed(Timestamp::from_secs(5));
        assert_eq!(judged(&running), Presence::Clear);
        running.take(Timestamp::from_secs(604), Some(0.0));
        assert_eq!(judged(&running), Presence::Clear);
        running.take(Timestamp::from_secs(605), Some(0.0));
        assert_eq!(judged(&running), Presence::Active, "not for longer");
    }

    #[test]
    fn the_last_absence_is_remembered() {
        let mut running = sampled(&[1, 0, 0, 0, 1]);
        let within = |running: &Running| running.returned_within(MINUTE);
        assert_eq!(within(&running), Some(Duration::from_secs(30)));
        running.take(Timestamp::from_secs(100), Some(1.0));
        assert!(within(&running).is_some());
        running.take(Timestamp::from_secs(110), Some(1.0));
        assert_eq!(within(&running), None);
        let now = Timestamp::from_secs(200);
        assert!(running.is_silent(now, MINUTE) && !running.is_silent(now, MINUTE * 2));
    }
}
