//! Mails about alerts to a real SMTP server, aiosmtpd, with STARTTLS, a login and greylisting.

use crate::hook::{self, closed};
use crate::prometheus::server::repository;
use crate::support::{Daemon, PATIENCE, Running, free_port};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Stopped on drop.
struct Server {
    _process: Running,
    port: u16,
    certificate: PathBuf,
    mails: Receiver<Value>,
}

/// `None` if its library is not installed, except in CI, which guarantees it.
fn start(folder: &Path) -> Option<Server> {
    let check = Command::new("python3")
        .args(["-c", "import aiosmtpd"])
        .stderr(Stdio::null())
        .status();
    if !check.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "aiosmtpd is needed in CI");
        eprintln!("not tested, because aiosmtpd is not installed");
        return None;
    }
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("mail.pem"), folder.join("mail.key"));
    fs::write(&certificate, cert.pem()).expect("written");
    fs::write(&key, signing_key.serialize_pem()).expect("written");
    let port = free_port();
    let mut child = Command::new("python3")
        .arg(repository().join("tests/tools/smtp_server.py"))
        .arg(port.to_string())
        .args([&certificate, &key])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it was found");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let (sender, mails) = channel();
    let (ready, is_ready) = channel();
    thread::spawn(move || {
        let _ = ready.send(lines.next());
        for line in lines.map_while(Result::ok) {
            let _ = sender.send(serde_json::from_str(&line).expect("JSON"));
        }
    });
    let server = Server {
        _process: Running(child),
        port,
        certificate,
        mails,
    };
    let first = is_ready.recv_timeout(PATIENCE).expect("in time");
    assert_eq!(first.expect("a line").expect("UTF-8"), "ready");
    Some(server)
}

/// `site` is part of each mail.
fn config(folder: &Path, port: u16, password: &str, site: &str) -> PathBuf {
    let delivery = format!(
        "alerts: {{ address: \"https://{site}.example.com\" }}
receivers:
  - name: mail
    email:
      to: [ ada@example.com, grey@example.com, gone@example.com ]
      from: slod@example.com
      server: \"localhost:{port}\"
      username: slod
      password: {password}
routes: [ {{ to: mail, wait: 1ms }} ]
"
    );
    hook::config(folder, &[("web", &closed())], &delivery)
}

#[test]
fn each_recipient_gets_an_alert_once_even_if_rejected_at_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(server) = start(folder.path()) else {
        return;
    };
    let trust = [("SSL_CERT_FILE", &*server.certificate)];
    let write = |password, site| config(folder.path(), server.port, password, site);
    let path = write("wrong-password", "first");
    let daemon = Daemon::start_in(&path, &[], &trust);
    let failed = "slod_notification_failures_total{notifier=\"mail\"}";
    daemon.wait_for(|daemon| daemon.metric(failed).filter(|count| *count > 0.5));
    daemon.wait_for_log("the login was rejected: 535", 1);
    let reload = || assert!(daemon.request("POST", "/-/reload").contains("reloaded"));
    write("example-password", "first");
    reload();
    let next = || server.mails.recv_timeout(PATIENCE).expect("a mail");
    let first = next();
    // A message that some recipients have does not change.
    write("example-password", "second");
    reload();
    let second = next();
    assert_eq!(first["to"], json!(["ada@example.com"]));
    assert_eq!(second["to"], json!(["grey@example.com"]));
    assert_eq!(
        first["text"], second["text"],
        "one mail, with one Message-ID"
    );
    let text = first["text"].as_str().expect("a text");
    assert!(text.contains("Subject: [FIRING] web"), "{text}");
    assert!(text.contains("ada@example.com, grey@example.com"), "{text}");
    // The permanently rejected recipient is given up and shown.
    let given_up = "slod_notifications_given_up_total{notifier=\"mail\"}";
    daemon.wait_for(|daemon| daemon.metric(given_up).filter(|count| *count > 0.5));
    let history = daemon.request("GET", "/api/v1/notifications");
    let refused = "without gone@example.com: 550 5.1.1 no such user";
    assert!(history.contains(refused), "{history}");
    assert!(server.mails.try_recv().is_err(), "nobody gets it twice");
    assert!(!daemon.log().contains("example-password"));
}
