//! Why an attempt ended early, read from typed errors and never from their texts.

use crate::outcome::{Cause, Verdict, Why};
use std::error::Error;
use std::io;

/// The verdict and one sentence for people, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub verdict: Verdict,
    pub message: String,
}

/// Linux' numbers for "no file descriptor, port, memory or buffer left": our own failing.
const EXHAUSTED: [i32; 5] = [
    12,  // ENOMEM
    23,  // ENFILE
    24,  // EMFILE
    99,  // EADDRNOTAVAIL
    105, // ENOBUFS
];

impl Failure {
    pub fn bad(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Bad(cause),
            message: message.into(),
        }
    }

    /// A failed system call while `doing` something.
    pub fn io(error: &io::Error, doing: &str) -> Self {
        let message = format!("{doing}: {error}");
        if error
            .raw_os_error()
            .is_some_and(|number| EXHAUSTED.contains(&number))
        {
            return Self {
                verdict: Verdict::Void(Why::Resources),
                message,
            };
        }
        let cause = match error.kind() {
            io::ErrorKind::ConnectionRefused => Cause::Refused,
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown => Cause::Unreachable,
            io::ErrorKind::TimedOut => Cause::Timeout,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Cause::Protocol,
            _ => Cause::Reset,
        };
        Self::bad(cause, message)
    }

    /// A failed handshake: the certificate, the rest of TLS, or the connection under it.
    pub fn tls(error: &io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::bad(
                Cause::Certificate,
                format!("the certificate is not to be trusted: {reason}"),
            ),
            Some(rustls::Error::NoCertificatesPresented) => {
                Self::bad(Cause::Certificate, "the server shows no certificate")
            }
            Some(reason) => Self::bad(Cause::Tls, format!("TLS handshake: {reason}")),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::bad(
                Cause::Reset,
                "the server closed the connection in the TLS handshake",
            ),
            None => Self::io(error, "TLS handshake"),
        }
    }
}

/// The first error of a type in a chain of sources.
pub fn source_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
