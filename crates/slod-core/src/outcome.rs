//! The result of a probe: types used by all other modules.

mod closed_set;
mod figure;
mod measurement;
mod rate_limit;
mod timestamp;

pub use figure::{Figure, Figures};
pub use measurement::{CodeOf, DurationOf, Measurement, Measurements, Measures};
pub use rate_limit::{RateLimit, RateLimits};
pub use timestamp::{Timestamp, millis};

use crate::text::printable;
use closed_set::closed_set;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

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
    /// The duration of one measurement, or of the whole attempt.
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

/// A probe by its service and name: identifies a history across restarts and reloads.
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

closed_set! {
    /// Why an outcome is bad. A closed set, suitable for a metric label.
    Cause {
        /// The name did not resolve.
        Dns = 1, "dns";
        /// Nothing listens on the port.
        Refused = 2, "refused";
        /// No route to the host or its network.
        Unreachable = 3, "unreachable";
        /// Not completed within the probe's timeout.
        Timeout = 4, "timeout";
        /// The peer reset the connection, or it broke.
        Reset = 5, "reset";
        /// The TLS handshake failed for a reason other than the certificate.
        Tls = 6, "tls";
        /// The certificate is expired, self-signed, for another name, or otherwise not trusted.
        Certificate = 7, "certificate";
        /// The response violates the protocol.
        Protocol = 8, "protocol";
        /// An unexpected status.
        Status = 9, "status";
        /// A header is missing or has an unexpected value.
        Header = 10, "header";
        /// The body is not as expected.
        Body = 11, "body";
        /// The body exceeds the size limit.
        BodyTooLarge = 12, "body_too_large";
        /// Too many redirects, or one to an address that is never followed.
        Redirect = 13, "redirect";
        /// The proxy rejected the request or failed.
        Proxy = 14, "proxy";
        /// A job did not report in time.
        Silent = 15, "silent";
        /// A job reported a failure.
        JobFailed = 16, "job_failed";
        /// A provider rejected the request because of a rate limit.
        RateLimited = 17, "rate_limited";
        /// A provider rejected the request because it is overloaded.
        Overloaded = 18, "overloaded";
        /// A streamed response broke off, or ended without an end marker.
        StreamBroken = 19, "stream_broken";
        /// The server reported an error within a response that had begun successfully.
        StreamError = 20, "stream_error";
        /// A language model returned an empty answer.
        EmptyAnswer = 21, "empty_answer";
        /// The answer of a language model, or the records of a name server, are not as expected.
        Answer = 22, "answer";
        /// The peer closed the connection before its response was complete.
        Closed = 23, "closed";
    }
}

impl Cause {
    /// Whether a failure of slod's own network could look like this. It cannot if the peer responded. It
    /// can if a report from another machine did not arrive.
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

closed_set! {
    /// Why a language model ended its answer.
    FinishReason {
        /// It was complete.
        Stop = 1, "stop";
        /// The maximum number of tokens was reached.
        Length = 2, "length";
        /// The model requests a tool call.
        ToolCalls = 3, "tool_calls";
        /// The provider's content filter ended it.
        ContentFilter = 4, "content_filter";
        /// The model refused to answer.
        Refusal = 5, "refusal";
        /// An unknown reason.
        Other = 6, "other";
    }
}

closed_set! {
    /// Why an attempt says nothing about the service. Such outcomes never count against it.
    VoidReason {
        /// No file descriptor or local port was available, a permission is missing, or too many failures
        /// waited for the control probes.
        Resources = 1, "resources";
        /// The daemon was stopping.
        Shutdown = 2, "shutdown";
        /// The wall clock jumped while the probe ran, or before the outcome was judged.
        ClockJump = 3, "clock_jump";
        /// slod's own network had failed.
        Network = 4, "network";
        /// The probe itself failed because of a bug in slod.
        Internal = 5, "internal";
        /// A job could not report, because slod was not running.
        Listening = 6, "listening";
        /// slod was stalled: stopped, frozen, or without CPU time.
        Stalled = 7, "stalled";
        /// slod was too busy to start the attempt before its deadline.
        Late = 8, "late";
        /// The configured daily budget is exhausted.
        Quota = 9, "quota";
        /// The token that the request needs could not be obtained.
        Token = 10, "token";
    }
}

/// The verdict on one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad(Cause),
    Void(VoidReason),
}

impl Verdict {
    /// Good and bad outcomes count; void ones do not.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Void(_))
    }

    /// The word shown to people: `good`, or the reason.
    pub fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad(cause) => cause.label(),
            Self::Void(why) => why.label(),
        }
    }
}

/// Additional information about an attempt. It is shown and partly exported, and does not affect the
/// verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// When the certificate expires, in seconds since the epoch: the earliest expiry in its chain including
    /// the root certificate, or that of the certificate alone if it is not trusted. Of several servers, as
    /// after a redirect, the earliest one.
    pub tls_not_after: Option<i64>,
    /// How long the certificate that expires then is valid in total, in seconds. Not stored.
    pub tls_lifetime: Option<i64>,
    /// The address of the connection.
    pub address: Option<IpAddr>,
    /// The rate limits reported by the server.
    pub rate_limits: RateLimits,
    /// One sentence for people, of at most [`Detail::MESSAGE_MAX`] bytes and without secrets.
    pub message: Option<Box<str>>,
}

impl Detail {
    pub const MESSAGE_MAX: usize = 240;

    /// Notes the expiry of a server's certificate and how long it is valid in total, both in seconds.
    pub fn note_certificate(&mut self, not_after: i64, lifetime: i64) {
        if self.tls_not_after.is_none_or(|first| not_after < first) {
            self.tls_not_after = Some(not_after);
            self.tls_lifetime = Some(lifetime);
        }
    }

    /// Sets the message, truncated at a character boundary if it is too long. Control characters become
    /// spaces, since the message may quote data from a hostile target.
    pub fn say(&mut self, message: impl fmt::Display) {
        let mut text = printable(&message.to_string()).into_owned();
        if text.len() > Self::MESSAGE_MAX {
            text.truncate(text.floor_char_boundary(Self::MESSAGE_MAX - 3));
            text.push('…');
        }
        self.message = Some(text.into());
    }
}

/// The result of one attempt. Failures of services are what slod measures, so this is not a `Result`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// From the start of the attempt to its end, on the monotonic clock.
    pub latency: Duration,
    pub measured: Measurements,
    pub figures: Figures,
    /// The status code of the protocol, such as an HTTP status. Its meaning depends on the kind of probe.
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

    /// The duration of one measurement, or of the whole attempt.
    pub fn time(&self, of: Option<Measurement>) -> Option<Duration> {
        of.map_or(Some(self.latency), |one| self.measured.get(one))
    }
}

/// An outcome with its place in history, as passed to the ledger and kept in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: ProbeKey,
    /// The tick of the attempt, so that a late start does not move it into another slot.
    pub at: Timestamp,
    /// The interval at that time: how much time this outcome covers.
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
    fn a_long_hostile_message_is_truncated_and_sanitized() {
        let mut detail = Detail::default();
        detail.say("é\n\u{1b}[31m".repeat(200));
        let message = detail.message.expect("set above");
        assert!(message.len() <= Detail::MESSAGE_MAX);
        assert!(!message.contains(char::is_control));
    }
}
