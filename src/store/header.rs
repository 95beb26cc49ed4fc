//! The exact counts of one probe's hour, and the encoding of hours and verdicts.

use super::counts::{Bytes, Corrupt, ValueCounts, put};
use crate::outcome::{Cause, Timestamp, Verdict, VoidReason};
use crate::slo::Tally;
use crate::units::HOUR_MS;

/// Block formats: the first byte of the counts. A reader that does not know the format ignores the
/// hour. Each format adds data to the preceding one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Latencies are known only to the precision of their buckets.
    Coarse = 1,
    /// Positions of latencies within their buckets.
    Fine = 2,
    /// Measurements of some outcomes only: others were stored by a version without measurements.
    PartlyMeasured = 3,
    /// Measurements of every outcome.
    Measured = 4,
}

impl Format {
    const ALL: [Self; 4] = [
        Self::Coarse,
        Self::Fine,
        Self::PartlyMeasured,
        Self::Measured,
    ];

    fn read(byte: u8) -> Result<Self, Corrupt> {
        let mut all = Self::ALL.into_iter();
        all.find(|format| *format as u8 == byte).ok_or(Corrupt)
    }
}

/// Verdict codes from this number on are void: they say nothing about the service.
const VOID: u64 = 256;

/// The hour of a timestamp, counted since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

/// The stored code of a verdict.
pub fn verdict_code(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Good => 0,
        Verdict::Bad(cause) => u64::from(cause.code()),
        Verdict::Void(why) => VOID + u64::from(why.code()),
    }
}

/// Decodes a verdict. A reason that only a newer version knows stays in its class: bad is read as
/// `protocol`, void as `internal`.
pub fn verdict_of(code: u64) -> Result<Verdict, Corrupt> {
    let [low, side, 0, 0, 0, 0, 0, 0] = code.to_le_bytes() else {
        return Err(Corrupt);
    };
    match (side, low) {
        (0, 0) => Ok(Verdict::Good),
        (0, cause) => Ok(Verdict::Bad(
            Cause::from_code(cause).unwrap_or(Cause::Protocol),
        )),
        (1, why) => Ok(Verdict::Void(
            VoidReason::from_code(why).unwrap_or(VoidReason::Internal),
        )),
        _ => Err(Corrupt),
    }
}

/// The counts of an hour as stored, before the basis is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    /// Id in the `basis` table.
    pub basis: i64,
    /// Outcomes by [`verdict_code`].
    pub verdicts: ValueCounts,
    /// Time covered by the counted outcomes, in milliseconds.
    pub covered_ms: u64,
    /// Tallies in the order of the keys of the basis.
    pub tallies: Vec<Tally>,
    /// Good outcomes by [`Scale::code`]: latencies of failed requests say nothing about speed.
    pub latencies: ValueCounts,
}

impl Header {
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![self.format as u8];
        put(&mut out, self.basis.unsigned_abs());
        self.verdicts.write(&mut out);
        put(&mut out, self.covered_ms);
        put(&mut out, self.tallies.len() as u64);
        for tally in &self.tallies {
            put(&mut out, u64::from(tally.good));
            put(&mut out, u64::from(tally.bad));
            // Usually the same as for all outcomes, which takes one byte.
            put(&mut out, self.covered_ms.wrapping_sub(tally.covered_ms));
        }
        self.latencies.write(&mut out);
        out
    }

    pub fn read(stored: &[u8]) -> Result<Self, Corrupt> {
        let mut bytes = Bytes(stored);
        let format = Format::read(bytes.byte()?)?;
        let basis = bytes.small()?;
        let verdicts = ValueCounts::read(&mut bytes)?;
        let covered_ms = bytes.number()?;
        let len: usize = bytes.small()?;
        if len > bytes.0.len() {
            return Err(Corrupt);
        }
        let void = u32::try_from(void(&verdicts)).map_err(|_| Corrupt)?;
        let mut tallies = Vec::with_capacity(len);
        for _ in 0..len {
            let (good, bad) = (bytes.small()?, bytes.small()?);
            tallies.push(Tally {
                good,
                bad,
                void,
                covered_ms: covered_ms.wrapping_sub(bytes.number()?),
            });
        }
        let latencies = ValueCounts::read(&mut bytes)?;
        if !bytes.0.is_empty() || latencies.total() != good(&verdicts) {
            return Err(Corrupt);
        }
        Ok(Self {
            format,
            basis,
            verdicts,
            covered_ms,
            tallies,
            latencies,
        })
    }
}

/// The number of void outcomes. It is the same for every objective, so tallies do not store it.
fn void(verdicts: &ValueCounts) -> u64 {
    let voids = verdicts.iter().filter(|(code, _)| *code >= VOID);
    voids.map(|(_, count)| u64::from(count)).sum()
}

fn good(verdicts: &ValueCounts) -> u64 {
    let good = verdict_code(Verdict::Good);
    let found = verdicts.iter().find(|(code, _)| *code == good);
    found.map_or(0, |(_, count)| u64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reason_of_a_newer_version_stays_in_its_class() {
        assert_eq!(verdict_of(200), Ok(Verdict::Bad(Cause::Protocol)));
        assert_eq!(
            verdict_of(256 + 200),
            Ok(Verdict::Void(VoidReason::Internal))
        );
        assert_eq!(verdict_of(512), Err(Corrupt));
    }

    proptest! {
        #[test]
        fn damaged_counts_are_refused_or_add_up(mut bytes in prop::collection::vec(0..20_u8, 1..40)) {
            bytes[0] = Format::Measured as u8;
            if let Ok(header) = Header::read(&bytes) {
                prop_assert_eq!(header.latencies.total(), good(&header.verdicts));
                prop_assert_eq!(Header::read(&header.write()), Ok(header));
            }
        }
    }
}
