//! Exact counts of one probe's finished hour.

use super::counts::Corrupt;
use super::header::{Format, Header, verdict_of};
use super::scales::Scales;
use crate::outcome::{Cause, Timestamp, Verdict, VoidReason};
use crate::slo::{Precision, Tally, Threshold};
use crate::stats::scale::Scale;
use crate::units::HOUR_MS;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The rules by which hours were counted.
#[derive(Debug, PartialEq, Eq)]
pub struct CountingBasis {
    pub scales: Scales,
    pub keys: Vec<Box<str>>,
}

/// The exact counts of one probe's finished hour.
#[derive(Clone, Debug)]
pub struct HourSummary {
    /// When the hour starts.
    pub start: Timestamp,
    pub good: u32,
    pub bad: BTreeMap<Cause, u32>,
    pub void: BTreeMap<VoidReason, u32>,
    /// Good outcomes per [`Scale::code`] of [`HourSummary::scale`], ascending.
    pub histogram: Vec<(u16, u32)>,
    format: Format,
    tallies: Vec<Tally>,
    basis: Arc<CountingBasis>,
}

impl HourSummary {
    pub fn scale(&self) -> &Scale {
        &self.basis.scales.latency
    }

    /// The precision of its outcomes for a threshold.
    pub fn precision(&self, threshold: &Threshold) -> Precision {
        let end = self
            .start
            .after(Duration::from_millis(HOUR_MS.unsigned_abs()));
        let mut precision = Precision::default();
        if threshold.of.is_some() && self.format < Format::Measured {
            precision.measured_since = Some(end);
        } else if !self.basis.scales.separates(threshold) {
            precision.approximate_before = Some(end);
        }
        precision
    }

    /// The number of outcomes, including void ones.
    pub fn outcomes(&self) -> u64 {
        let others = self.bad.values().chain(self.void.values());
        u64::from(self.good) + others.map(|count| u64::from(*count)).sum::<u64>()
    }

    /// The text forms of the [`crate::slo::TallyKey`]s that were counted, with their tallies.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, Tally)> {
        let keys = self.basis.keys.iter().map(AsRef::as_ref);
        keys.zip(self.tallies.iter().copied())
    }

    /// The tally of a key's text form; `None` if the key was not in the plan when the hour was
    /// compacted, in which case its outcomes must be recounted.
    pub fn tally(&self, key: &str) -> Option<Tally> {
        let found = self.tallies().find(|(known, _)| *known == key);
        found.map(|(_, tally)| tally)
    }

    pub(super) fn new(
        hour: i64,
        header: Header,
        basis: Arc<CountingBasis>,
    ) -> Result<Self, Corrupt> {
        if header.tallies.len() != basis.keys.len() {
            return Err(Corrupt);
        }
        let code = |code: u64| u16::try_from(code).map_err(|_| Corrupt);
        let histogram = header
            .latencies
            .iter()
            .map(|(value, count)| Ok((code(value)?, count)));
        let mut summary = Self {
            start: Timestamp(hour.saturating_mul(HOUR_MS)),
            good: 0,
            bad: BTreeMap::new(),
            void: BTreeMap::new(),
            histogram: histogram.collect::<Result<_, _>>()?,
            format: header.format,
            tallies: header.tallies,
            basis,
        };
        for (code, count) in header.verdicts.iter() {
            let total = match verdict_of(code)? {
                Verdict::Good => &mut summary.good,
                Verdict::Bad(cause) => summary.bad.entry(cause).or_default(),
                Verdict::Void(why) => summary.void.entry(why).or_default(),
            };
            *total = total.checked_add(count).ok_or(Corrupt)?;
        }
        Ok(summary)
    }
}
