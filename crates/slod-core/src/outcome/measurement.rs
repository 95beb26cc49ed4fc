//! What an attempt measures apart from its whole duration: a closed set of named values.

use std::num::NonZeroU32;
use std::time::Duration;

/// Declares the set: the enum, its names and its stored codes stay together.
macro_rules! measurements {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal, $label:literal;)*) => {
        /// A named part of an attempt, in the order in which they happen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(usize)]
        pub enum Measurement { $($(#[doc = $doc])* $variant,)* }

        impl Measurement {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// All of them by their names.
            pub const BY_LABEL: &'static [(&'static str, Self)] = &[$(($label, Self::$variant)),*];

            /// The name in the config, the metric label and the word in reports.
            pub const fn label(self) -> &'static str {
                Self::BY_LABEL[self as usize].0
            }

            /// The number in stored data. Never reuse a number.
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code),* }
            }

            /// Reads a stored number; `None` for one that a newer version wrote.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

measurements! {
    /// Resolving the name.
    Resolve = 1, "resolve";
    /// Connecting, until an address accepted.
    Connect = 2, "connect";
    /// The TLS handshake.
    Tls = 3, "tls";
    /// From the request to the first byte of the answer.
    Processing = 4, "processing";
    /// Reading the answer.
    Transfer = 5, "transfer";
    /// From the start of the attempt to the first event of a streamed answer of a language model.
    FirstChunk = 6, "time_to_first_chunk";
    /// From the start of the attempt to the first text of the answer itself, after any reasoning.
    FirstToken = 7, "time_to_first_token";
    /// The mean time between two tokens of a streamed answer.
    PerOutputToken = 8, "time_per_output_token";
}

impl Measurement {
    /// Those that follow each other and together make the whole attempt.
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

/// The measurements of one attempt, in whole microseconds; those of several requests are added up.
/// A value is `None` where the attempt did not get that far or did not need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measurements {
    /// Each value plus one, so that an absent one takes no space of its own.
    values: [Option<NonZeroU32>; COUNT],
    /// Whether anything is known about them at all.
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
    /// Of an outcome whose measurements were not stored.
    pub const UNKNOWN: Self = Self {
        values: [None; COUNT],
        known: false,
    };

    /// Whether the absence of a value says that it was not measured.
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

    /// The largest value, which also stands for all above, is 71 minutes.
    pub fn set_micros(&mut self, one: Measurement, micros: u32) {
        self.values[one as usize] = Some(NonZeroU32::MIN.saturating_add(micros));
        self.known = true;
    }

    pub fn micros(&self, one: Measurement) -> Option<u32> {
        self.values[one as usize].map(|value| value.get() - 1)
    }

    /// Those that have a value, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Measurement, Duration)> + '_ {
        let all = Measurement::ALL.iter();
        all.filter_map(|one| Some((*one, self.get(*one)?)))
    }
}

/// What the outcomes of a kind of probe say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measures {
    pub duration: DurationOf,
    /// Apart from the duration; those of one attempt may be fewer.
    pub measurements: &'static [Measurement],
    /// What [`super::Outcome::code`] means.
    pub code: Option<CodeOf>,
}

/// What the duration of an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationOf {
    /// The attempt: the service's latency.
    Attempt,
    /// Since the service was last heard of.
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
    /// For people.
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
