//! The `http` probe over TLS and HTTP/2: certificates of both sides, and the negotiated protocol.

use crate::probing::{TIMEOUT, attempt_in, attempt_kind, cause, message};
use crate::server::{Authority, Leaf, ok, redirect};
use slod::outcome::{Cause, Measurement, Verdict};
use std::path::Path;

#[tokio::test]
async fn https_is_verified_and_its_expiry_is_known() {
    let (authority, folder) = Authority::in_folder();
    let (address, _) = authority.https(Leaf::Good, false, |_| ok("")).await;
    let port = address.port();
    let ask = async |host: &str, tls: &str| {
        let yaml =
            format!("{{ url: \"https://{host}:{port}/\", ip_version: 4, tls: {{ {tls} }} }}");
        attempt_in(&yaml, TIMEOUT, folder.path()).await
    };
    for host in ["localhost", "127.0.0.1"] {
        let (outcome, story) = ask(host, "ca_file: ca.pem").await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
        assert!(
            outcome.measured.get(Measurement::Tls).is_some()
                && outcome.detail.tls_not_after.is_some()
        );
        assert!(story.contains("TLS 1.3, TLS13_"), "{story}");
    }
    // Not trusted, because the system does not know this authority; the expiry date is known anyway.
    let (outcome, _) = ask("localhost", "insecure: false").await;
    assert_eq!(cause(&outcome), Some(Cause::Certificate));
    assert!(outcome.detail.tls_not_after.is_some());
    let (outcome, _) = ask("localhost", "insecure: true").await;
    assert_eq!(outcome.verdict, Verdict::Good);
    // The name that is verified is the one that is sent.
    let (outcome, _) = ask("127.0.0.1", "ca_file: ca.pem, server_name: localhost").await;
    assert_eq!(outcome.verdict, Verdict::Good);
}

#[tokio::test]
async fn a_bad_certificate_is_reported_with_its_expiry() {
    let (authority, folder) = Authority::in_folder();
    for (leaf, until) in [
        (Leaf::Expired, Some(1_609_459_200)),
        (Leaf::Elsewhere, None),
    ] {
        let (address, _) = authority.https(leaf, false, |_| ok("")).await;
        let yaml = format!("{{ url: \"https://{address}/\", tls: {{ ca_file: ca.pem }} }}");
        let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), Some(Cause::Certificate), "{story}");
        let reported = outcome.detail.tls_not_after.expect("known");
        assert!(until.is_none_or(|until| until == reported), "{reported}");
    }
}

#[tokio::test]
async fn the_earliest_expiry_of_a_redirect_and_its_target_counts() {
    let authority = Authority::new();
    let (target, _) = authority.https(Leaf::Good, false, |_| ok("")).await;
    let location = format!("https://{target}/");
    let answer = move |_: &str| redirect(302, &location);
    let (first, _) = authority.https(Leaf::Expired, false, answer).await;
    let yaml = format!("{{ url: \"https://{first}/\", tls: {{ insecure: true }} }}");
    let (outcome, story) = attempt_in(&yaml, TIMEOUT, Path::new("")).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert_eq!(outcome.detail.tls_not_after, Some(1_609_459_200), "{story}");
    assert_eq!(outcome.detail.tls_lifetime, Some(366 * 86_400));
}

#[tokio::test]
async fn a_client_certificate_is_sent_only_to_its_origin() {
    let (authority, folder) = Authority::in_folder();
    authority.issue_client(folder.path());
    let (address, _) = authority.https(Leaf::Good, true, |_| ok("")).await;
    let ask = async |tls: &str| {
        let yaml = format!("{{ url: \"https://{address}/\", tls: {{ ca_file: ca.pem, {tls} }} }}");
        attempt_in(&yaml, TIMEOUT, folder.path()).await
    };
    let (outcome, story) = ask("cert_file: me.pem, key_file: me.key").await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let (outcome, _) = ask("").await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{outcome:?}");
}

/// With TLS 1.3, the rejection arrives after the handshake.
#[tokio::test]
async fn a_missing_client_certificate_is_reported_over_http2() {
    let (authority, folder) = Authority::in_folder();
    let address = authority.http2_with(&[b"h2"], true).await;
    for (kind, key) in [
        ("http", format!("url: \"https://{address}/\"")),
        ("grpc", format!("address: \"{address}\"")),
    ] {
        let yaml = format!("{{ {key}, tls: {{ ca_file: ca.pem }} }}");
        let (outcome, story) = attempt_kind(kind, &yaml, TIMEOUT, folder.path()).await;
        assert_eq!(cause(&outcome), Some(Cause::Tls), "{story}");
        let reported = message(&outcome);
        assert!(
            reported.contains("requires a client certificate"),
            "{reported}"
        );
    }
}

#[tokio::test]
async fn http2_is_used_if_offered() {
    let (authority, folder) = Authority::in_folder();
    let address = authority.http2().await;
    for version in ["auto", "2"] {
        let yaml = format!(
            "{{ url: \"https://127.0.0.1:{}/\", http_version: {version:?}, tls: {{ ca_file: ca.pem }}, expect: {{ body: [ ^HTTP/2 ] }} }}",
            address.port()
        );
        let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    }
}

/// Browsers and curl reject it; a server without ALPN would continue.
#[tokio::test]
async fn http2_over_tls_must_be_chosen_by_the_server() {
    let (authority, folder) = Authority::in_folder();
    let address = authority.http2_with(&[], false).await;
    let yaml =
        format!("{{ url: \"https://{address}/\", http_version: 2, tls: {{ ca_file: ca.pem }} }}");
    let (outcome, story) = attempt_in(&yaml, TIMEOUT, folder.path()).await;
    assert_eq!(cause(&outcome), Some(Cause::Tls), "{story}");
    let message = outcome.detail.message.expect("a sentence");
    assert!(message.contains("ALPN protocol `h2`"), "{message}");
}
