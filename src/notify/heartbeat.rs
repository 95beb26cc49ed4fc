//! The dead man's switch: requests a URL while slod works.

use super::send::{Answer, Recipients, Sender};
use super::task::Deps;
use crate::outcome::millis;
use crate::receiver::{HeartbeatSpec, Method};
use std::time::Duration;
use tokio::time::sleep;

/// If the state of the services is older than this, outcomes are no longer counted.
const ALIVE: Duration = Duration::from_secs(30);
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Interval at which slod's own health is checked again after it was bad.
const IDLE: Duration = Duration::from_secs(5);
/// Maximum time until a failed request is retried, so that a lost request does not look like an outage
/// of a whole interval.
const RETRY: Duration = Duration::from_secs(30);
/// The status of a service that accepts other methods only.
const METHOD_NOT_ALLOWED: u16 = 405;

/// Runs until a stop is requested.
pub(super) async fn run(deps: Deps, sender: Sender) {
    let mut configs = deps.configs.clone();
    let (mut failing, mut method) = (false, Method::Get);
    loop {
        let spec = configs.borrow_and_update().heartbeat.clone();
        let pause = match &spec {
            Some(spec) if deps.is_healthy() => {
                let answer = beat(&sender, spec, &mut method).await;
                deps.counters.heartbeats.inc();
                let fails = !matches!(answer, Answer::Delivered(_));
                deps.counters.heartbeat_failures.inc_by(u64::from(fails));
                if fails && !failing {
                    let why = spec.redactions().cleaned(answer.text().to_owned());
                    tracing::warn!("cannot deliver the heartbeat: {why}");
                }
                failing = fails;
                if fails {
                    spec.every.min(RETRY)
                } else {
                    spec.every
                }
            }
            _ => IDLE,
        };
        // Without a sender, the config no longer changes.
        let changed = async {
            if configs
                .wait_for(|config| config.heartbeat != spec)
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = deps.stop.cancelled() => return,
            () = sleep(pause) => {}
            () = changed => method = Method::Get,
        }
    }
}

/// Requests the address once, by POST if the service rejects GET. `method` is the one that it accepted before.
async fn beat(sender: &Sender, spec: &HeartbeatSpec, method: &mut Method) -> Answer {
    let exchange = async |method| {
        let (request, nobody) = (spec.request(method).into(), Recipients::new());
        sender.exchange(vec![request], TIMEOUT, &nobody).await
    };
    let mut sent = exchange(*method).await;
    if sent.status == METHOD_NOT_ALLOWED {
        *method = match *method {
            Method::Get => Method::Post,
            _ => Method::Get,
        };
        sent = exchange(*method).await;
    }
    match sent.answer {
        Answer::Delivered(text) if HeartbeatSpec::is_rejection(&sent.body) => Answer::failed(text),
        answer => answer,
    }
}

impl Deps {
    /// Whether outcomes are counted and stored.
    pub(super) fn is_healthy(&self) -> bool {
        let age = self.clock.now().0 - self.states.borrow().at.0;
        age.abs() <= millis(ALIVE) && self.store.stats().trouble().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Secret;
    use std::sync::{Arc, Mutex};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    /// Responds to each method with a status and a body, and keeps the methods.
    async fn service(
        answers: fn(&str) -> (u16, &'static str),
    ) -> (HeartbeatSpec, Arc<Mutex<Vec<String>>>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut stream = BufReader::new(stream);
                let (mut first, mut line) = (String::new(), String::new());
                let _ = stream.read_line(&mut first).await;
                while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let method = first.split(' ').next().unwrap_or_default();
                let (status, body) = answers(method);
                kept.lock().expect("no panic").push(method.to_owned());
                let answer = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let spec = HeartbeatSpec {
            url: Secret::new(format!("http://{address}/ping/uuid")),
            every: Duration::from_mins(1),
            proxy: None,
        };
        (spec, got)
    }

    #[tokio::test]
    async fn a_service_that_rejects_get_is_requested_by_post_from_then_on() {
        let answers = |method: &str| match method {
            "POST" => (200, "OK"),
            _ => (405, "reports require the method POST"),
        };
        let (spec, got) = service(answers).await;
        let (sender, mut method) = (Sender::new().expect("certificates"), Method::Get);
        for _ in 0..2 {
            let answer = beat(&sender, &spec, &mut method).await;
            assert_eq!(answer, Answer::Delivered("HTTP 200: OK".to_owned()));
        }
        assert_eq!(*got.lock().expect("no panic"), ["GET", "POST", "POST"]);
        let (spec, _) = service(|_| (405, "")).await;
        let answer = beat(&sender, &spec, &mut method).await;
        assert_eq!(answer, Answer::failed("HTTP 405"));
    }

    #[tokio::test]
    async fn a_rejection_with_a_success_status_is_a_failure() {
        let (sender, mut method) = (Sender::new().expect("certificates"), Method::Get);
        let (spec, _) = service(|_| (200, "OK (not found)")).await;
        let answer = beat(&sender, &spec, &mut method).await;
        assert_eq!(answer, Answer::failed("HTTP 200: OK (not found)"));
        for body in [
            "OK (rate limited)",
            r#"{"ok":false,"msg":"Monitor not found or not active."}"#,
            "<!DOCTYPE html><title>Login",
        ] {
            assert!(HeartbeatSpec::is_rejection(body.as_bytes()), "{body}");
        }
        for body in [
            "",
            "OK",
            r#"{"ok":true}"#,
            r#"{"status":"ok"}"#,
            "Got it, thanks!",
        ] {
            assert!(!HeartbeatSpec::is_rejection(body.as_bytes()), "{body}");
        }
    }
}
