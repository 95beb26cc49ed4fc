//! Which certificates may issue others, and certificate formats that not every library supports. What
//! both curl and Go reject is rejected, and what both accept is accepted.

use crate::probing::cause;
use crate::trust::{BOTH, PINNED, Pair, https, probe};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
    date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use slod::outcome::{Cause, Verdict};

type Change = fn(&mut CertificateParams);

fn none(_: &mut CertificateParams) {}

/// A modified certificate of an authority.
fn authority(name: &str, change: Change) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    params
}

/// The root as PEM, and the chain of a server with an intermediate authority; each of the three
/// certificates can be modified.
fn chain(root: Change, between: Change, leaf: Change) -> (String, Pair) {
    let key = || KeyPair::generate().expect("a key");
    let (root_key, between_key, leaf_key) = (key(), key(), key());
    let (root, between) = (authority("Root", root), authority("Between", between));
    let root_pem = root.self_signed(&root_key).expect("signed").pem();
    let root = Issuer::new(root, &root_key);
    let issued = between.signed_by(&between_key, &root).expect("signed");
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    leaf(&mut params);
    let between = Issuer::new(between, &between_key);
    let leaf = params.signed_by(&leaf_key, &between).expect("signed");
    let pair = Pair {
        certificate: leaf.pem() + &issued.pem(),
        key: leaf_key.serialize_der().try_into().expect("a key"),
    };
    (root_pem, pair)
}

#[tokio::test]
async fn only_certificates_that_may_issue_are_issuers() {
    let no_sign: Change = |params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let for_clients: Change =
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let cases: [(Change, Change, &str); 7] = [
        (none, none, ""),
        (
            |params| {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
                params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            },
            |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            "",
        ),
        (
            |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
            none,
            "`CN=Root` allows no other authority below it",
        ),
        (
            none,
            no_sign,
            "`CN=Between` may not issue certificates (key usage without keyCertSign)",
        ),
        (
            no_sign,
            none,
            "`CN=Root` may not issue certificates (key usage without keyCertSign)",
        ),
        (
            |params| params.is_ca = IsCa::ExplicitNoCa,
            none,
            "`CN=Root` is not a certificate authority (basic constraints)",
        ),
        (
            for_clients,
            none,
            "`CN=Root` may not issue for servers (extended key usage)",
        ),
    ];
    for (root, between, refused) in cases {
        let (root, pair) = chain(root, between, none);
        let outcome = probe(https(&pair, BOTH).await, &root, PINNED).await;
        let wanted = (!refused.is_empty()).then_some(Cause::Certificate);
        assert_eq!(cause(&outcome), wanted, "{refused}: {outcome:?}");
        let message = outcome.detail.message.unwrap_or_default();
        assert!(message.contains(refused), "{message}");
    }
}

/// `certificatePolicies` with one policy, critical.
fn with_policies(params: &mut CertificateParams) {
    let content = vec![0x30, 6, 0x30, 4, 6, 2, 0x2a, 3];
    let mut policies = CustomExtension::from_oid_content(&[2, 5, 29, 32], content);
    policies.set_criticality(true);
    params.custom_extensions = vec![policies];
}

#[tokio::test]
async fn what_other_clients_accept_is_accepted() {
    let as_authority: Change = |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let old: Change = |params| params.not_before = date_time_ymd(1950, 1, 1);
    let older: Change = |params| {
        // Written with a four-digit year.
        params.not_before = date_time_ymd(1949, 1, 1);
        with_policies(params);
    };
    let cases: [(&str, Change, Change, Change); 7] = [
        ("CA:TRUE", none, none, as_authority),
        ("CA:TRUE with a path length", none, none, |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        }),
        ("policies of a server", none, none, with_policies),
        (
            "policies of all",
            with_policies,
            with_policies,
            with_policies,
        ),
        ("1950", none, none, old),
        ("1950 of all", old, old, old),
        ("1949 and policies", none, older, older),
    ];
    for (what, root, between, leaf) in cases {
        let (root, pair) = chain(root, between, leaf);
        let address = https(&pair, BOTH).await;
        let outcome = probe(address, &root, PINNED).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{what}: {outcome:?}");
        // Its signatures are verified anyway.
        let (other, _) = chain(none, none, none);
        let outcome = probe(address, &other, PINNED).await;
        assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
        let message = outcome.detail.message.expect("a sentence");
        assert!(message.contains("a signature is not valid"), "{message}");
    }
}

#[tokio::test]
async fn other_critical_extensions_and_names_are_refused() {
    let unknown: Change = |params| {
        let mut unknown = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions = vec![unknown];
    };
    let elsewhere: Change = |params| {
        with_policies(params);
        params.subject_alt_names = vec![SanType::DnsName("a.test".try_into().expect("a name"))];
    };
    let constrained: Change = |params| {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("test".to_owned())],
            excluded_subtrees: Vec::new(),
        });
    };
    let wildcard: Change = |params| {
        params.subject_alt_names = vec![SanType::DnsName("*.test".try_into().expect("a name"))];
    };
    for (between, leaf, refused) in [
        (
            none as Change,
            unknown,
            "a critical extension that is not supported",
        ),
        (none, elsewhere, "it is not valid for 127.0.0.1"),
        (
            constrained,
            wildcard,
            "such as a wildcard with a single label",
        ),
    ] {
        let (root, pair) = chain(none, between, leaf);
        let outcome = probe(https(&pair, BOTH).await, &root, PINNED).await;
        assert_eq!(cause(&outcome), Some(Cause::Certificate), "{outcome:?}");
        let message = outcome.detail.message.expect("a sentence");
        assert!(message.contains(refused), "{message}");
    }
}

/// As created by `openssl req -x509 -newkey rsa:1024`, valid until 2126.
const SHORT: &str = include_str!("../fixtures/tls/short-ca.pem");

fn by_short_authority(certificate: &str) -> Pair {
    let key = include_bytes!("../fixtures/tls/short-ca-server.key");
    Pair {
        certificate: certificate.to_owned(),
        key: PrivateKeyDer::from_pem_slice(key).expect("a key"),
    }
}

#[tokio::test]
async fn keys_that_are_too_short_are_not_reported_as_wrong_signatures() {
    let bits = "has an RSA key of 1024 bits; slod's TLS library verifies 2048 bits or more";
    let issued = by_short_authority(include_str!("../fixtures/tls/short-ca-server.pem"));
    let of_authority = format!("the certificate is not trusted: its authority `CN=Short` {bits}");
    let own = by_short_authority(SHORT);
    let of_server = format!("the certificate {bits}");
    for versions in [&BOTH[..1], &BOTH[1..]] {
        let (issued, own) = (https(&issued, versions).await, https(&own, versions).await);
        for (address, tls, wanted) in [
            (issued, "ca_file: pinned.pem", &*of_authority),
            (issued, "insecure: true", ""),
            (own, "ca_file: pinned.pem, server_name: Short", &of_server),
            (own, "insecure: true", ""),
        ] {
            let outcome = probe(address, SHORT, tls).await;
            let cause_wanted = (!wanted.is_empty()).then_some(Cause::Certificate);
            assert_eq!(cause(&outcome), cause_wanted, "{outcome:?}");
            assert_eq!(
                outcome.detail.message.as_deref().unwrap_or_default(),
                wanted
            );
        }
    }
}
