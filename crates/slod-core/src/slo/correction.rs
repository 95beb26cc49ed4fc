//! Corrections: time that does not count, such as maintenance and false alarms. Stored outcomes are not
//! changed: corrections are applied when outcomes are counted, and can be revoked.

use super::recurrence::Recurrence;
use crate::outcome::{Timestamp, millis};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The id prefix of corrections in the config. Other ids are numbers.
pub const IN_CONFIG: &str = "config-";
/// The minimum and maximum length of a correction.
pub const LENGTHS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(31 * 24));
/// The range in which a correction may begin: the years 2000 to 2099.
pub const YEARS: (Timestamp, Timestamp) = (
    Timestamp::from_secs(946_684_800),
    Timestamp::from_secs(4_102_444_800),
);
/// Maximum number of services, and of objectives, in a correction.
pub const MAX_NAMES: usize = 100;

/// A correction as entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Unique. Assigned by the store, or computed from the content for a correction in the config.
    pub id: String,
    /// The start of the first occurrence.
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// The recurrence rule; `None` if it occurs once.
    pub repeats: Option<Recurrence>,
    /// The services that it applies to; empty means all.
    pub services: Vec<String>,
    /// The objectives that it applies to; empty means all.
    pub slos: Vec<String>,
    pub reason: String,
    pub author: String,
}

impl Correction {
    /// Applies once, to everything; without an id and an author.
    pub fn once(from: Timestamp, to: Timestamp, reason: &str) -> Self {
        Self {
            id: String::new(),
            from,
            to,
            repeats: None,
            services: Vec::new(),
            slos: Vec::new(),
            reason: reason.to_owned(),
            author: String::new(),
        }
    }

    /// Whether it applies to the service, or to some of its objectives.
    pub fn is_for(&self, service: &str) -> bool {
        includes(&self.services, service)
    }

    pub fn concerns(&self, service: &str, slo: &str) -> bool {
        self.is_for(service) && includes(&self.slos, slo)
    }

    /// The occurrences that overlap `from..to` in order of time, as start and end (exclusive).
    pub fn occurrences(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        match &self.repeats {
            Some(rule) => {
                let length = self.to.since(self.from);
                rule.occurrences(length, from, to)
            }
            None if self.from < to && self.to > from => vec![(self.from, self.to)],
            None => Vec::new(),
        }
    }
}

/// Why a correction with this start and end is invalid; `None` if it is valid.
pub fn span_fault(from: Timestamp, to: Timestamp) -> Option<String> {
    let length = i128::from(to.0) - i128::from(from.0);
    if from < YEARS.0 || from >= YEARS.1 {
        return Some("it must start in the years 2000 to 2099".to_owned());
    }
    if length < 0 {
        return Some("`to` must be after `from`".to_owned());
    }
    let (shortest, longest) = (millis(LENGTHS.0).into(), millis(LENGTHS.1).into());
    (!(shortest..=longest).contains(&length))
        .then(|| "`to` must be 1s to 31d after `from`".to_owned())
}

fn includes(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|known| known == name)
}

/// Disjoint time spans in order. The end of each is exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(Timestamp, Timestamp)>);

impl Spans {
    /// Merges spans that overlap or touch. Empty and reversed spans are ignored.
    pub fn new(spans: impl IntoIterator<Item = (Timestamp, Timestamp)>) -> Self {
        let mut all: Vec<_> = spans.into_iter().filter(|(from, to)| from < to).collect();
        all.sort_unstable();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => joined.push((from, to)),
            }
        }
        Self(joined)
    }

    /// The start and the end (exclusive) of each span.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.0.iter().copied()
    }

    /// Extends each span to multiples of `grain`.
    #[must_use]
    pub fn widened(&self, grain: Duration) -> Self {
        let grain = millis(grain).max(1);
        let down = |at: Timestamp| at.0.div_euclid(grain) * grain;
        let up = |at: Timestamp| Timestamp(at.0.saturating_add(grain - 1));
        let wide = |(from, to): &(Timestamp, Timestamp)| {
            (Timestamp(down(*from)), Timestamp(down(up(*to))))
        };
        Self::new(self.0.iter().map(wide))
    }

    /// The union of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.0.iter().chain(&other.0).copied())
    }

    /// The intersection of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let both = |(from, to): &(Timestamp, Timestamp)| other.within(*from, *to);
        Self::new(self.0.iter().flat_map(both))
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.around(at).is_some()
    }

    /// The span that contains a time.
    pub fn around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let after = self.0.partition_point(|(from, _)| *from <= at);
        let last = self.0[..after].last().copied();
        last.filter(|(_, end)| at < *end)
    }

    /// Cuts the span that contains a time at that time.
    #[must_use]
    pub fn cut_at(&self, at: Timestamp) -> Self {
        let cut = |(from, to): &(Timestamp, Timestamp)| {
            let within = *from <= at && at < *to;
            (*from, if within { at } else { *to })
        };
        Self::new(self.0.iter().map(cut))
    }

    /// Whether a span overlaps `from..to`.
    pub fn overlaps(&self, from: Timestamp, to: Timestamp) -> bool {
        self.within(from, to).next().is_some()
    }

    /// How much of `from..to` the spans cover.
    pub fn overlap(&self, from: Timestamp, to: Timestamp) -> Duration {
        let ms: i64 = self.within(from, to).map(|(from, to)| to.0 - from.0).sum();
        Duration::from_millis(ms.unsigned_abs())
    }

    /// The parts of the spans within `from..to`.
    pub fn within(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        self.0[first..]
            .iter()
            .take_while(move |(start, _)| *start < to)
            .map(move |(start, end)| ((*start).max(from), (*end).min(to)))
            .filter(|(start, end)| start < end)
    }

    /// Whether both cover the same parts of `from..to`.
    pub fn same_within(&self, other: &Self, from: Timestamp, to: Timestamp) -> bool {
        self.within(from, to).eq(other.within(from, to))
    }
}

