//! Samples of a page that are not used, by cause.

use std::fmt;

/// Why a sample that matches a role is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropCause {
    /// Its value or bound is no number that its role can have.
    Value,
    Timestamp,
    Duplicate,
    Labels,
    /// Its native histogram is invalid.
    Native,
    /// There are too many series.
    Excess,
    /// The line or message is too long.
    Length,
    /// It rose or fell implausibly since the last page.
    Change,
}

/// All causes, with their description after a number.
const CAUSES: [(DropCause, &str); 8] = [
    (
        DropCause::Value,
        "with an unusable value (NaN, infinite, negative or no number)",
    ),
    (DropCause::Timestamp, "with a timestamp far from now"),
    (DropCause::Duplicate, "duplicate"),
    (DropCause::Labels, "with too many labels"),
    (DropCause::Native, "with an invalid native histogram"),
    (DropCause::Excess, "over the limit"),
    (DropCause::Length, "too long"),
    (DropCause::Change, "with an implausible change"),
];

/// The number of samples that are not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped([u64; CAUSES.len()]);

impl Dropped {
    pub fn add(&mut self, cause: DropCause, count: u64) {
        self.0[cause as usize] += count;
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// `2 duplicate; 1 with too many labels`
impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (cause, what) in CAUSES {
            let count = self.0[cause as usize];
            if count > 0 {
                write!(f, "{separator}{count} {what}")?;
                separator = "; ";
            }
        }
        Ok(())
    }
}
