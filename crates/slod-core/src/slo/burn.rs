//! Burn-rate alerts: the tiers as data, and the life of one alert.

use super::budget;
use super::objective::Objective;
use super::series::Counts;
use super::track::Tracker;
use super::window::WindowView;
use crate::outcome::Timestamp;
use crate::units::show_duration;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// Who should look, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Now, at any hour.
    Page,
    /// Today or this week.
    Ticket,
}

/// One tier: it holds while the burn over its long AND its short window is above its factor.
#[derive(Debug, PartialEq)]
pub struct Tier {
    /// 1 is the fastest.
    pub number: u8,
    pub long: Duration,
    /// Records that it is still active.
    pub short: Duration,
    /// Share of the whole window's budget that would be spent within the long window.
    pub share: f64,
    pub urgency: Urgency,
}

/// Source: The Site Reliability Workbook, chapter 5, table 5-8 (30 days), with the fourth tier
/// that Sloth and Pyrra add.
pub const TIERS: [Tier; 4] = [
    Tier {
        number: 1,
        long: Duration::from_secs(HOUR),
        short: Duration::from_secs(5 * MINUTE),
        share: 0.02,
        urgency: Urgency::Page,
    },
    Tier {
        number: 2,
        long: Duration::from_secs(6 * HOUR),
        short: Duration::from_secs(30 * MINUTE),
        share: 0.05,
        urgency: Urgency::Page,
    },
    Tier {
        number: 3,
        long: Duration::from_secs(24 * HOUR),
        short: Duration::from_secs(2 * HOUR),
        share: 0.10,
        urgency: Urgency::Ticket,
    },
    Tier {
        number: 4,
        long: Duration::from_secs(72 * HOUR),
        short: Duration::from_secs(6 * HOUR),
        share: 0.10,
        urgency: Urgency::Ticket,
    },
];

/// Share of a long window that must have been observed for its error ratio alone to say enough.
const MIN_OBSERVED: f64 = 0.5;

/// Something that fires, or did.
#[derive(Clone, Debug, PartialEq)]
pub struct Fired {
    pub tier: &'static Tier,
    pub from: Timestamp,
    /// `None` while it still fires.
    pub to: Option<Timestamp>,
    /// Share of the error budget that was spent when it fired.
    pub spent: Option<f64>,
    /// Whether a faster tier fired before, so that nobody needed this one.
    pub inhibited: bool,
}

/// Whose alert it is.
#[derive(Clone, Debug, PartialEq)]
pub struct FiredFor {
    pub service: Arc<str>,
    pub slo: Arc<str>,
    pub fired: Fired,
}

impl Urgency {
    pub const fn label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }

    /// The label in metrics, as the shipped rules of Prometheus have it.
    pub const fn severity(self) -> &'static str {
        match self {
            Self::Page => "critical",
            Self::Ticket => "warning",
        }
    }
}

impl Tier {
    /// The burn rate it holds above: 14.4, 6, 3 and 1 for a window of 30 days.
    pub fn factor(&self, window: Duration) -> f64 {
        self.share * window.as_secs_f64() / self.long.as_secs_f64()
    }

    /// The error ratio it holds above.
    pub fn threshold(&self, objective: &Objective) -> f64 {
        self.factor(objective.window.length) * (1.0 - objective.target)
    }

    /// `1h/5m`
    pub fn windows(&self) -> String {
        format!("{}/{}", show_duration(self.long), show_duration(self.short))
    }

    /// Whether its long window fits into the objective's.
    pub fn fits(&self, objective: &Objective) -> bool {
        self.long <= objective.window.length
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, tracker: &Tracker, now: Timestamp) -> bool {
        self.holds_by(tracker.objective(), |window| tracker.view(now, window))
    }

    /// Whether the counts of its two windows allow it to hold. Takes less time than to see whether
    /// it does.
    pub fn can_hold(&self, objective: &Objective, counts: impl Fn(Duration) -> Counts) -> bool {
        let limit = self.threshold(objective);
        let above = |counts| budget::sli(counts).is_some_and(|sli| 1.0 - sli > limit);
        let long = counts(self.long);
        long.bad > u64::from(objective.budgeting.parts())
            && above(long)
            && above(counts(self.short))
    }