/// The time excluded by corrections, cached for objectives with the same corrections.
#[derive(Debug)]
pub struct CorrectedTime<'a> {
    corrections: &'a [Correction],
    known: Mutex<HashMap<Key, Arc<Spans>>>,
}

/// The positions of the corrections, and the time range.
type Key = (Vec<usize>, Timestamp, Timestamp);

impl<'a> CorrectedTime<'a> {
    pub fn of(corrections: &'a [Correction]) -> Self {
        Self {
            corrections,
            known: Mutex::default(),
        }
    }

    /// The time excluded for an objective, at least within `from..to`.
    pub fn spans(&self, service: &str, slo: &str, from: Timestamp, to: Timestamp) -> Arc<Spans> {
        let all = self.corrections.iter().enumerate();
        let concerning = all.filter(|(_, correction)| correction.concerns(service, slo));
        let places: Vec<usize> = concerning.map(|(place, _)| place).collect();
        let mut known = self.known.lock();
        let compute = |(places, from, to): &Key| {
            let each = places.iter().map(|place| &self.corrections[*place]);
            Arc::new(Spans::new(each.flat_map(|one| one.occurrences(*from, *to))))
        };
        let key = (places, from, to);
        if let Some(spans) = known.get(&key) {
            return spans.clone();
        }
        let spans = compute(&key);
        known.insert(key, spans.clone());
        spans
    }

    /// The time in which a service is in maintenance, at least within `from..to`: all of its objectives are
    /// excluded.
    pub fn maintenance<'s>(
        &self,
        service: &str,
        slos: impl Iterator<Item = &'s str>,
        from: Timestamp,
        to: Timestamp,
    ) -> Spans {
        let each = slos.map(|slo| self.spans(service, slo, from, to));
        let all = each
            .map(|spans| Spans::clone(&spans))
            .reduce(|one, other| one.intersection(&other));
        // A correction of named objectives does not concern a service without any.
        all.unwrap_or_else(|| Spans::clone(&self.spans(service, "", from, to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(all: &[(i64, i64)]) -> Spans {
        Spans::new(
            all.iter()
                .map(|(from, to)| (Timestamp(*from), Timestamp(*to))),
        )
    }

    #[test]
    fn a_correction_applies_to_what_it_names() {
        let mut correction = Correction {
            id: "1".into(),
            author: "ada".into(),
            ..Correction::once(Timestamp(0), Timestamp(1), "a deploy")
        };
        assert!(correction.concerns("rag", "errors"));
        correction.services = vec!["rag".into(), "web".into()];
        correction.slos = vec!["errors".into()];
        assert!(correction.concerns("web", "errors"));
        assert!(!correction.concerns("web", "latency") && !correction.concerns("x", "errors"));
    }

    #[test]
    fn past_and_future_may_differ() {
        let a = spans(&[(-9, -5), (0, 10), (20, 30)]);
        let b = spans(&[(0, 10), (25, 40)]);
        let same = |from, to| a.same_within(&b, Timestamp(from), Timestamp(to));
        assert!(same(-5, 20) && same(3, 7) && same(26, 29));
        assert!(!same(-6, 20) && !same(-5, 21));
    }

    proptest! {
        #[test]
        fn moments_and_overlaps_equal_a_recount(
            all in prop::collection::vec((0_i64..100, -5_i64..30), 0..12),
            from in -10_i64..110,
            length in 0_i64..60,
        ) {
            let pairs: Vec<_> = all.iter().map(|(from, length)| (*from, from + length)).collect();
            let spans = spans(&pairs);
            let inside = |at: i64| pairs.iter().any(|(from, to)| (*from..*to).contains(&at));
            for at in -10..140 {
                prop_assert_eq!(spans.contains(Timestamp(at)), inside(at), "{}", at);
            }
            let (from, to) = (from, from + length);
            let overlap = (from..to).filter(|at| inside(*at)).count() as u128;
            prop_assert_eq!(spans.overlap(Timestamp(from), Timestamp(to)).as_millis(), overlap);
            prop_assert_eq!(spans.overlaps(Timestamp(from), Timestamp(to)), overlap > 0);
        }
    }
}
