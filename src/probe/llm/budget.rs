//! A daily budget of tokens and cost: the amount spent is known before each attempt, and an attempt
//! that could exceed the budget is not made.

use crate::outcome::{Figure, Measurement, Outcome, Record, Timestamp, Verdict, VoidReason};
use crate::units::Tz;
use chrono::NaiveDate;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

/// The limits per day.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub tokens: Option<u64>,
    pub cost: Option<f64>,
    pub price: Price,
    /// The time zone of the days.
    pub zone: Tz,
}

/// Prices per million tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Price {
    pub input: f64,
    pub output: f64,
}

/// Token counts of one attempt or one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
}

/// What a probe has spent, shared across reloads.
#[derive(Clone, Debug, Default)]
pub struct Spending(Arc<Mutex<Spent>>);

#[derive(Debug, Default)]
struct Spent {
    day: Option<NaiveDate>,
    tokens: Tokens,
    /// The longest prompt that the provider has counted, in tokens.
    longest_input: Option<u64>,
}

/// The tokens reserved for an attempt until its actual usage is known. If the attempt is canceled,
/// they count as spent.
#[derive(Debug)]
pub struct Reservation {
    day: NaiveDate,
    tokens: Tokens,
}

impl Tokens {
    fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            output: self.output.saturating_sub(other.output),
        }
    }

    fn sum(self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Budget {
    fn day(&self, at: Timestamp) -> NaiveDate {
        at.to_utc().with_timezone(&self.zone).date_naive()
    }

    fn cost(&self, tokens: Tokens) -> f64 {
        const MILLION: f64 = 1e6;
        (tokens.input as f64 * self.price.input + tokens.output as f64 * self.price.output)
            / MILLION
    }

    /// The limit that the tokens exceed, if any.
    fn exceeded_by(&self, tokens: Tokens) -> Option<String> {
        let many = self.tokens.filter(|most| tokens.sum() > *most);
        let dear = self.cost.filter(|most| self.cost(tokens) > *most);
        match (many, dear) {
            (Some(most), _) => Some(format!("{most} tokens")),
            (None, Some(most)) => Some(format!("a cost of {most}")),
            (None, None) => None,
        }
    }

    /// Whether the budget is too small for a single attempt.
    pub fn is_below(&self, worst: Tokens) -> bool {
        self.exceeded_by(worst).is_some()
    }

    /// Reserves the most tokens that an attempt can use, or returns why it must not be made. `worst`
    /// is the maximum if the provider has not yet counted its prompt.
    pub fn reserve(
        &self,
        spending: &Spending,
        at: Timestamp,
        worst: Tokens,
    ) -> Result<Reservation, String> {
        let day = self.day(at);
        let mut spent = spending.of_day(day);
        let tokens = Tokens {
            input: spent.longest_input.unwrap_or(worst.input),
            ..worst
        };
        let total = spent.tokens.plus(tokens);
        if let Some(limit) = self.exceeded_by(total) {
            let used = spent.tokens.sum();
            return Err(format!(
                "the budget of {limit} a day is too small for another attempt: {used} tokens were used, and an attempt takes up to {}; probing continues tomorrow ({})",
                tokens.sum(),
                self.zone
            ));
        }
        spent.tokens = total;
        Ok(Reservation { day, tokens })
    }

    /// Adds what was spent before this process, from outcomes in chronological order up to `now`.
    pub fn recall(&self, spending: &Spending, outcomes: &[Record], now: Timestamp, worst: Tokens) {
        let day = self.day(now);
        let mut spent = spending.of_day(day);
        for record in outcomes {
            spent.note_input(&record.outcome);
        }
        let worst = Tokens {
            input: spent.longest_input.unwrap_or(worst.input),
            ..worst
        };
        let today = outcomes.iter().filter(|record| self.day(record.at) == day);
        for record in today {
            spent.tokens = spent.tokens.plus(charged(&record.outcome, worst));
        }
    }
}

/// The usage of an attempt, as counted by the provider. A count that is missing is zero if the provider
/// refused or never received the request, and the maximum if it may have answered.
fn charged(outcome: &Outcome, worst: Tokens) -> Tokens {
    let figure = |one| outcome.figures.get(one).map(u64::from);
    let (input, output) = (figure(Figure::InputTokens), figure(Figure::OutputTokens));
    if input.is_some() || output.is_some() {
        return Tokens {
            input: input.unwrap_or(worst.input),
            output: output.unwrap_or(worst.output),
        };
    }
    let was_sent = outcome.measured.get(Measurement::Processing).is_some();
    let was_refused = outcome.code.is_some_and(|code| !(200..300).contains(&code));
    // After a stall, the service may have answered, as after any other timeout.
    let is_void = matches!(outcome.verdict, Verdict::Void(why) if why != VoidReason::Stalled);
    if !was_sent || was_refused || is_void {
        return Tokens::default();
    }
    worst
}

impl Spending {
    /// Replaces the reserved tokens with the actual usage.
    pub fn settle(&self, reserved: &Reservation, outcome: &Outcome) {
        let mut spent = self.0.lock();
        spent.note_input(outcome);
        if spent.day == Some(reserved.day) {
            let actual = charged(outcome, reserved.tokens);
            spent.tokens = spent.tokens.minus(reserved.tokens).plus(actual);
        }
    }

    fn of_day(&self, day: NaiveDate) -> MutexGuard<'_, Spent> {
        let mut spent = self.0.lock();
        if spent.day != Some(day) {
            spent.day = Some(day);
            spent.tokens = Tokens::default();
        }
        spent
    }
}

