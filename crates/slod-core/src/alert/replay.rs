//! Replays past outcomes to find which burn-rate alerts would have fired.

use super::condition::{AlertPolicy, met};
use super::gaps::Gaps;
use super::objective::ObjectiveAlerts;
use super::timeline::AlertTimeline;
use super::tracked::Tracked;
use crate::outcome::{Event, Timestamp};
use crate::slo::absence::Presence;
use crate::slo::correction::Spans;
use crate::slo::{
    ContributingProbe, HourCounts, NoDataPolicy, Objective, Tally, TallyKey, Tracker,
};
use std::sync::Arc;
use std::time::Duration;

/// How often alerts are evaluated: the resolution of the shortest windows.
pub(super) const STEP_MS: i64 = 10_000;

/// The evaluation interval while nothing but an exhausted budget fires, which lasts for days.
const SLOW_STEP_MS: i64 = 300_000;

/// The past of one objective, fed outcome by outcome in ascending order of time.
#[derive(Debug)]
pub struct Replay {
    service: Arc<str>,
    tracker: Tracker,
    policy: AlertPolicy,
    alerts: ObjectiveAlerts,
    gaps: Gaps,
    fired: Vec<AlertTimeline>,
    /// The positions of the firing alerts in `fired`.
    firing: Vec<usize>,
    /// When alerts were last evaluated.
    evaluated: Option<Timestamp>,
    /// When alerts are evaluated next.
    next: Timestamp,
    /// The newest failure. If none is in the longest window, no condition can be met.
    last_bad: Option<Timestamp>,
}

impl Replay {
    /// Alerts are evaluated from `from` on. Outcomes may begin earlier to fill the windows.
    pub fn new(
        service: Arc<str>,
        objective: Arc<Objective>,
        contributing: Vec<ContributingProbe>,
        corrected: Spans,
        from: Timestamp,
    ) -> Self {
        let tracker = Tracker::new(objective, contributing);
        let tracker = tracker.with_sums().with_corrected(Arc::new(corrected));
        Self {
            service,
            tracker,
            policy: AlertPolicy::default(),
            alerts: ObjectiveAlerts::default(),
            gaps: Gaps::default(),
            fired: Vec::new(),
            firing: Vec::new(),
            evaluated: None,
            next: from,
            last_bad: None,
        }
    }

