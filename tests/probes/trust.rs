//! Certificates that are trusted directly, and connections that end abruptly.

mod pem;

use crate::probing::{TIMEOUT, attempt_in, cause};
use crate::server::{Seen, converse, ok, read_request, tcp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use slod::outcome::{Cause, Outcome, Verdict};
use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

pub const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

/// A certificate as PEM, followed by those of its chain, and its key.
pub struct Pair {
    pub certificate: String,
    pub key: PrivateKeyDer<'static>,
}

/// As created by `openssl req -x509`: self-signed, and an authority.
fn openssl(change: impl FnOnce(&mut CertificateParams)) -> Pair {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().expect("a key");
    Pair {
        certificate: params.self_signed(&key).expect("signed").pem(),
        key: key.serialize_der().try_into().expect("a key"),
    }
}

/// `openssl x509 -req -signkey` without extensions creates a version 1 certificate, whose only name
/// is the subject: here `127.0.0.1`, valid until 2126.
fn version1() -> Pair {
    Pair {
        certificate: include_str!("../fixtures/tls/version1.pem").to_owned(),
        key: PrivateKeyDer::from_pem_slice(include_bytes!("../fixtures/tls/version1.key"))
            .expect("a key"),
    }
}

/// Presents its certificate without validating it, as OpenSSL does.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn acceptor(pair: &Pair, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
    let provider = Arc::new(default_provider());
    let key = provider.key_provider.load_private_key(pair.key.clone_key());
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("PEM");
    let shown = CertifiedKey::new(chain, key.expect("a usable key"));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
    Arc::new(config).into()
}

pub async fn https(pair: &Pair, versions: &[&'static SupportedProtocolVersion]) -> SocketAddr {
    let acceptor = acceptor(pair, versions);
    tcp(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                converse(&mut stream, &Seen::default(), &|_: &str| ok("")).await;
            }
        }
    })
    .await
}

/// Probes by address with these `tls` keys; `ca_file: pinned.pem` contains `pinned`.
pub async fn probe(address: SocketAddr, pinned: &str, tls: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pinned.pem"), pinned).expect("written");
    let yaml = format!("{{ url: \"https://{address}/\", tls: {{ {tls} }} }}");
    attempt_in(&yaml, TIMEOUT, folder.path()).await.0
}

pub const PINNED: &str = "ca_file: pinned.pem";

