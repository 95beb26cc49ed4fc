//! The result of a probe: the types that every other module uses.

mod figure;
mod measurement;
mod rate_limit;

pub use figure::{Figure, Figures};
pub use measurement::{CodeOf, DurationOf, Measurement, Measurements, Measures};
pub use rate_limit::{RateLimit, RateLimits};

use crate::text::printable;
use crate::units::HOUR_MS;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Wall time in milliseconds since the Unix epoch. It labels events; durations are measured on the monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Seconds since the epoch, as Prometheus writes timestamps.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// For people and for JSON; 1970 where the calendar has no such day.
    pub fn to_utc(self) -> chrono::DateTime<chrono::Utc> {
        chrono::DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// The start of its hour in UTC: what blocks and hourly counts begin with.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0.div_euclid(HOUR_MS) * HOUR_MS)
    }

    /// The moment `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// The moment `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    /// How long after `earlier` it is; nothing if it is before that.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

/// The part of an outcome that is needed for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    /// The probe's interval at that time.
    pub interval: Duration,
    pub verdict: Verdict,
    pub latency: Duration,
    pub measured: Measurements,
}

impl Event {
    /// What one measurement of the attempt took, or the whole of it.
    pub fn time(&self, of: Option<Measurement>) -> Option<Duration> {
        of.map_or(Some(self.latency), |one| self.measured.get(one))
    }
}

impl From<&Record> for Event {
    fn from(record: &Record) -> Self {
        Self {
            at: record.at,
            interval: record.interval,
            verdict: record.outcome.verdict,
            latency: record.outcome.latency,
            measured: record.outcome.measured,
        }
    }
}

/// A span in whole milliseconds, saturating.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A probe, by its service and its name: the identity of a history across restarts and reloads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeKey {
    pub service: Arc<str>,
    pub probe: Arc<str>,
}

impl ProbeKey {
    pub fn new(service: &str, probe: &str) -> Self {
        Self {
            service: service.into(),
            probe: probe.into(),
        }
    }
}

impl fmt::Display for ProbeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.probe)
    }
}

/// Declares a closed set of reasons: the enum, its label values and its stored codes stay together.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $code:literal, $label:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// Every value, in declaration order: metrics are zero-initialised from it.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The metric label and word in reports.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
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

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.label()) }
        }
    };
}

reasons! {
    /// Why an outcome is bad: a closed set, fit for a metric label.
    Cause {
        /// The name did not resolve.
        Dns = 1, "dns";
        /// Nobody listens there.
        Refused = 2, "refused";
        /// No route to the host or its network.
        Unreachable = 3, "unreachable";
        /// Not done within the probe's timeout.
        Timeout = 4, "timeout";
        /// The peer reset the connection, or it broke.
        Reset = 5, "reset";
        /// The TLS handshake failed, for another reason than the certificate.
        Tls = 6, "tls";
        /// The certificate is expired, self-signed, for another name or otherwise not to be trusted.
        Certificate = 7, "certificate";
        /// The answer is not the protocol it should be.
        Protocol = 8, "protocol";
        /// A status outside the expected ones.
        Status = 9, "status";
        /// A header is missing or other than expected.
        Header = 10, "header";
        /// The body is other than expected.
        Body = 11, "body";
        /// The body exceeds the size limit.
        BodyTooLarge = 12, "body_too_large";
        /// More redirects than allowed, or one to an address that is never followed.
        Redirect = 13, "redirect";
        /// The proxy refused or failed.
        Proxy = 14, "proxy";
        /// A job that should report did not.
        Silent = 15, "silent";
        /// A job reported that it failed.
        JobFailed = 16, "job_failed";
        /// A provider refused the request because of a rate limit.
        RateLimited = 17, "rate_limited";
        /// A provider refused the request because it is at its capacity.
        Overloaded = 18, "overloaded";
        /// A streamed answer broke off, or ended without saying that it is complete.
        StreamBroken = 19, "stream_broken";
        /// The server reported an error inside of an answer that had begun successfully.
        StreamError = 20, "stream_error";
        /// A language model answered nothing.
        EmptyAnswer = 21, "empty_answer";
        /// The answer of a language model, or the records of a name server, are other than expected.
        Answer = 22, "answer";
        /// The peer closed the connection before its answer was complete.
        Closed = 23, "closed";
    }
}

impl Cause {
    /// Whether a failure of the network on the side of slod could look like this. It could not where a peer
    /// answered. It could where a report of another machine did not arrive.
    pub const fn could_be_own_network(self) -> bool {
        match self {
            Self::Dns
            | Self::Unreachable
            | Self::Timeout
            | Self::Reset
            | Self::Closed
            | Self::Proxy
            | Self::Silent
            | Self::StreamBroken => true,
            Self::Refused
            | Self::Tls
            | Self::Certificate
            | Self::Protocol
            | Self::Status
            | Self::Header
            | Self::Body
            | Self::BodyTooLarge
            | Self::Redirect
            | Self::JobFailed
            | Self::RateLimited
            | Self::Overloaded
            | Self::StreamError
            | Self::EmptyAnswer
            | Self::Answer => false,
        }
    }
}

