//! The config keys that every kind which connects has in common, and their reader.

use super::tls::{Identity, Tls, TlsOptions};
use super::{Family, Trust};
use crate::diagnostic::Severity;
use crate::yaml::{Key, Section, Shape};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::sync::Arc;

/// Read by [`family`].
pub const IP_VERSION: Key = Key::optional(
    "ip_version",
    Shape::Choice(&["any", "4", "6"]),
    "any",
    "Which addresses are asked for and tried. They are tried in the resolver's order, and a silent one gets only its share of the time.",
);

/// The keys of `tls`, read by [`TlsOptions::read`].
pub const TLS: &[Key] = &[
    Key::optional(
        "ca_file",
        Shape::File,
        "",
        "PEM certificates to trust instead of the system's: authorities, or the server's own certificate, which is then trusted whatever it says of its use, as long as its dates and its name fit. Files that a config names are read again when they change.",
    ),
    Key::optional(
        "cert_file",
        Shape::File,
        "",
        "PEM chain of the client certificate; needs `key_file`. Shown to the configured origin only.",
    ),
    Key::optional(
        "key_file",
        Shape::File,
        "",
        "PEM key of the client certificate.",
    ),
    Key::optional(
        "server_name",
        Shape::Text,
        "",
        "Name to send and to verify instead of the configured host.",
    ),
    Key::optional(
        "insecure",
        Shape::Bool,
        "false",
        "Trusts every certificate. Its expiry is still exported.",
    ),
];

/// Which addresses `ip_version` allows.
pub fn family(section: &Section<'_>) -> Family {
    let versions = [("any", Family::Any), ("4", Family::V4), ("6", Family::V6)];
    section.choice("ip_version", &versions).unwrap_or_default()
}

impl TlsOptions {
    /// What the section `tls` says; every fault is reported at its place.
    pub fn read(tls: &Section<'_>) -> Self {
        let insecure = tls.bool("insecure").unwrap_or(false);
        if insecure {
            warn_of_insecure(tls);
        }
        Self {
            trust: read_trust(tls),
            identity: read_identity(tls),
            server_name: tls.parse(
                "server_name",
                "a host name such as db.example.org, or an IP address",
                |text| ServerName::try_from(text.to_owned()).ok(),
            ),
            insecure,
            alpn: Vec::new(),
        }
    }

    /// Reports at `tls` of the kind's own section what cannot be used together.
    pub fn build(self, section: &Section<'_>) -> Option<Tls> {
        Tls::new(self)
            .map_err(|fault| section.error("invalid-value", "tls", fault, "check the files"))
            .ok()
    }
}

fn warn_of_insecure(tls: &Section<'_>) {
    tls.reader().report(
        Severity::Warning,
        "insecure-tls",
        &tls.spot_of("insecure"),
        "every certificate is trusted".to_owned(),
        Some("trust your own authority with `ca_file` instead".to_owned()),
    );
}

fn read_trust(tls: &Section<'_>) -> Option<Arc<Trust>> {
    let pem = tls.file("ca_file")?;
    let certificates = CertificateDer::pem_slice_iter(&pem).flatten().collect();
    Trust::new(certificates)
        .map_err(|fault| {
            let wanted = "PEM with at least one CERTIFICATE";
            tls.error("invalid-value", "ca_file", fault, wanted);
        })
        .ok()
}

fn read_identity(tls: &Section<'_>) -> Option<Identity> {
    match (tls.has("cert_file"), tls.has("key_file")) {
        (false, false) => return None,
        (true, true) => {}
        (true, false) => tls.error(
            "missing-key",
            "cert_file",
            "`key_file` is missing",
            "a client certificate needs its key",
        ),
        (false, true) => tls.error(
            "missing-key",
            "key_file",
            "`cert_file` is missing",
            "a key needs its certificate",
        ),
    }
    let (chain, key) = (tls.file("cert_file")?, tls.file("key_file")?);
    tls.warn_if_world_readable("key_file");
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain).flatten().collect();
    if chain.is_empty() {
        tls.error(
            "invalid-value",
            "cert_file",
            "the file holds no certificate",
            "PEM with at least one CERTIFICATE",
        );
        return None;
    }
    if let Ok(key) = PrivateKeyDer::from_pem_slice(&key) {
        Some((chain, key))
    } else {
        tls.error(
            "invalid-value",
            "key_file",
            "the file holds no private key",
            "PEM with a PRIVATE KEY",
        );
        None
    }
}
