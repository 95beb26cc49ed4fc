//! The config keys that every kind which connects has in common, and the reader of those for TLS.

use super::authorities::{OutOfDate, out_of_date};
use super::certificates::read_certificates;
use super::tls::{Identity, Tls, TlsOptions};
use super::tls_error::dated;
use super::trust::{NO_TRUSTED, NO_TRUSTED_HELP};
use super::{Address, Family, Trust};
use crate::diagnostic::Severity;
use crate::yaml::{Bool, Choice, Declared, FilePath, Key, Mapping, Parsed, Section};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

pub const IP_VERSION: Key<Choice<Family>> = Key::with_default(
    "ip_version",
    Choice(&[("any", Family::Any), ("4", Family::V4), ("6", Family::V6)]),
    "any",
    "Which address families are resolved and tried. Connections try IPv6 and IPv4 in turn, as browsers do (RFC 8305): the next address begins when one failed, or was silent for 250 ms or its share of the timeout; the first that answers is used, and the outcome names the silent ones. `icmp`, and `dns` over UDP, try one after the other, each for its share of the timeout.",
);

/// The form of `tls`, read by [`TlsOptions::read`].
pub const TLS: Mapping = Mapping(&[&CA_FILE, &CERT_FILE, &KEY_FILE, &SERVER_NAME, &INSECURE]);

const CA_FILE: Key<FilePath> = Key::optional(
    "ca_file",
    FilePath,
    "PEM certificates to trust instead of the system's: authorities, which must be valid themselves at the time and allowed to issue for servers, or the server's own certificate, which is then trusted regardless of its key usage, as long as its dates and its name are valid. Changed files are reloaded.",
);

const CERT_FILE: Key<FilePath> = Key::optional(
    "cert_file",
    FilePath,
    "PEM chain of the client certificate; requires `key_file`. Sent only to the configured origin.",
);

const KEY_FILE: Key<FilePath> =
    Key::optional("key_file", FilePath, "PEM key of the client certificate.");

const SERVER_NAME: Key<Parsed<ServerName<'static>>> = Key::optional(
    "server_name",
    Parsed {
        label: "host name or IP address",
        expected: "a host name such as db.example.org, whose last label is no number, or an IP address",
        parse: |text| ServerName::try_from(text.to_owned()).ok(),
    },
    "Name to send and to verify instead of the configured host.",
);

const INSECURE: Key<Bool> = Key::with_default(
    "insecure",
    Bool,
    "false",
    "Trusts every certificate. Its expiry is still exported.",
);

impl TlsOptions {
    /// What the section `tls` says; every fault is reported at its place.
    pub fn read(tls: &Section<'_>) -> Self {
        let insecure = tls.get(&INSECURE).unwrap_or(false);
        if insecure {
            warn_of_insecure(tls);
        }
        Self {
            trust: read_trust(tls),
            identity: read_identity(tls),
            server_name: tls.get(&SERVER_NAME),
            insecure,
            alpn: &[],
        }
    }

    /// Reports at `key` of the kind's own section what cannot be used together.
    pub fn build(self, section: &Section<'_>, key: &Key<Mapping>) -> Option<Tls> {
        Tls::new(self)
            .map_err(|fault| section.error("invalid-value", key, fault, "check the files"))
            .ok()
    }
}

/// The TLS of a kind that uses it only if its key is there: `None` without it, and where a fault is
/// reported, which refuses the whole config.
pub fn optional_tls(
    section: &Section<'_>,
    key: &Key<Mapping>,
    alpn: &'static [&'static [u8]],
) -> Option<Tls> {
    let Some(tls) = section.section(key) else {
        refuse_empty(section, key);
        return None;
    };
    let options = TlsOptions {
        alpn,
        ..TlsOptions::read(&tls)
    };
    let tls = options.build(section, key)?;
    refuse_untrusting(section, key, &tls)?;
    Some(tls)
}

/// Reports at `key` that servers are verified by the system's certificates and there is none.
pub fn refuse_untrusting(section: &Section<'_>, key: &Key<Mapping>, tls: &Tls) -> Option<()> {
    let trusted = tls.trusted_now();
    let report = |fault| section.error("invalid-value", key, fault, NO_TRUSTED_HELP);
    trusted.map_err(|_| report(NO_TRUSTED)).ok().map(drop)
}