impl Spent {
    fn note_input(&mut self, outcome: &Outcome) {
        let input = outcome.figures.get(Figure::InputTokens).map(u64::from);
        self.longest_input = self.longest_input.max(input);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Cause, ProbeKey};
    use std::time::Duration;

    const NOON: Timestamp = Timestamp::from_secs(1_800_014_400);
    const DAY: Duration = Duration::from_hours(24);
    const WORST: Tokens = Tokens {
        input: 100,
        output: 50,
    };

    fn budget(tokens: Option<u64>, cost: Option<f64>) -> Budget {
        Budget {
            tokens,
            cost,
            price: Price {
                input: 1.0,
                output: 4.0,
            },
            zone: Tz::UTC,
        }
    }

    fn outcome(tokens: Option<(u32, u32)>, code: Option<u32>) -> Outcome {
        let mut outcome = Outcome::new(Verdict::Good, Duration::ZERO);
        outcome
            .measured
            .add(Measurement::Processing, Duration::ZERO);
        outcome.code = code;
        if let Some((input, output)) = tokens {
            outcome.figures.set(Figure::InputTokens, input);
            outcome.figures.set(Figure::OutputTokens, output);
        }
        outcome
    }

    /// The number of attempts with these tokens that can be made on one day.
    fn attempts(budget: Budget, spending: &Spending, at: Timestamp, tokens: (u32, u32)) -> usize {
        let made = std::iter::from_fn(|| {
            let reserved = budget.reserve(spending, at, WORST).ok()?;
            let outcome = outcome(Some(tokens), Some(200));
            spending.settle(&reserved, &outcome);
            Some(())
        });
        made.take(1000).count()
    }

    #[test]
    fn the_budget_is_never_exceeded_and_resets_daily() {
        let (budget, spending) = (budget(Some(1000), None), Spending::default());
        // Ten attempts of 60 tokens are 600; up to 70 are reserved for each, since the provider
        // counted 20 prompt tokens.
        assert_eq!(attempts(budget, &spending, NOON, (20, 40)), 16);
        let reason = budget.reserve(&spending, NOON, WORST).expect_err("spent");
        assert!(reason.contains("960 tokens were used") && reason.contains("1000 tokens a day"));
        assert_eq!(attempts(budget, &spending, NOON.after(DAY), (20, 40)), 16);
    }

    #[test]
    fn the_cost_counts_as_well() {
        let (budget, spending) = (budget(None, Some(0.001)), Spending::default());
        // 20 + 4 * 40 = 180 millionths per attempt, and up to 220 before its usage is known.
        assert_eq!(attempts(budget, &spending, NOON, (20, 40)), 5);
    }

    #[test]
    fn budget_days_follow_the_time_zone() {
        let berlin = Budget {
            zone: Tz::named("Europe/Berlin").expect("a zone"),
            ..budget(Some(150), None)
        };
        let spending = Spending::default();
        let evening = Timestamp::from_secs(1_800_050_400); // 23:00 in Berlin
        assert!(berlin.reserve(&spending, evening, WORST).is_ok());
        let before = evening.after(Duration::from_secs(3599));
        assert!(berlin.reserve(&spending, before, WORST).is_err());
        let midnight = evening.after(Duration::from_hours(1));
        assert!(berlin.reserve(&spending, midnight, WORST).is_ok());
    }

    #[test]
    fn uncounted_usage_is_charged_in_full_if_possible() {
        let refused = outcome(None, Some(429));
        let broken = outcome(None, Some(200));
        let silent = outcome(None, None);
        let unconnected = Outcome::new(Verdict::Bad(Cause::Refused), Duration::ZERO);
        // Anthropic counts the input at the start of a stream, and the output at its end.
        let mut interrupted = outcome(None, Some(200));
        interrupted.figures.set(Figure::InputTokens, 3);
        let [mut void, mut stalled] = [(); 2].map(|()| outcome(None, Some(200)));
        void.verdict = Verdict::Void(VoidReason::Resources);
        stalled.verdict = Verdict::Void(VoidReason::Stalled);
        for (outcome, tokens) in [
            (
                outcome(Some((3, 4)), Some(200)),
                Tokens {
                    input: 3,
                    output: 4,
                },
            ),
            (
                interrupted,
                Tokens {
                    input: 3,
                    output: WORST.output,
                },
            ),
            (refused, Tokens::default()),
            (unconnected, Tokens::default()),
            (void, Tokens::default()),
            (stalled, WORST),
            (broken, WORST),
            (silent, WORST),
        ] {
            assert_eq!(charged(&outcome, WORST), tokens, "{outcome:?}");
        }
    }

    #[test]
    fn a_restart_continues_with_what_the_store_kept() {
        let (budget, spending) = (budget(Some(1000), None), Spending::default());
        let record = |at, outcome| Record {
            key: ProbeKey::new("s", "p"),
            at,
            interval: Duration::from_secs(10),
            outcome,
        };
        let yesterday = NOON.before(DAY);
        let stored = [
            record(yesterday, outcome(Some((20, 40)), Some(200))),
            record(NOON, outcome(Some((20, 400)), Some(200))),
            record(NOON, outcome(None, Some(200))),
        ];
        budget.recall(&spending, &stored, NOON, WORST);
        // 420 for the counted attempts, and 70 for the one that was cut off.
        assert_eq!(attempts(budget, &spending, NOON, (20, 40)), 8);
    }

    #[test]
    fn canceled_attempts_stay_charged() {
        let (budget, spending) = (budget(Some(200), None), Spending::default());
        let _reserved = budget.reserve(&spending, NOON, WORST).expect("within it");
        assert!(budget.reserve(&spending, NOON, WORST).is_err());
    }
}
