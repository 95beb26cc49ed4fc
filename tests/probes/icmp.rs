//! The `icmp` probe against this machine.

use crate::probing::{TIMEOUT, assert_faults, attempt_kind, read_kind};
use slod::outcome::{Measurement, Outcome, Verdict, VoidReason};
use std::net::{IpAddr, TcpListener};
use std::path::Path;

async fn probe(keys: &str) -> (Outcome, String) {
    attempt_kind("icmp", &format!("{{ {keys} }}"), TIMEOUT, Path::new("")).await
}

/// Whether this machine allows ICMP.
fn is_allowed(outcome: &Outcome) -> bool {
    let message = outcome.detail.message.as_deref().unwrap_or_default();
    if outcome.verdict == Verdict::Void(VoidReason::Resources) {
        assert!(message.contains("net.ipv4.ping_group_range"), "{message}");
        assert!(std::env::var_os("CI").is_none(), "ICMP is needed in CI");
        eprintln!("not tested, because this machine allows no ICMP");
        return false;
    }
    true
}

#[tokio::test]
async fn this_machine_replies() {
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("'::1'", "::1"),
        ("'[::1]'", "::1"),
    ] {
        if address == "::1" && TcpListener::bind("[::1]:0").is_err() {
            continue; // This machine has no IPv6.
        }
        for keys in [
            "",
            ", payload_size: 8",
            ", payload_size: 5000, ttl: 1",
            ", dont_fragment: true",
        ] {
            let (outcome, story) = probe(&format!("host: {host} {keys}")).await;
            if !is_allowed(&outcome) {
                return;
            }
            assert_eq!(outcome.verdict, Verdict::Good, "{host}{keys}: {outcome:?}");
            let address: IpAddr = address.parse().expect("valid");
            assert_eq!(outcome.detail.address, Some(address));
            assert!(outcome.measured.get(Measurement::Processing).is_some());
            assert!(story.contains("echo reply from"), "{story}");
        }
    }
    let (outcome, _) = probe("host: localhost, ip_version: 4").await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

#[tokio::test]
async fn the_largest_packet_fits_into_the_loopback_mtu() {
    // The loopback device has an MTU of 65,536 bytes.
    let (outcome, _) = probe("host: 127.0.0.1, payload_size: 65000, dont_fragment: true").await;
    if is_allowed(&outcome) {
        assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    }
}

#[tokio::test]
async fn many_attempts_at_once_do_not_mix_their_replies() {
    // Linux limits the rate of ICMP messages, by default to bursts of 50.
    let attempts = (0..20).map(|_| probe("host: 127.0.0.1"));
    for (outcome, _) in futures_util::future::join_all(attempts).await {
        if !is_allowed(&outcome) {
            return;
        }
        assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    }
}

#[test]
fn faults_of_the_config_are_reported() {
    let cases = [
        ("{ }", "host"),
        ("{ host: 'a.test:80' }", "ICMP has none"),
        ("{ host: 'a b' }", "a host of letters"),
        ("{ host: a.test, payload_size: 7 }", "from 8 to 65000"),
        ("{ host: a.test, ttl: 0 }", "from 1 to 255"),
    ];
    assert_faults("icmp", &cases);
    let (read, _) = read_kind("icmp", "{ host: '2001:db8::1' }", Path::new(""));
    assert_eq!(read.expect("valid").target(), "2001:db8::1");
}