/// Reports a `tls:` with nothing below it, which would otherwise mean no TLS.
fn refuse_empty(section: &Section<'_>, key: &Key<Mapping>) {
    if let Some(at) = section.spot_of_null(key) {
        let help = "`tls: {}` for TLS with the defaults, or remove the key";
        let reader = section.reader();
        reader.error("invalid-value", &at, "`tls` has no value", help);
    }
}

/// The name that a certificate must have; reported at the key of the address if that holds none.
pub fn server_name(
    section: &Section<'_>,
    tls: &Tls,
    key: &dyn Declared,
    address: &Address,
) -> Option<ServerName<'static>> {
    let name = tls.server_name(address.name());
    name.map_err(|failure| {
        let help = "add `server_name` below `tls`";
        section.error("invalid-value", key, failure.message, help);
    })
    .ok()
}

fn warn_of_insecure(tls: &Section<'_>) {
    tls.reader().report(
        Severity::Warning,
        "insecure-tls",
        &tls.spot_of(&INSECURE),
        "every certificate is trusted".to_owned(),
        Some("set `ca_file` to trust your own authority instead".to_owned()),
    );
}

/// Warns of the authorities of a key by which no certificate is trusted now.
pub fn warn_of_authorities(section: &Section<'_>, key: &dyn Declared, found: &[OutOfDate]) {
    let help = "no certificate that it issued is accepted; remove it, or add its successor";
    warn_of_dates(section, key, found, help);
}

/// Warns of the certificates that a key shows to others and that these refuse now.
pub fn warn_of_chain(section: &Section<'_>, key: &dyn Declared, chain: &[CertificateDer<'_>]) {
    let help = "others refuse it; renew it";
    warn_of_dates(section, key, &out_of_date(chain, UnixTime::now()), help);
}

fn warn_of_dates(section: &Section<'_>, key: &dyn Declared, found: &[OutOfDate], help: &str) {
    let Some((first, more)) = found.split_first() else {
        return;
    };
    let more = match more.len() {
        0 => String::new(),
        more => format!(", and {more} more are not valid now"),
    };
    section.reader().report(
        Severity::Warning,
        "certificate-out-of-date",
        &section.spot_of(key),
        format!("{}{more}", dated(first)),
        Some(help.to_owned()),
    );
}

fn read_trust(tls: &Section<'_>) -> Option<Arc<Trust>> {
    let pem = tls.file(&CA_FILE)?;
    let trust = Trust::new(&read_certificates(&pem));
    if let Ok(trust) = &trust {
        warn_of_authorities(tls, &CA_FILE, &trust.out_of_date(UnixTime::now()));
    }
    trust
        .map_err(|fault| {
            let wanted = "PEM with at least one CERTIFICATE";
            tls.error("invalid-value", &CA_FILE, fault, wanted);
        })
        .ok()
}

fn read_identity(tls: &Section<'_>) -> Option<Identity> {
    match (tls.has(&CERT_FILE), tls.has(&KEY_FILE)) {
        (false, false) => return None,
        (true, true) => {}
        (true, false) => tls.error(
            "missing-key",
            &CERT_FILE,
            "`key_file` is missing",
            "a client certificate requires its key",
        ),
        (false, true) => tls.error(
            "missing-key",
            &KEY_FILE,
            "`cert_file` is missing",
            "a key requires its certificate",
        ),
    }
    let (chain, key) = (tls.file(&CERT_FILE)?, tls.file(&KEY_FILE)?);
    tls.warn_of_readable(&KEY_FILE);
    let chain = read_certificates(&chain);
    if chain.is_empty() {
        tls.error(
            "invalid-value",
            &CERT_FILE,
            "the file holds no certificate",
            "PEM with at least one CERTIFICATE",
        );
        return None;
    }
    warn_of_chain(tls, &CERT_FILE, &chain);
    if let Ok(key) = PrivateKeyDer::from_pem_slice(&key) {
        Some((chain, key))
    } else if is_encrypted(&key) {
        tls.error(
            "invalid-value",
            &KEY_FILE,
            "the private key is encrypted",
            "a key without a passphrase, as `openssl pkey -in KEY -out DECRYPTED` writes it, in a file that only slod can read",
        );
        None
    } else {
        tls.error(
            "invalid-value",
            &KEY_FILE,
            "the file holds no private key",
            "PEM with a PRIVATE KEY",
        );
        None
    }
}

/// Whether a PEM text has a key that needs a passphrase: PKCS #8, or what OpenSSL wrote before.
fn is_encrypted(pem: &[u8]) -> bool {
    let marks = [
        &b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ];
    marks
        .iter()
        .any(|mark| memchr::memmem::find(pem, mark).is_some())
}