reasons! {
    /// Why a language model ended its answer.
    FinishReason {
        /// It was complete.
        Stop = 1, "stop";
        /// The maximum number of tokens was reached.
        Length = 2, "length";
        /// The model asks for a tool.
        ToolCalls = 3, "tool_calls";
        /// The provider's filter ended it.
        ContentFilter = 4, "content_filter";
        /// The model refused to answer.
        Refusal = 5, "refusal";
        /// A reason that is not known here.
        Other = 6, "other";
    }
}

reasons! {
    /// Why an attempt says nothing about the service: a failure of slod itself, never counted against it.
    VoidReason {
        /// No file descriptor or local port was left, a permission is missing, or too many failures waited for the control probes.
        Resources = 1, "resources";
        /// The daemon was stopping.
        Shutdown = 2, "shutdown";
        /// The wall clock jumped while the probe ran, or before it was judged.
        ClockJump = 3, "clock_jump";
        /// The network on the side of slod had failed.
        Network = 4, "network";
        /// The probe itself failed: a defect in this program.
        Internal = 5, "internal";
        /// A job could not report, because this program did not run.
        Listening = 6, "listening";
        /// This program was stalled meanwhile: stopped, frozen, or without processor time.
        Stalled = 7, "stalled";
        /// This program was too busy to begin before the attempt should have ended.
        Late = 8, "late";
        /// The configured budget of the day is spent.
        Quota = 9, "quota";
    }
}

/// How one attempt was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad(Cause),
    Void(VoidReason),
}

impl Verdict {
    /// Good and bad count; void does not.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Void(_))
    }

    /// The word for people: `good`, or the reason.
    pub fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad(cause) => cause.label(),
            Self::Void(why) => why.label(),
        }
    }
}

/// What else is known of an attempt. It is shown and partly exported, and does not affect the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// When the certificate ends, or the certificate of its chain that ends first, up to its authority's
    /// own, in seconds since the epoch; of the certificate alone where it is not trusted.
    pub tls_not_after: Option<i64>,
    /// The address that was connected to.
    pub address: Option<IpAddr>,
    /// What the server said of its rate limits.
    pub rate_limits: RateLimits,
    /// One sentence for people, of at most [`Detail::MESSAGE_MAX`] bytes and without secrets.
    pub message: Option<Box<str>>,
}

impl Detail {
    pub const MESSAGE_MAX: usize = 240;

    /// Sets the sentence, cut at a character boundary where it is too long; control characters
    /// become spaces, since it may quote what a hostile target sent.
    pub fn say(&mut self, message: impl fmt::Display) {
        let mut text = printable(&message.to_string()).into_owned();
        if text.len() > Self::MESSAGE_MAX {
            text.truncate(text.floor_char_boundary(Self::MESSAGE_MAX - 3));
            text.push('…');
        }
        self.message = Some(text.into());
    }
}

/// The result of one attempt. A failing service is what slod measures, so this is no `Result`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// From the start of the attempt to its end, on the monotonic clock.
    pub latency: Duration,
    pub measured: Measurements,
    pub figures: Figures,
    /// What the protocol answered, as a number: an HTTP status, for example. The kind of the probe
    /// says what it means.
    pub code: Option<u32>,
    pub detail: Detail,
}

impl Outcome {
    pub fn new(verdict: Verdict, latency: Duration) -> Self {
        Self {
            verdict,
            latency,
            measured: Measurements::default(),
            figures: Figures::default(),
            code: None,
            detail: Detail::default(),
        }
    }

    /// What one measurement of the attempt took, or the whole of it.
    pub fn time(&self, of: Option<Measurement>) -> Option<Duration> {
        of.map_or(Some(self.latency), |one| self.measured.get(one))
    }
}

/// An outcome with its place in history: what the ledger takes and the store keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: ProbeKey,
    /// The tick the attempt belongs to, so that a late start does not move it into another slot.
    pub at: Timestamp,
    /// The interval in force: how much time this outcome stands for.
    pub interval: Duration,
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_codes_are_unique_and_read_back() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_code(cause.code()), Some(*cause));
        }
        for why in VoidReason::ALL {
            assert_eq!(VoidReason::from_code(why.code()), Some(*why));
        }
        for reason in FinishReason::ALL {
            assert_eq!(FinishReason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Cause::from_code(0), None);
    }

    #[test]
    fn a_long_hostile_message_is_cut_and_tamed() {
        let mut detail = Detail::default();
        detail.say("é\n\u{1b}[31m".repeat(200));
        let message = detail.message.expect("set above");
        assert!(message.len() <= Detail::MESSAGE_MAX);
        assert!(!message.contains(char::is_control));
    }
}