    /// Whether it holds by what its two windows are.
    pub fn holds_by(&self, objective: &Objective, view: impl Fn(Duration) -> WindowView) -> bool {
        if !self.fits(objective) {
            return false;
        }
        let limit = self.threshold(objective);
        let above = |view: &WindowView| view.sli.is_some_and(|sli| 1.0 - sli > limit);
        let long = view(self.long);
        // One single bad event in the long window is no incident.
        long.bad > u64::from(objective.budgeting.parts())
            && above(&long)
            && is_conclusive(&long, limit)
            && above(&view(self.short))
    }
}

/// Whether a long window with an error ratio above the limit says enough: it was observed for long
/// enough, or it is above the limit whatever happens in the rest of it. Else the first two failures
/// of a new service, or of one after its maintenance, would be above every limit.
fn is_conclusive(long: &WindowView, limit: f64) -> bool {
    let observed = (long.good + long.bad) as f64;
    observed >= MIN_OBSERVED * long.nominal || long.bad as f64 > limit * long.nominal
}

/// One alert of one tier of one objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alert {
    #[default]
    Inactive,
    Firing {
        since: Timestamp,
        /// When the tier held last.
        held: Timestamp,
    },
}

/// What a moment changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Fired,
    /// It was over at this time.
    Resolved(Timestamp),
}

impl Alert {
    /// Takes whether the tier holds now. It fires at once, and goes on for the tier's short window
    /// after it held last, so that sparse failures are one alert and not many.
    pub fn step(&mut self, tier: &Tier, holds: bool, now: Timestamp) -> Option<Change> {
        match (*self, holds) {
            (Self::Inactive, true) => {
                let (since, held) = (now, now);
                *self = Self::Firing { since, held };
                Some(Change::Fired)
            }
            (Self::Firing { since, .. }, true) => {
                *self = Self::Firing { since, held: now };
                None
            }
            (Self::Firing { held, .. }, false) if held.after(tier.short) <= now => {
                *self = Self::Inactive;
                Some(Change::Resolved(held.after(tier.short)))
            }
            _ => None,
        }
    }

    /// When it began, while it fires.
    pub const fn since(self) -> Option<Timestamp> {
        match self {
            Self::Inactive => None,
            Self::Firing { since, .. } => Some(since),
        }
    }

