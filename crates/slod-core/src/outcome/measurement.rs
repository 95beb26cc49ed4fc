//! Measurements of an attempt other than its total duration: a closed set of named values.

use super::closed_set::closed_set;
use std::num::NonZeroU32;
use std::time::Duration;

closed_set! {
    /// A named part of an attempt, in chronological order.
    Measurement {
        /// Resolving the name.
        Resolve = 1, "resolve";
        /// Connecting, until an address accepted.
        Connect = 2, "connect";
        /// The TLS handshake.
        Tls = 3, "tls";
        /// From the request to the first byte of the response.
        Processing = 4, "processing";
        /// Reading the response.
        Transfer = 5, "transfer";
        /// From the start of the attempt to the first event of a language model's streamed answer.
        FirstChunk = 6, "time_to_first_chunk";
        /// From the start of the attempt to the first text of the answer itself, after any reasoning.
        FirstToken = 7, "time_to_first_token";
        /// The mean time between two tokens of a streamed answer.
        PerOutputToken = 8, "time_per_output_token";
    }
}

impl Measurement {
    /// The consecutive phases that together make up the whole attempt.
    pub const PHASES: &'static [Self] = &[
        Self::Resolve,
        Self::Connect,
        Self::Tls,
        Self::Processing,
        Self::Transfer,
    ];

    pub fn from_label(label: &str) -> Option<Self> {
        let found = Self::BY_LABEL.iter().find(|(known, _)| *known == label);
        found.map(|(_, one)| *one)
    }
}

const COUNT: usize = Measurement::ALL.len();

/// The measurements of one attempt, in whole microseconds, summed over its requests. A value is `None` if
/// the attempt did not reach or need that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurements {
    /// Stored plus one, so that absent values need no extra space.
    values: [Option<NonZeroU32>; COUNT],
    /// Whether the measurements are known at all.
    known: bool,
}

impl Default for Measurements {
    fn default() -> Self {
        Self {
            values: [None; COUNT],
            known: true,
        }
    }
}

impl Measurements {
    /// For an outcome whose measurements were not stored.
    pub const UNKNOWN: Self = Self {
        values: [None; COUNT],
        known: false,
    };

    /// Whether an absent value means that it was not measured.
    pub const fn are_known(&self) -> bool {
        self.known
    }

    pub fn add(&mut self, one: Measurement, spent: Duration) {
        let before = self.micros(one).unwrap_or(0);
        let micros = u32::try_from(spent.as_micros()).unwrap_or(u32::MAX);
        self.set_micros(one, before.saturating_add(micros));
    }

    pub fn get(&self, one: Measurement) -> Option<Duration> {
        let micros = self.micros(one)?;
        Some(Duration::from_micros(micros.into()))
    }

    /// Values are clamped to about 71 minutes.
    pub fn set_micros(&mut self, one: Measurement, micros: u32) {
        self.values[one as usize] = Some(NonZeroU32::MIN.saturating_add(micros));
        self.known = true;
    }

    pub fn micros(&self, one: Measurement) -> Option<u32> {
        self.values[one as usize].map(|value| value.get() - 1)
    }

    /// The present values, in chronological order.
    pub fn iter(&self) -> impl Iterator<Item = (Measurement, Duration)> + '_ {
        let all = Measurement::ALL.iter();
        all.filter_map(|one| Some((*one, self.get(*one)?)))
    }
}

/// The meaning of the outcomes of a kind of probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measures {
    pub duration: DurationOf,
    /// Measurements other than the duration. An attempt may have fewer.
    pub measurements: &'static [Measurement],
    /// The meaning of [`super::Outcome::code`].
    pub code: Option<CodeOf>,
}

/// The meaning of an outcome's duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationOf {
    /// The duration of the attempt: the latency of the service.
    Attempt,
    /// The time since the last report of the service.
    Age,
}

/// The protocol that a code belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOf {
    HttpStatus,
    DnsResponseCode,
    GrpcStatus,
}

impl CodeOf {
    /// The name shown to people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::HttpStatus => "HTTP status",
            Self::DnsResponseCode => "DNS response code",
            Self::GrpcStatus => "gRPC status",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_codes_and_names_are_unique_and_read_back() {
        for (at, one) in Measurement::ALL.iter().enumerate() {
            assert_eq!(*one as usize, at);
            assert_eq!(Measurement::from_code(one.code()), Some(*one));
            assert_eq!(Measurement::from_label(one.label()), Some(*one));
        }
        assert_eq!(Measurement::from_code(0), None);
    }

    #[test]
    fn values_add_up_and_saturate() {
        let mut measured = Measurements::default();
        assert_eq!(measured.get(Measurement::Connect), None);
        measured.add(Measurement::Connect, Duration::ZERO);
        assert_eq!(measured.get(Measurement::Connect), Some(Duration::ZERO));
        measured.add(Measurement::Connect, Duration::from_nanos(1_500_999));
        measured.add(Measurement::Connect, Duration::from_micros(500));
        let connect = Duration::from_millis(2);
        assert_eq!(
            measured.iter().collect::<Vec<_>>(),
            [(Measurement::Connect, connect)]
        );
        measured.add(Measurement::Connect, Duration::MAX);
        let most = Duration::from_micros(u64::from(u32::MAX) - 1);
        assert_eq!(measured.get(Measurement::Connect), Some(most));
    }
}
