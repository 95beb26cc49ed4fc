//! The validity periods of certificates.

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

/// The validity period of a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Dates {
    not_before: UnixTime,
    not_after: UnixTime,
}

impl Dates {
    /// When it expires, in seconds since 1970.
    pub fn ends(self) -> i64 {
        i64::try_from(self.not_after.as_secs()).unwrap_or(i64::MAX)
    }

    /// How long it is valid in total, in seconds.
    pub fn length(self) -> i64 {
        let length = self
            .not_after
            .as_secs()
            .saturating_sub(self.not_before.as_secs());
        i64::try_from(length).unwrap_or(i64::MAX)
    }

    pub fn of(certificate: &X509Certificate<'_>) -> Self {
        let moment = |secs: i64| {
            UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(secs).unwrap_or_default()))
        };
        let validity = certificate.validity();
        Self {
            not_before: moment(validity.not_before.timestamp()),
            not_after: moment(validity.not_after.timestamp()),
        }
    }

    pub fn check(self, now: UnixTime) -> Result<(), CertificateError> {
        let Self {
            not_before,
            not_after,
        } = self;
        if now > not_after {
            return Err(CertificateError::ExpiredContext {
                time: now,
                not_after,
            });
        }
        if now < not_before {
            return Err(CertificateError::NotValidYetContext {
                time: now,
                not_before,
            });
        }
        Ok(())
    }
}

/// A certificate that has expired or is not valid yet.
#[derive(Clone, Debug)]
pub struct OutOfDate {
    pub subject: String,
    pub fault: CertificateError,
}

/// Returns those of the certificates that are not valid now.
pub fn out_of_date(certificates: &[CertificateDer<'_>], now: UnixTime) -> Vec<OutOfDate> {
    let parsed = certificates
        .iter()
        .filter_map(|one| Some(parse_x509_certificate(one).ok()?.1));
    let faults = parsed.filter_map(|one| {
        Some(OutOfDate {
            fault: Dates::of(&one).check(now).err()?,
            subject: one.subject().to_string(),
        })
    });
    faults.collect()
}