    pub const fn is_firing(self) -> bool {
        matches!(self, Self::Firing { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, Event, Verdict};
    use crate::slo::correction::Spans;
    use crate::slo::{BudgetingMethod, Combine, ContributingProbe, NoDataPolicy, Sli, Window};

    const MONTH: Duration = Duration::from_secs(30 * 24 * HOUR);

    fn objective(target: f64) -> Objective {
        Objective {
            name: "errors".into(),
            sli: Sli::Success,
            target,
            window: Window::rolling(MONTH),
            further: vec![],
            budgeting: BudgetingMethod::Occurrences,
            missing: NoDataPolicy::Exclude,
            combine: Combine::Pooled,
            probes: vec![],
        }
    }

    fn tracker(interval: Duration) -> Tracker {
        let contributing = vec![ContributingProbe::every(interval)];
        Tracker::new(Arc::new(objective(0.999)), contributing)
    }

    fn record(tracker: &mut Tracker, at: Timestamp, verdict: Verdict, interval: Duration) {
        let latency = Duration::ZERO;
        let event = Event {
            at,
            interval,
            verdict,
            latency,
        };
        tracker.record(0, &event);
    }

    #[test]
    fn factors_and_times_of_the_workbook() {
        let factors = TIERS.each_ref().map(|tier| tier.factor(MONTH));
        for (factor, known) in factors.into_iter().zip([14.4, 6.0, 3.0, 1.0]) {
            assert!((factor - known).abs() < 1e-9);
        }
        // With continuous events, a clean past and this error ratio, the long window is above its
        // limit after so many seconds.
        let after = |ratio: f64| {
            TIERS
                .each_ref()
                .map(|tier| tier.threshold(&objective(0.999)) * tier.long.as_secs_f64() / ratio)
        };
        let known = [
            (1.0, [51.84, 129.6, 259.2, 259.2]),
            (0.02, [2592.0, 6480.0, 12_960.0, 12_960.0]),
        ];
        for (ratio, seconds) in known {
            for (reported, known) in after(ratio).into_iter().zip(seconds) {
                assert!((reported - known).abs() < 1e-6, "{reported} for {known}");
            }
        }
        // At exactly the promised ratio, the slowest tier would need its whole window, and then
        // it is not *above* its limit.
        assert!((after(0.001)[3] - TIERS[3].long.as_secs_f64()).abs() < 1e-6);
    }

    /// Probes every 10 s: when tier 1 holds, as seconds since the start, `[from, to)` each.
    fn held(hours: i64, fails: impl Fn(i64) -> bool) -> Vec<(i64, i64)> {
        let interval = Duration::from_secs(10);
        let mut tracker = tracker(interval);
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for second in (0..hours * 3600).step_by(10) {
            let verdict = if fails(second) {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            };
            let now = Timestamp::from_secs(second);
            record(&mut tracker, now, verdict, interval);
            if TIERS[0].holds(&tracker, now) {
                match spans.last_mut() {
                    Some((_, to)) if *to == second => *to = second + 10,
                    _ => spans.push((second, second + 10)),
                }
            }
        }
        spans
    }

    #[test]
    fn five_minutes_of_outage_hold_tier_1_from_60_to_600_seconds() {
        // The outage begins after a good attempt, so the first bad one is at 10 s.
        let begin = 72 * 3600;
        let spans = held(75, |second| (begin + 10..=begin + 300).contains(&second));
        assert_eq!(spans, [(begin + 60, begin + 600)]);
    }

    #[test]
    fn one_single_failure_holds_nothing() {
        assert_eq!(held(2, |second| second == 10), []);
        let slow = Duration::from_secs(300);
        let mut tracker = tracker(slow);
        for second in (0..4 * 3600).step_by(300) {
            let verdict = if second == 7200 {
                Verdict::Bad(Cause::Status)
            } else {
                Verdict::Good
            };
            let now = Timestamp::from_secs(second);
            record(&mut tracker, now, verdict, slow);
            assert!(TIERS.iter().all(|tier| !tier.holds(&tracker, now)));
        }
    }

    #[test]
    fn the_first_failures_after_maintenance_are_no_incident() {
        let interval = Duration::from_secs(10);
        let hour = Timestamp::from_secs(3600);
        let maintenance = Spans::new([(hour, Timestamp::from_secs(2 * 3600))]);
        let mut tracker = tracker(interval).with_corrected(Arc::new(maintenance));
        let mut held = None;
        for second in (0..=7200 + 50).step_by(10) {
            let verdict = if second < 7200 {
                Verdict::Good
            } else {
                Verdict::Bad(Cause::Status)
            };
            let now = Timestamp::from_secs(second);
            record(&mut tracker, now, verdict, interval);
            held = held.or(TIERS[0].holds(&tracker, now).then_some(second - 7200));
        }
        assert_eq!(held, Some(50), "6 of 360, as at any other time");
    }

    #[test]
    fn half_a_window_reports_enough() {
        let interval = Duration::from_secs(10);
        let limit = TIERS[0].threshold(&objective(0.999));
        let view = |events: u64, bad| {
            let nominal = 3600.0 / interval.as_secs_f64();
            WindowView {
                good: events - bad,
                bad,
                nominal,
                ..WindowView::default()
            }
        };
        assert!(!is_conclusive(&view(179, 5), limit));
        assert!(is_conclusive(&view(180, 5), limit));
        assert!(is_conclusive(&view(6, 6), limit));
    }

    #[test]
    fn sparse_failures_are_one_alert() {
        let spans = held(6, |second| second % 500 == 0);
        assert!(spans.len() > 10, "between two failures it does not hold");
        let mut alert = Alert::default();
        let mut changes = Vec::new();
        for second in (0..6 * 3600).step_by(10) {
            let holds = spans
                .iter()
                .any(|(from, to)| (*from..*to).contains(&second));
            changes.extend(alert.step(&TIERS[0], holds, Timestamp::from_secs(second)));
        }
        assert_eq!(changes, [Change::Fired]);
        let end = Timestamp::from_secs(spans[spans.len() - 1].1 - 10);
        let last = alert.step(&TIERS[0], false, end.after(TIERS[0].short));
        assert_eq!(last, Some(Change::Resolved(end.after(TIERS[0].short))));
    }
}