    /// Replaces the default conditions.
    #[must_use]
    pub fn with_policy(self, policy: AlertPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the times in which slod did not evaluate alerts.
    #[must_use]
    pub fn with_gaps(self, gaps: &Spans) -> Self {
        let gaps = Gaps::new(gaps, self.next);
        Self { gaps, ..self }
    }

    /// See [`Tracker::watched_by`]. Must be called before anything is recorded.
    pub fn watched_by(&mut self, probes: &[Presence]) {
        self.tracker.watched_by(probes);
    }

    /// The counting rules that stored hourly tallies must match. `None` if tallies cannot be used because
    /// missing outcomes count, too.
    pub fn tally_key(&self) -> Option<TallyKey> {
        let reported = self.tracker.missing().is_none();
        reported.then(|| self.tracker.tally_key())
    }

    /// Records one outcome of a contributing probe, given the probe's position.
    pub fn record(&mut self, probe: usize, event: Event) {
        let tally = self.tracker.objective().sli.tally(&event);
        self.add(probe, event.at, tally);
    }

    /// Adds the counts up to a time, of the probe at this position or of real traffic.
    pub fn add(&mut self, probe: usize, at: Timestamp, tally: Option<Tally>) {
        self.advance(at);
        self.tracker.add(probe, at, tally);
        if tally.is_some_and(|tally| tally.bad > 0) {
            self.last_bad = self.last_bad.max(Some(at));
            self.end_slow_step(at);
        }
    }

    /// Adds an hour by the counts of each probe with outcomes in it, if they suffice. Only valid for hours
    /// without a failure that also have no failure within [`Replay::BEFORE`] after them or
    /// [`Replay::after`] before them: no alert depends on the individual outcomes of such hours.
    pub fn quiet_hour(&mut self, hour: Timestamp, counts: &HourCounts) {
        self.advance(hour);
        if let Some(tally) = counts.together(self.tracker.objective().budgeting) {
            self.tracker.restore_hour(hour, tally);
        }
    }

    /// Whether the counts of an hour suffice and contain no bad event.
    pub fn is_quiet(&self, counts: &HourCounts) -> bool {
        let tally = counts.together(self.tracker.objective().budgeting);
        tally.is_some_and(|tally| tally.bad == 0)
    }

    /// How long before a failure the finer windows must know every outcome.
    pub const BEFORE: Duration = Duration::from_hours(25);
    /// How long a failure stays in the short windows or keeps an alert firing.
    pub fn after(policy: &AlertPolicy) -> Duration {
        let shortest = Duration::from_hours(6);
        let short = policy.tiers().map(|tier| tier.short.length()).max();
        2 * short.unwrap_or_default().max(shortest) + Duration::from_hours(1)
    }

    /// Evaluates the alerts up to a moment, exclusive, because outcomes of that moment come first.
    pub fn advance(&mut self, to: Timestamp) {
        while self.next < to {
            let now = self.next;
            if let Some(last_met) = self.gaps.ended(now) {
                self.alerts.resume_after_gap(last_met);
            }
            if let Some((from, end)) = self.gaps.around(now) {
                if self.evaluated != Some(from) {
                    self.evaluate(from);
                }
                self.next = end;
                continue;
            }
            let is_recent = self
                .last_bad
                .is_some_and(|at| at.after(self.policy.longest()) > now);
            let is_missing_bad = self.tracker.objective().missing == NoDataPolicy::Bad;
            let is_awake = is_recent || is_missing_bad || self.burns();
            if !is_awake && self.alerts.is_inactive() {
                // No condition can be met before the next outcome.
                let steps = (to.0 - now.0 + STEP_MS - 1) / STEP_MS;
                self.next = Timestamp(now.0 + steps * STEP_MS);
                return;
            }
            self.evaluate(now);
            let step = if is_awake { STEP_MS } else { SLOW_STEP_MS };
            self.next = Timestamp(now.0 + step);
        }
    }

    /// Makes the first regular step from `at` on the next one.
    fn end_slow_step(&mut self, at: Timestamp) {
        if let Some(last) = self.evaluated {
            let steps = (at.0 - last.0 + STEP_MS - 1) / STEP_MS;
            self.next = self.next.min(Timestamp(last.0 + steps * STEP_MS));
        }
    }

    /// Whether a burn-rate alert fires.
    fn burns(&self) -> bool {
        self.alerts.firing().any(|one| one.key.tier().is_some())
    }

    /// All alerts that fired, in ascending order of time, considering this objective alone.
    pub fn finish(mut self, end: Timestamp) -> Vec<AlertTimeline> {
        self.advance(end.after(Duration::from_millis(1)));
        self.fired
    }

    fn evaluate(&mut self, now: Timestamp) {
        self.evaluated = Some(now);
        self.tracker.close_slices(now);
        let burning = Tracked {
            service: &self.service,
            tracker: &self.tracker,
            now,
        };
        let met = met(&self.policy, &burning, now, true);
        let mut changes = Vec::new();
        let policy = &self.policy;
        self.alerts.step(policy, met, &burning, now, &mut changes);
        for change in changes {
            let fired = &mut self.fired;
            let same = |place: &usize| fired[*place].alert.is_same(&change);
            if let Some(known) = self.firing.iter().position(same) {
                fired[self.firing.swap_remove(known)].end(change);
            } else {
                self.firing.push(fired.len());
                fired.push(AlertTimeline::new(change));
            }
        }
        for firing in self.alerts.firing_mut() {
            let mut places = self.firing.iter();
            let same = |place: &&usize| self.fired[**place].alert.is_same(firing.alert);
            if let Some(place) = places.find(same) {
                self.fired[*place].take(&firing, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{AlertRecord, Condition, TIERS, Urgency};
    use crate::outcome::Measurements;
    use crate::outcome::{Cause, Verdict};

    const HOUR: i64 = 3600;

    fn reported(
        fails: impl Fn(i64) -> bool,
        from: i64,
        end: i64,
    ) -> Vec<(u8, i64, Option<i64>, bool)> {
        replayed(AlertPolicy::default(), fails, from, end)
    }

    fn replayed(
        policy: AlertPolicy,
        fails: impl Fn(i64) -> bool,
        from: i64,
        end: i64,
    ) -> Vec<(u8, i64, Option<i64>, bool)> {
        let interval = Duration::from_secs(10);
        let objective = Objective::of_successes("errors");
        let start = Timestamp::from_secs(from);
        let mut replay = Replay::new(
            "web".into(),
            Arc::new(objective),
            vec![ContributingProbe::every(interval)],
            Spans::default(),
            start,
        )
        .with_policy(policy);
        for second in (0..end).step_by(10) {
            let verdict = if fails(second) {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            };
            let event = Event {
                at: Timestamp::from_secs(second),
                interval,
                verdict,
                latency: Duration::ZERO,
                measured: Measurements::default(),
            };
            replay.record(0, event);
        }
        let fired = replay.finish(Timestamp::from_secs(end));
        let seconds = |at: Timestamp| at.0 / 1000;
        let row = |alert: &AlertRecord| {
            let (from, to) = (seconds(alert.from), alert.to.map(seconds));
            let tier = alert.key.condition().and_then(Condition::tier);
            (
                tier.map_or(0, |tier| tier.number),
                from,
                to,
                alert.is_inhibited(),
            )
        };
        fired.iter().map(|fired| row(&fired.alert)).collect()
    }

    #[test]
    fn an_outage_fires_every_tier_once_and_the_faster_inhibits_the_slower() {
        let begin = 72 * HOUR;
        let fails = |second| (begin + 10..=begin + 300).contains(&second);
        // Tier 2 needs 13 failures, tiers 3 and 4 need 26. Each condition holds until its short window has
        // too few (tier 1: none, tier 2: one), and the alert fires for as long again.
        let fired = reported(fails, 0, begin + 20 * HOUR);
        assert_eq!(fired[0], (1, begin + 60, Some(begin + 590 + 300), false));
        assert_eq!(fired[1], (2, begin + 130, Some(begin + 2080 + 1800), true));
        assert_eq!((fired[2].0, fired[2].1, fired[2].3), (3, begin + 260, true));
        assert_eq!((fired[3].0, fired[3].1, fired[3].3), (4, begin + 260, true));
        assert_eq!(fired.len(), 4);
        assert!(fired.iter().all(|fired| fired.2.is_some()));
    }

    /// A ticket from a fast tier, a page from a slower one, and still slower conditions.
    fn interleaved() -> AlertPolicy {
        let mut tiers = TIERS;
        tiers[0].urgency = Urgency::Ticket;
        let forecast = Condition::Forecast(Duration::from_hours(90 * 24));
        AlertPolicy::new(tiers.map(Condition::Tier).into_iter().chain([forecast]))
    }

    #[test]
    fn a_ticket_inhibits_no_page() {
        let begin = 72 * HOUR;
        let outage = |second| (begin..begin + 900).contains(&second);
        let mut fired = replayed(interleaved(), outage, 0, begin + HOUR);
        fired.sort_unstable();
        let fired: Vec<_> = fired.iter().map(|one| (one.0, one.3)).collect();
        // The ticket of tier 1 comes first; the page of tier 2 is sent nevertheless.
        assert_eq!(
            fired,
            [(0, true), (1, false), (2, false), (3, true), (4, true)]
        );
    }

    #[test]
    fn an_earlier_alert_is_reported_only_if_it_fires_again() {
        let begin = 72 * HOUR;
        let fails = |second| (begin..begin + 300).contains(&second);
        assert_eq!(reported(fails, begin + 80 * HOUR, begin + 90 * HOUR), []);
        // At the first evaluation, every condition that is met begins to fire.
        let fired = reported(fails, begin + 120, begin + HOUR);
        assert_eq!(fired[0].1, begin + 120);
    }

    #[test]
    fn a_firing_alert_at_the_end_stays_open() {
        let fired = reported(|second| second >= 10 * HOUR, 0, 11 * HOUR);
        assert!(fired.iter().all(|fired| fired.2.is_none()));
        assert_eq!(fired.len(), 4);
    }

    #[test]
    fn a_budget_stays_exhausted_until_the_failures_leave_its_window() {
        let policy = AlertPolicy::new([Condition::Exhausted]);
        // A month's budget is 43.2 minutes.
        let (begin, day) = (72 * HOUR, 24 * HOUR);
        let fails = |second| (begin..begin + HOUR).contains(&second);
        let fired = replayed(policy, fails, 0, 35 * day);
        let [(0, from, Some(to), false)] = fired[..] else {
            panic!("{fired:?}")
        };
        assert!((begin + 2500..begin + 2700).contains(&from), "{from}");
        assert!(
            to > begin + 30 * day && to < begin + 30 * day + 2 * HOUR,
            "{to}"
        );
    }

    #[test]
    fn an_outage_is_found_as_soon_while_the_budget_is_exhausted() {
        let policy = AlertPolicy::new([Condition::Tier(TIERS[0]), Condition::Exhausted]);
        let begin = 72 * HOUR;
        // Five days later only the exhausted budget still fires.
        let again = begin + 5 * 24 * HOUR + 70;
        let outages = [begin..begin + HOUR, again..again + 600];
        let fails = |second| outages.iter().any(|outage| outage.contains(&second));
        let fired = replayed(policy, fails, 0, again + HOUR);
        let pages: Vec<_> = fired.iter().filter(|one| one.0 == 1).collect();
        let from: Vec<_> = pages.iter().map(|one| one.1).collect();
        // Tier 1 needs six failures.
        assert_eq!(from, [begin + 50, again + 50], "{fired:?}");
    }

    #[test]
    fn a_forecast_must_persist_and_ends_with_the_burn() {
        let within = Duration::from_hours(3 * 24);
        let policy = AlertPolicy::new([Condition::Forecast(within)]);
        // 1% of attempts fail: the budget is spent after three days.
        let fails = |second| second % 1000 == 0;
        let fired = replayed(policy, fails, 0, 48 * HOUR);
        assert_eq!(fired.len(), 1, "{fired:?}");
        let (_, from, to, _) = fired[0];
        assert!(
            from >= 12 * HOUR && to.is_none(),
            "a quarter was spent before: {fired:?}"
        );
    }
}