#[tokio::test]
async fn the_pinned_certificate_is_trusted() {
    let for_address = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    };
    let by_subject = |params: &mut CertificateParams| {
        params
            .distinguished_name
            .push(DnType::CommonName, "127.0.0.1");
    };
    for versions in [&BOTH[..1], &BOTH[1..]] {
        for pair in [openssl(for_address), openssl(by_subject), version1()] {
            let address = https(&pair, versions).await;
            let outcome = probe(address, &pair.certificate, PINNED).await;
            assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
            let outcome = probe(address, "", "insecure: true").await;
            assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn certificates_with_another_name_or_validity_are_rejected() {
    let named = |name: &'static str| {
        move |params: &mut CertificateParams| {
            params.subject_alt_names = vec![SanType::DnsName(name.try_into().expect("a name"))];
            // If there is a subject alternative name, the subject does not count.
            params
                .distinguished_name
                .push(DnType::CommonName, "127.0.0.1");
        }
    };
    let expired = |params: &mut CertificateParams| {
        named("a.test")(params);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let (pair, other) = (openssl(named("a.test")), openssl(named("a.test")));
    let (address, expired) = (https(&pair, BOTH).await, openssl(expired));
    let expired_at = https(&expired, BOTH).await;
    let asked = "ca_file: pinned.pem, server_name: a.test";
    assert_eq!(
        probe(address, &pair.certificate, asked).await.verdict,
        Verdict::Good
    );
    let elsewhere = "ca_file: pinned.pem, server_name: b.test";
    let cases = [
        (address, &pair, PINNED, "it is not valid for 127.0.0.1"),
        (address, &pair, elsewhere, "it is not valid for b.test"),
        (address, &other, asked, "the certificate itself"),
        (
            expired_at,
            &expired,
            asked,
            "it expired on 2021-01-01 00:00 UTC",
        ),
        (https(&version1(), BOTH).await, &pair, PINNED, "`ca_file`"),
    ];
    for (address, pinned, tls, wanted) in cases {
        let outcome = probe(address, &pinned.certificate, tls).await;
        assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
        let message = outcome.detail.message.expect("a sentence");
        assert!(message.contains(wanted), "{message}");
        assert!(!message.contains("no host name"), "{message}");
    }
}

/// A certificate of an authority that is valid in certain years, as PEM; always with the same key and
/// name.
struct Authority {
    key: KeyPair,
}

impl Authority {
    fn params(years: Range<i32>) -> CertificateParams {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Root");
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        params
    }

    fn pem(&self, years: Range<i32>) -> String {
        let own = Self::params(years).self_signed(&self.key);
        own.expect("signed").pem()
    }

    /// A server certificate for 127.0.0.1, valid from 2020 until 2090.
    fn issue(&self) -> Pair {
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::new(Self::params(2020..2090), &self.key);
        Pair {
            certificate: params.signed_by(&key, &issuer).expect("signed").pem(),
            key: key.serialize_der().try_into().expect("a key"),
        }
    }
}

#[tokio::test]
async fn an_authority_is_trusted_only_within_its_validity() {
    let authority = Authority {
        key: KeyPair::generate().expect("a key"),
    };
    let pair = authority.issue();
    let address = https(&pair, BOTH).await;
    let secs = |year| date_time_ymd(year, 1, 1).unix_timestamp();
    let old = authority.pem(2010..2021);
    let cases = [
        (authority.pem(2010..2080), secs(2080), None),
        (authority.pem(2010..2099), secs(2090), None),
        (
            old.clone(),
            secs(2021),
            Some("its authority `CN=Root` expired on 2021-01-01 00:00 UTC"),
        ),
        (
            authority.pem(2070..2080),
            secs(2080),
            Some("its authority `CN=Root` is not valid before 2070-01-01 00:00 UTC"),
        ),
        // As after a renewal, with the old one still present.
        (old + &authority.pem(2020..2080), secs(2080), None),
    ];
    for (pinned, ends, refused) in cases {
        let outcome = probe(address, &pinned, PINNED).await;
        assert_eq!(outcome.detail.tls_not_after, Some(ends), "{outcome:?}");
        let wanted = refused.map(|_| Cause::Certificate);
        assert_eq!(cause(&outcome), wanted, "{outcome:?}");
        let message = outcome.detail.message.unwrap_or_default();
        assert!(message.contains(refused.unwrap_or_default()), "{message}");
    }
}

#[tokio::test]
async fn the_invalid_authority_is_named() {
    let root = Authority {
        key: KeyPair::generate().expect("a key"),
    };
    let between = |name, end| {
        let key = KeyPair::generate().expect("a key");
        let mut params = Authority::params(2010..end);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = Issuer::new(Authority::params(2010..2090), &root.key);
        let pem = params.signed_by(&key, &issuer).expect("signed").pem();
        let server = KeyPair::generate().expect("a key");
        let mut own = CertificateParams::new(vec![]).expect("no names");
        own.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let own = own.signed_by(&server, &Issuer::new(params, &key));
        let own = own.expect("signed").pem();
        (server, own, pem)
    };
    let (pinned, stranger) = (root.pem(2010..2090), openssl(|_| {}).certificate);
    for (end, is_sent, trusted, wanted) in [
        (2080, true, &pinned, None),
        (
            2080,
            false,
            &pinned,
            Some("`CN=Between` is unknown, and the server does not send it"),
        ),
        (
            2021,
            true,
            &pinned,
            Some("its authority `CN=Between` expired on 2021-01-01 00:00 UTC"),
        ),
        (
            2080,
            true,
            &stranger,
            Some("`CN=Root` is unknown, and the server does not send it"),
        ),
    ] {
        let (key, own, between) = between("Between", end);
        let between = if is_sent { between } else { String::new() };
        let pair = Pair {
            certificate: own + &between,
            key: key.serialize_der().try_into().expect("a key"),
        };
        let outcome = probe(https(&pair, BOTH).await, trusted, PINNED).await;
        assert_eq!(
            cause(&outcome),
            wanted.map(|_| Cause::Certificate),
            "{outcome:?}"
        );
        let message = outcome.detail.message.unwrap_or_default();
        assert!(message.contains(wanted.unwrap_or_default()), "{message}");
    }
}

#[tokio::test]
async fn an_end_without_close_notify_depends_on_http_framing() {
    let cases: [(&str, Option<Cause>); 5] = [
        ("HTTP/1.1 200 OK\r\n\r\nhello", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", None),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
            Some(Cause::Protocol),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
            Some(Cause::Protocol),
        ),
        ("HTTP/1.1 200 OK\r\n", Some(Cause::Closed)),
    ];
    for (answer, wanted) in cases {
        let acceptor = acceptor(&version1(), BOTH);
        let address = tcp(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                read_request(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.flush().await;
                // Ends TCP without ending TLS.
                let _ = stream.into_inner().0.shutdown().await;
            }
        })
        .await;
        let outcome = probe(address, "", "insecure: true").await;
        assert_eq!(cause(&outcome), wanted, "{answer:?}: {outcome:?}");
        if let Some(message) = outcome.detail.message {
            assert!(
                message.contains("the server closed the connection"),
                "{message}"
            );
        }
    }
}
