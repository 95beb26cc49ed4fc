//! The exact counts of one probe's hour, and how hours and verdicts are numbered in stored data.

use super::counts::{Bytes, Corrupt, ValueCounts, put};
use crate::outcome::{Cause, Timestamp, Verdict, VoidReason};
use crate::slo::Tally;
use crate::units::HOUR_MS;

/// What a block keeps: the first byte of its counts. A reader that does not know it leaves the hour
/// out. Each format adds to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Latencies are known to their buckets only.
    Coarse = 1,
    /// Where in its bucket each latency is.
    Fine = 2,
    /// Measurements, but not of every outcome: some were stored before they were kept.
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

/// Verdicts from this number on say nothing about the service.
const VOID: u64 = 256;

/// The hour that a moment falls in, counted since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

/// The number of a verdict in stored data.
pub fn verdict_code(verdict: Verdict) -> u64 {
    match verdict {
        Verdict::Good => 0,
        Verdict::Bad(cause) => u64::from(cause.code()),
        Verdict::Void(why) => VOID + u64::from(why.code()),
    }
}

/// Reads a verdict. A reason that only a newer version knows stays on its side: bad remains bad
/// (read as `protocol`), void remains void (read as `internal`).
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

/// The counts of an hour as they are stored, before the basis is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    /// Row in the `basis` table.
    pub basis: i64,
    /// Outcomes by [`verdict_code`].
    pub verdicts: ValueCounts,
    /// Time that counted outcomes stand for, in milliseconds.
    pub covered_ms: u64,
    /// In the order of the basis' keys.
    pub tallies: Vec<Tally>,
    /// Good outcomes by [`Scale::code`]: what a failed one took says nothing about speed.
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
            // Mostly the same as for all outcomes, which then is one byte.
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

/// Outcomes that count for nobody: the same for every objective, so no tally stores them.
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
    fn a_reason_of_a_newer_version_stays_on_its_side() {
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
