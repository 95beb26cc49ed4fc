//! Time in which none of an objective's probes was configured. No outcomes are expected in it, so none are
//! missing.

use super::correction::Spans;
use super::slice::{slice_of, slice_start};
use crate::outcome::Timestamp;

/// When a probe of an objective was configured.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// The time of its first outcome.
    pub first: Option<Timestamp>,
    /// When it was not configured after its first outcome. Each span ends with the next outcome.
    pub absent: Spans,
}

/// When none of the probes was configured, after the first of them began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnconfiguredSpans {
    ended: Spans,
    /// The start of the last span, which ends with the next outcome.
    open: Option<Timestamp>,
}

const NEVER: Timestamp = Timestamp(i64::MAX);

impl UnconfiguredSpans {
    /// Spans begin and end at slice boundaries. A slice in which a probe returned does not belong to a
    /// span.
    pub fn of(probes: &[Presence]) -> Self {
        let Some(since) = probes.iter().filter_map(|probe| probe.first).min() else {
            return Self::default();
        };
        let mut common = Spans::new([(since, NEVER)]);
        for probe in probes {
            let begin = probe.first.unwrap_or(NEVER);
            let before = Spans::new([(Timestamp(i64::MIN), begin)]);
            common = common.intersection(&before.union(&probe.absent));
        }
        let mut unwatched = Self::default();
        let mut ended = Vec::new();
        for (from, to) in common.within(since, NEVER) {
            let from = slice_start(slice_of(from));
            if to == NEVER {
                unwatched.open = Some(from);
            } else {
                ended.push((from, slice_start(slice_of(to))));
            }
        }
        unwatched.ended = Spans::new(ended);
        unwatched
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.open.is_some_and(|from| from <= at) || self.ended.contains(at)
    }

    /// Ends the open span at an outcome, because a probe is running again. Returns whether there was one.
    pub fn end(&mut self, at: Timestamp) -> bool {
        let open = self.open.take_if(|from| *from <= at);
        if let Some(from) = open {
            let ended = Spans::new([(from, slice_start(slice_of(at)))]);
            self.ended = self.ended.union(&ended);
        }
        open.is_some()
    }

    /// The spans in which no probe was configured.
    pub fn spans(&self) -> Spans {
        let open = self.open.map(|from| (from, NEVER));
        self.ended.union(&Spans::new(open))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: i64) -> Timestamp {
        slice_start(number)
    }

    fn probe(first: i64, absent: &[(i64, Option<i64>)]) -> Presence {
        let absent = absent.iter().map(|(from, to)| {
            (
                minute(*from),
                to.map_or(NEVER, |to| Timestamp(minute(to).0 + 7)),
            )
        });
        Presence {
            first: Some(minute(first)),
            absent: Spans::new(absent),
        }
    }

    fn minutes(unwatched: &UnconfiguredSpans) -> Vec<i64> {
        let all = 0..100;
        all.filter(|number| unwatched.contains(minute(*number)))
            .collect()
    }

    #[test]
    fn time_with_at_least_one_configured_probe_is_watched() {
        let gone = probe(5, &[(10, Some(14)), (20, Some(24))]);
        assert_eq!(
            minutes(&UnconfiguredSpans::of(std::slice::from_ref(&gone))),
            [10, 11, 12, 13, 20, 21, 22, 23]
        );
        let later = probe(12, &[(22, None)]);
        assert_eq!(
            minutes(&UnconfiguredSpans::of(&[gone.clone(), later])),
            [10, 11, 22, 23]
        );
        let never = Presence::default();
        assert_eq!(minutes(&UnconfiguredSpans::of(&[gone, never])).len(), 8);
        assert_eq!(
            UnconfiguredSpans::of(&[Presence::default()]),
            UnconfiguredSpans::default()
        );
    }

    #[test]
    fn the_next_outcome_ends_the_open_span() {
        let mut unwatched = UnconfiguredSpans::of(&[probe(5, &[(90, None)])]);
        assert!(!unwatched.end(minute(50)));
        assert!(unwatched.contains(minute(1000)));
        assert!(unwatched.end(Timestamp(minute(95).0 + 30_000)));
        assert_eq!(minutes(&unwatched), [90, 91, 92, 93, 94]);
        assert_eq!(unwatched.spans(), Spans::new([(minute(90), minute(95))]));
    }
}
