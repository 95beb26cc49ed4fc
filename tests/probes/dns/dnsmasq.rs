//! The dns probe against dnsmasq.

use crate::probing::{TIMEOUT, attempt_kind, cause};
use slod::outcome::{Cause, Verdict};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;

/// A server that is stopped at the end of its test.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Dnsmasq {
    /// `None` if it is not installed.
    fn start(port: u16) -> Option<Self> {
        let user = if rustix::process::geteuid().is_root() {
            "--user=root"
        } else {
            "--user="
        };
        let child = Command::new("dnsmasq")
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
            ])
            .args(["--listen-address=127.0.0.1", "--bind-interfaces", user])
            .args(["--no-resolv", "--no-hosts", "--log-facility=-"])
            .arg(format!("--port={port}"))
            .args([
                "--local=/example.test/",
                "--cname=alias.example.test,www.example.test",
            ])
            .arg("--host-record=www.example.test,192.0.2.1,2001:db8::1")
            .arg("--mx-host=example.test,mail.example.test,10")
            .arg("--srv-host=_sip._tcp.example.test,sip.example.test,5060,1,2")
            .arg("--txt-record=txt.example.test,v=spf1 -all")
            .arg("--ptr-record=1.2.0.192.in-addr.arpa,www.example.test")
            .arg("--caa-record=example.test,0,issue,ca.test")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self(child)),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "dnsmasq is needed in CI");
                eprintln!("not tested, because dnsmasq cannot be started: {error}");
                None
            }
        }
    }
}

#[tokio::test]
async fn dnsmasq_answers_every_type() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let server = listener.local_addr().expect("bound");
    drop(listener);
    let Some(_running) = Dnsmasq::start(server.port()) else {
        return;
    };
    let mut tries = 0;
    while tokio::net::TcpStream::connect(server).await.is_err() {
        tries += 1;
        assert!(tries < 100, "dnsmasq does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (name, kind, data) in [
        ("www.example.test", "A", "^192\\.0\\.2\\.1$"),
        ("WWW.Example.Test.", "A", "^192\\.0\\.2\\.1$"),
        ("www.example.test", "AAAA", "^2001:db8::1$"),
        ("alias.example.test", "A", "^192\\.0\\.2\\.1$"),
        ("alias.example.test", "CNAME", "^www\\.example\\.test\\.$"),
        ("example.test", "MX", "^10 mail\\.example\\.test\\.$"),
        (
            "_sip._tcp.example.test",
            "SRV",
            "^1 2 5060 sip\\.example\\.test\\.$",
        ),
        ("txt.example.test", "TXT", "^v=spf1 -all$"),
        ("1.2.0.192.in-addr.arpa", "PTR", "^www\\.example\\.test\\.$"),
        ("example.test", "CAA", "^0 issue \"ca\\.test\"$"),
    ] {
        for transport in ["udp", "tcp"] {
            let yaml = format!(
                "{{ server: \"{server}\", name: {name}, type: {kind}, transport: {transport}, expect: {{ answers: '{data}' }} }}"
            );
            let (outcome, story) = attempt_kind("dns", &yaml, TIMEOUT, Path::new("")).await;
            assert_eq!(
                outcome.verdict,
                Verdict::Good,
                "{yaml}: {outcome:?} {story}"
            );
        }
    }
    let missing = format!("{{ server: \"{server}\", name: no.example.test }}");
    let (outcome, _) = attempt_kind("dns", &missing, TIMEOUT, Path::new("")).await;
    assert_eq!(cause(&outcome), Some(Cause::Status), "{outcome:?}");
    assert_eq!(outcome.code, Some(3));
}
