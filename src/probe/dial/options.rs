//! The config keys shared by all kinds that connect, and the reader of the TLS options.

use super::certificates::read_certificates;
use super::dates::{OutOfDate, out_of_date};
use super::tls::{Identity, Tls, TlsOptions};
use super::tls_error::dated;
use super::trust::{NO_TRUSTED, NO_TRUSTED_HELP};
use super::{Family, Host, Trust};
use crate::diagnostic::Severity;
use crate::yaml::{Bool, Choice, Declared, FilePath, Key, Mapping, Parsed, Section};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::sync::Arc;

/// Its value is read by [`read_family`].
pub const IP_VERSION: Key<Choice<Family>> = Key::with_default(
    "ip_version",
    Choice(&[("any", Family::Any), ("4", Family::V4), ("6", Family::V6)]),
    "any",
    "Which address families are resolved and tried. Connections try IPv6 and IPv4 in turn, as browsers do (RFC 8305): the next address is tried when one failed, or has not answered within 250 ms or its share of the timeout; the first that answers is used, and the outcome lists those that did not answer. `icmp`, and `dns` over UDP, try one address after the other, each for its share of the timeout.",
);

/// Reads the address family to use. If the host is an address of the other one, no attempt could ever connect, so
/// this is reported.
pub fn read_family(section: &Section<'_>, host: Option<&Host>) -> Option<Family> {
    let family = section.get(&IP_VERSION)?;
    let Some(Host::Address(address)) = host else {
        return Some(family);
    };
    if !family.fits(*address) {
        section.error(
            "conflict",
            &IP_VERSION,
            format!("{address} is not an address of this IP version"),
            "remove the key, or use a name or an address of this version",
        );
        return None;
    }
    Some(family)
}

/// The value of `tls`, read by [`TlsOptions::read`].
pub const TLS: Mapping = Mapping(&[&CA_FILE, &CERT_FILE, &KEY_FILE, &SERVER_NAME, &INSECURE]);

const CA_FILE: Key<FilePath> = Key::optional(
    "ca_file",
    FilePath,
    "PEM certificates to trust instead of the system's: certificate authorities, which must be valid at the time of the handshake and allowed to issue for servers, or the server's own certificate, which is trusted regardless of its key usage as long as its dates and its name are valid. Changed files are reloaded.",
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
        expected: "a host name such as db.example.org, whose last label is not a number, or an IP address",
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
    /// Reads the section `tls`; every error is reported at its key.
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

    /// Builds the TLS configuration; reports values that cannot be combined at `key` of the kind's
    /// section.
    pub fn build(self, section: &Section<'_>, key: &Key<Mapping>) -> Option<Tls> {
        Tls::new(self)
            .map_err(|fault| section.error("invalid-value", key, fault, "check the files"))
            .ok()
    }
}

/// Reads the TLS options of a kind that uses TLS only if the key is present. `None` without the
/// key, and after a reported error, which rejects the whole config.
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

/// Reports at `key` that servers are to be verified by the system's certificates, and the system
/// has none.
pub fn refuse_untrusting(section: &Section<'_>, key: &Key<Mapping>, tls: &Tls) -> Option<()> {
    let trusted = tls.trusted_now();
    let report = |fault| section.error("invalid-value", key, fault, NO_TRUSTED_HELP);
    trusted.map_err(|_| report(NO_TRUSTED)).ok().map(drop)
}

/// Reports an empty `tls:`, which would otherwise mean no TLS.
fn refuse_empty(section: &Section<'_>, key: &Key<Mapping>) {
    if let Some(at) = section.spot_of_null(key) {
        let help = "`tls: {}` for TLS with the defaults, or remove the key";
        let reader = section.reader();
        reader.error("invalid-value", &at, "`tls` has no value", help);
    }
}

/// The name that the certificate must be valid for. If the host of the address is not valid as one,
/// this is reported at the address.
pub fn server_name(
    section: &Section<'_>,
    tls: &Tls,
    key: &dyn Declared,
    host: &str,
) -> Option<ServerName<'static>> {
    let name = tls.server_name(host);
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

/// Warns of configured authorities that are not valid now.
pub fn warn_of_authorities(section: &Section<'_>, key: &dyn Declared, found: &[OutOfDate]) {
    let help = "certificates issued by it are not accepted; remove it, or add its successor";
    warn_of_dates(section, key, found, help);
}

/// Warns of configured certificates that are not valid now, so that peers reject them.
pub fn warn_of_chain(section: &Section<'_>, key: &dyn Declared, chain: &[CertificateDer<'_>]) {
    let help = "peers reject it; renew it";
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
    read_chain(tls, &chain).zip(read_key(tls, &key))
}

fn read_chain(tls: &Section<'_>, pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain = read_certificates(pem);
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
    Some(chain)
}

fn read_key(tls: &Section<'_>, pem: &[u8]) -> Option<PrivateKeyDer<'static>> {
    if let Ok(key) = PrivateKeyDer::from_pem_slice(pem) {
        return Some(key);
    }
    let (fault, wanted) = if is_encrypted(pem) {
        (
            "the private key is encrypted",
            "a key without a passphrase, as `openssl pkey -in KEY -out DECRYPTED` writes it, in a file that only slod can read",
        )
    } else {
        ("the file holds no private key", "PEM with a PRIVATE KEY")
    };
    tls.error("invalid-value", &KEY_FILE, fault, wanted);
    None
}

/// Whether a PEM text has a key that needs a passphrase, as PKCS #8 or in OpenSSL's traditional
/// format.
fn is_encrypted(pem: &[u8]) -> bool {
    let marks = [
        &b"-----BEGIN ENCRYPTED PRIVATE KEY-----"[..],
        b"Proc-Type: 4,ENCRYPTED",
    ];
    marks
        .iter()
        .any(|mark| memchr::memmem::find(pem, mark).is_some())
}
