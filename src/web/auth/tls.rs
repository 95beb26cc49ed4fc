//! TLS of the server, from the web configuration file.

use super::client;
use super::keys::{self, ClientAuth, Version};
use crate::probe::dial::options::warn_of_chain;
use crate::yaml::{Declared, FilePath, Key, Section, Text};
use rustls::crypto::ring::{default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CipherSuite, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use std::sync::Arc;

/// Curves by their names in Go.
const CURVES: [(&str, &'static dyn SupportedKxGroup); 3] = [
    ("X25519", kx_group::X25519),
    ("CurveP256", kx_group::SECP256R1),
    ("CurveP384", kx_group::SECP384R1),
];

/// TLS ready to accept connections.
#[derive(Clone, Debug)]
pub struct ServerTls {
    pub config: Arc<ServerConfig>,
    pub client_auth: ClientAuth,
}

impl ServerTls {
    #[must_use]
    pub fn with_http2(mut self, http2: bool) -> Self {
        let protocols: &[&[u8]] = if http2 {
            &[b"h2", b"http/1.1"]
        } else {
            &[b"http/1.1"]
        };
        let protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::make_mut(&mut self.config).alpn_protocols = protocols;
        self
    }
}

/// Returns `None` after reporting what is invalid.
pub fn read(section: &Section<'_>) -> Option<ServerTls> {
    let (chain, key) = (chain(section), key(section));
    let (versions, provider) = (versions(section), provider(section));
    let ignores_client_order = section.get(&keys::PREFER_SERVER_CIPHER_SUITES);
    let client_auth = section.get(&keys::CLIENT_AUTH)?;
    let trusted = client_cas(section, client_auth);
    let clients = client::verifier(section, client_auth, &trusted?)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let Ok(builder) = builder.with_protocol_versions(&versions?) else {
        section.error(
            "conflict",
            &keys::CIPHER_SUITES,
            "no suite supports a version from `min_version` to `max_version`",
            "suites with ECDHE in their name are for TLS12, the others for TLS13",
        );
        return None;
    };
    let builder = builder.with_client_cert_verifier(clients);
    let built = builder.with_single_cert(chain?, key?);
    let reported = built.map_err(|fault| report(section, &fault));
    let mut config = reported.ok()?;
    config.ignore_client_order = ignores_client_order?;
    Some(ServerTls {
        config: Arc::new(config),
        client_auth,
    })
}

fn report(section: &Section<'_>, fault: &rustls::Error) {
    let message = match fault {
        rustls::Error::InconsistentKeys(_) => "the key does not belong to the certificate",
        _ => "the certificate or the key cannot be used",
    };
    let help = "expected a certificate of X.509 version 3, and its RSA, ECDSA or Ed25519 key";
    let reader = section.reader();
    reader.error("invalid-value", section.spot(), message, help);
}

/// Reads the certificates of a key that is inline or names a file.
fn certificates(
    section: &Section<'_>,
    inline: &Key<Text>,
    file: &Key<FilePath>,
) -> Option<Vec<CertificateDer<'static>>> {
    if section.has(inline) && section.has(file) {
        let message = format!("both `{}` and `{}` are given", inline.name, file.name);
        section.error("conflict", file, message, "remove one of them");
    }
    let (at, pem): (&dyn Declared, _) = if section.has(file) {
        (file, section.file(file)?)
    } else {
        (inline, section.get(inline)?.into_bytes())
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = certificates.ok().filter(|found| !found.is_empty());
    if found.is_none() {
        let message = "no valid certificate";
        let help = "expected PEM with CERTIFICATE blocks";
        section.error("invalid-value", at, message, help);
    }
    found
}

fn missing(section: &Section<'_>, name: &str) {
    let message = format!("`{name}_file` is missing");
    let help = format!("TLS needs `cert_file` and `key_file`, or `{name}` inline");
    section
        .reader()
        .error("missing-key", section.spot(), message, help);
}

fn chain(section: &Section<'_>) -> Option<Vec<CertificateDer<'static>>> {
    if !section.has(&keys::CERT) && !section.has(&keys::CERT_FILE) {
        missing(section, keys::CERT.name);
        return None;
    }
    let chain = certificates(section, &keys::CERT, &keys::CERT_FILE)?;
    let at: &dyn Declared = if section.has(&keys::CERT_FILE) {
        &keys::CERT_FILE
    } else {
        &keys::CERT
    };
    warn_of_chain(section, at, &chain);
    Some(chain)
}

fn key(section: &Section<'_>) -> Option<PrivateKeyDer<'static>> {
    if !section.has(&keys::KEY) {
        missing(section, keys::KEY.name);
        return None;
    }
    let pem = section.secret(&keys::KEY)?;
    let key = PrivateKeyDer::from_pem_slice(pem.reveal().as_bytes()).ok();
    if key.is_none() {
        let message = "no valid private key";
        let help = "expected PEM with a PRIVATE KEY block that is not encrypted";
        section.error("invalid-value", &keys::KEY, message, help);
    }
    key
}

fn client_cas(section: &Section<'_>, auth: ClientAuth) -> Option<Vec<CertificateDer<'static>>> {
    let (inline, file) = (&keys::CLIENT_CA, &keys::CLIENT_CA_FILE);
    let is_given = section.has(inline) || section.has(file);
    if is_given && auth == ClientAuth::None {
        let message = "client certificates are not requested, so this has no effect";
        let help = "set `client_auth_type: RequireAndVerifyClientCert`";
        section.error("conflict", client::client_ca_key(section), message, help);
        return None;
    }
    if is_given {
        return certificates(section, inline, file);
    }
    if auth.verifies() {
        let message = "`client_ca_file` is missing";
        let help = "name the authorities that issue client certificates: those of the system would let in everyone with a certificate of a public authority";
        section.error("missing-key", &keys::CLIENT_AUTH, message, help);
        return None;
    }
    Some(Vec::new())
}

fn versions(section: &Section<'_>) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let oldest = section.get(&keys::MIN_VERSION);
    let newest = section.get(&keys::MAX_VERSION)?;
    let oldest = oldest?;
    if oldest > newest {
        let message = "`min_version` is newer than `max_version`";
        section.error("conflict", &keys::MIN_VERSION, message, "swap them");
        return None;
    }
    let both = [
        (Version::Tls13, &version::TLS13),
        (Version::Tls12, &version::TLS12),
    ];
    let within = both
        .into_iter()
        .filter(|(version, _)| (oldest..=newest).contains(version));
    Some(within.map(|(_, version)| version).collect())
}

/// Cipher suites of TLS 1.3 are always enabled, as in Go; for TLS 1.2, all or the listed ones.
fn provider(section: &Section<'_>) -> CryptoProvider {
    let mut provider = default_provider();
    let known = provider.cipher_suites.clone();
    let names: Vec<_> = known.iter().map(suite_name).collect();
    let expected = format!("one of {}", names.join(", "));
    let listed = section.parse_all(&keys::CIPHER_SUITES, &expected, |text| {
        known
            .iter()
            .copied()
            .find(|suite| suite_name(suite) == text)
    });
    if !listed.is_empty() {
        let others = known
            .into_iter()
            .filter(|suite| suite.tls13().is_some() && !listed.contains(suite));
        provider.cipher_suites = listed.iter().copied().chain(others).collect();
    }
    let names = CURVES.map(|(name, _)| name);
    let expected = format!("one of {}", names.join(", "));
    let curves = section.parse_all(&keys::CURVE_PREFERENCES, &expected, |text| {
        let known = CURVES.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, curve)| curve)
    });
    if !curves.is_empty() {
        provider.kx_groups = curves;
    }
    provider
}

/// Name in the standards and in Go; rustls has different names for TLS 1.3.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    let name: CipherSuite = suite.suite();
    format!("{name:?}").replacen("TLS13_", "TLS_", 1)
}
