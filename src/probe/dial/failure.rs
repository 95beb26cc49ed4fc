//! Why an attempt failed, derived from typed errors and never from their messages.

use super::tls_error;
use crate::outcome::{Cause, Verdict, VoidReason};
use slod_load::source_of;
use std::borrow::Cow;
use std::error::Error;
use std::io;

/// A verdict and a one-sentence message without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub verdict: Verdict,
    pub message: String,
}

impl Failure {
    pub fn bad(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad(cause),
            message: message.into(),
        }
    }

    pub fn void(why: VoidReason, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Void(why),
            message: message.into(),
        }
    }

    /// A failed system call, or a TLS error on an open connection, while `doing` something.
    pub fn io(error: &io::Error, doing: &str) -> Self {
        if let Some(failure) = Self::secured(error) {
            return failure;
        }
        let (verdict, words) = meaning(error);
        Self {
            verdict,
            message: format!("{doing}: {words}"),
        }
    }

    /// A TLS error on an open connection; `None` for another error.
    pub fn secured(error: &io::Error) -> Option<Self> {
        let (cause, message) = tls_error::explain(tls_reason(error)?);
        Some(Self::bad(cause, message))
    }

    /// A failed handshake: the certificate, another TLS error, or the underlying connection.
    pub fn tls(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof && tls_reason(error).is_none() {
            return Self::bad(
                Cause::Closed,
                "the server closed the connection in the TLS handshake",
            );
        }
        Self::io(error, "TLS handshake")
    }
}

/// Finds the TLS error, which may be wrapped in other errors.
fn tls_reason(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    let wrapped = || inner.downcast_ref().and_then(tls_reason);
    inner.downcast_ref().or_else(wrapped)
}

/// Describes the TLS error in a chain of sources, if there is one, without advice.
pub fn tls_fault(error: &(dyn Error + 'static)) -> Option<String> {
    let reason = source_of::<io::Error>(error).and_then(tls_reason)?;
    let (_, message) = tls_error::explain(reason);
    Some(without_advice(&message).to_owned())
}

/// A message without the advice about the keys of a probe that may follow it.
pub fn without_advice(message: &str) -> &str {
    message.split("; ").next().unwrap_or_default()
}

/// Classifies a failed system call by whether the remote side or only this machine can have caused
/// it. `Void` requires an error number that nothing but this machine can cause. `EACCES` is not one
/// of them: Linux also returns it when a router or the remote host's firewall answers
/// "administratively prohibited".
fn meaning(error: &io::Error) -> (Verdict, Cow<'static, str>) {
    use Verdict::{Bad, Void};
    let Some(number) = error.raw_os_error() else {
        return without_number(error);
    };
    let (verdict, words) = match number {
        libc::EMFILE | libc::ENFILE => (Void(VoidReason::Resources), "no file descriptor is left"),
        libc::ENOMEM | libc::ENOBUFS => (
            Void(VoidReason::Resources),
            "not enough memory for a socket",
        ),
        // The second is returned for datagram sockets.
        libc::EADDRNOTAVAIL | libc::EADDRINUSE => (
            Void(VoidReason::Resources),
            "this machine has no suitable address or no free port to connect from",
        ),
        libc::EAGAIN => (
            Void(VoidReason::Resources),
            "this machine temporarily lacks a resource for it",
        ),
        libc::EAFNOSUPPORT => (
            Void(VoidReason::Resources),
            "this machine does not support this version of IP",
        ),
        libc::EPERM => (
            Void(VoidReason::Network),
            "blocked by this machine's firewall",
        ),
        libc::ENETDOWN => (Void(VoidReason::Network), "this machine's network is down"),
        libc::ECONNREFUSED => (Bad(Cause::Refused), "connection refused"),
        libc::EHOSTUNREACH | libc::EHOSTDOWN => (Bad(Cause::Unreachable), "no route to the host"),
        libc::ENETUNREACH => (Bad(Cause::Unreachable), "no route to the network"),
        libc::EACCES => (Bad(Cause::Unreachable), "rejected by a firewall or a route"),
        libc::EINVAL => (Bad(Cause::Unreachable), "cannot connect to the address"),
        libc::ETIMEDOUT => (Bad(Cause::Timeout), "no answer"),
        libc::ECONNRESET => (Bad(Cause::Reset), "connection reset by peer"),
        libc::EPIPE | libc::ECONNABORTED => (Bad(Cause::Reset), "connection closed by peer"),
        _ => return (Bad(Cause::Reset), error.to_string().into()),
    };
    (verdict, words.into())
}

fn without_number(error: &io::Error) -> (Verdict, Cow<'static, str>) {
    let (cause, words) = match error.kind() {
        io::ErrorKind::TimedOut => (Cause::Timeout, "no answer"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            (Cause::Protocol, "the data is invalid")
        }
        io::ErrorKind::UnexpectedEof => (Cause::Closed, "connection closed by peer"),
        _ => (Cause::Reset, "connection closed by peer"),
    };
    (Verdict::Bad(cause), words.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_purely_local_errors_are_void() {
        let verdict = |number| Failure::io(&io::Error::from_raw_os_error(number), "x").verdict;
        let ours = [
            (libc::EMFILE, VoidReason::Resources),
            (libc::ENFILE, VoidReason::Resources),
            (libc::ENOMEM, VoidReason::Resources),
            (libc::ENOBUFS, VoidReason::Resources),
            (libc::EADDRNOTAVAIL, VoidReason::Resources),
            (libc::EADDRINUSE, VoidReason::Resources),
            (libc::EAGAIN, VoidReason::Resources),
            (libc::EAFNOSUPPORT, VoidReason::Resources),
            (libc::EPERM, VoidReason::Network),
            (libc::ENETDOWN, VoidReason::Network),
        ];
        for number in 1..134 {
            let why = ours.iter().find(|(ours, _)| *ours == number);
            match (verdict(number), why) {
                (Verdict::Void(found), Some((_, wanted))) => assert_eq!(found, *wanted),
                (Verdict::Bad(_), None) => {}
                (found, _) => panic!("errno {number} is {found:?}"),
            }
        }
        assert_eq!(verdict(libc::EACCES), Verdict::Bad(Cause::Unreachable));
        assert_eq!(verdict(libc::ENETUNREACH), Verdict::Bad(Cause::Unreachable));
        assert_eq!(verdict(libc::ECONNREFUSED), Verdict::Bad(Cause::Refused));
    }
}
