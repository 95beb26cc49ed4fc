//! The `grpc` probe against grpcio servers, and against HTTP/2 servers with unusual responses.

mod grpcio;
mod odd;

use crate::probing::{assert_faults, attempt_kind, read_kind};
use slod::outcome::Outcome;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

async fn probe(address: SocketAddr, keys: &str, timeout: Duration) -> (Outcome, String) {
    let yaml = format!("{{ address: \"{address}\" {keys} }}");
    attempt_kind("grpc", &yaml, timeout, Path::new("")).await
}

#[test]
fn faults_of_the_config_are_reported() {
    let cases = [
        ("{ service: a }", "address"),
        ("{ address: a.test }", "a host and a port"),
    ];
    assert_faults("grpc", &cases);
    for (keys, fault) in [
        ("tls:", "`tls` has no value"),
        ("metadata: { Content-Type: a }", "is set by gRPC itself"),
        ("metadata: { grpc-timeout: 1S }", "is set by gRPC itself"),
        ("metadata: { 'a b': c }", "not a valid metadata name"),
        ("metadata: { a-bin: '-' }", "not Base64"),
        ("metadata: { a: \"b\\n\" }", "not valid in metadata"),
        ("expect: { code: UNIMPLEMENT }", "did you mean"),
        ("expect: { serving: SERVIN }", "did you mean"),
        (
            "expect: { code: UNIMPLEMENTED, serving: SERVING }",
            "only an answer with the status OK has a state",
        ),
        ("authority: 'a@b'", "a host with or without a port"),
    ] {
        let yaml = format!("{{ address: 'a.test:1', {keys} }}");
        assert_faults("grpc", &[(&yaml, fault)]);
    }
    let yaml = "{ address: 'a.test:1', service: a.B, tls: {}, metadata: { authorization: 'Bearer ${TOKEN}' } }";
    let (read, faults) = read_kind("grpc", yaml, Path::new(""));
    assert!(faults.is_empty(), "{faults:?}");
    let read = read.expect("valid");
    assert_eq!(read.target(), "a.test:1 a.B (TLS)");
    assert!(!format!("{read:?}").contains("from-the-environment"));
}
