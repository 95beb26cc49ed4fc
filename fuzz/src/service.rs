//! A service on this machine that answers with the bytes of an input, and probes of it.

use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::{Cause, Outcome, Timestamp, Verdict};
use slod::probe::{Attempt, Probe, Trace};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// An answer without an end ends with its connection, so no attempt waits that long.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client that waits for more of a turn sends nothing.
const TURN: Duration = Duration::from_millis(100);

const TURNS_MAX: usize = 20;

/// The value of every `${NAME}` in a config, which no text may show.
const SECRET: &str = "t0p/s3cr3t of+the pr0be";
/// Stands for the secret in a login.
const LOGIN: &[u8] = b"{login}";
/// In an input, forms in which a service repeats the secret: as sent, in an address, and in a login.
const ECHOES: [(&[u8], &str); 3] = [
    (b"{secret}", SECRET),
    (b"{path}", "t0p/s3cr3t%20of+the%20pr0be"),
    (LOGIN, "dTp0MHAvczNjcjN0IG9mK3RoZSBwcjBiZQ=="),
];

/// What is sent after the first bytes of a request, with the bytes of the input.
pub type Answer = fn(&[u8], &[u8]) -> Vec<u8>;

/// How the service sends an input.
#[derive(Clone, Copy)]
pub enum Manner {
    /// After the first bytes of a request.
    Once(Answer),
    /// In parts of this many bytes.
    Parts(usize),
    /// Part after part, split at empty lines: the first part at once, and each other one when bytes arrive, or after
    /// a while.
    Turns,
}

/// Answers every connection with the same bytes, and closes it.
pub struct Service {
    runtime: Runtime,
    answer: Arc<Mutex<(Vec<u8>, Manner)>>,
    pub port: u16,
}

impl Service {
    pub fn start() -> Self {
        // As the program does at its start; another target may have done it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let answer = Arc::new(Mutex::new((Vec::new(), Manner::Turns)));
        let shared = Arc::clone(&answer);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (bytes, manner) = shared.lock().expect("no panic").clone();
                tokio::spawn(reply(stream, bytes, manner));
            }
        });
        Self {
            runtime,
            answer,
            port,
        }
    }

    /// A config with this text; `PORT` stands for the port of the service.
    pub fn config(&self, text: &str) -> Config {
        let source = Source::new("", text.replace("PORT", &self.port.to_string()));
        let env = |_: &str| Some(SECRET.to_owned());
        let loaded = Config::load(&source, Path::new(""), &env);
        let diagnostics = loaded.diagnostics;
        loaded.config.unwrap_or_else(|| panic!("{diagnostics:?}"))
    }

    /// A probe of this service, by the value of its kind's key.
    pub fn probe(&self, kind: &str, keys: &str) -> Arc<dyn Probe> {
        let config = self.config(&format!(
            "services: [ {{ name: a, probes: [ {{ name: p, {kind}: {keys} }} ], objectives: [] }} ]"
        ));
        Arc::clone(&config.services[0].probes[0].probe)
    }

    /// Sends these bytes to whoever connects from now on.
    pub fn answer(&self, answer: &[u8], manner: Manner) {
        *self.answer.lock().expect("no panic") = (answer.to_vec(), manner);
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Makes an attempt, which must end with its connection and show no secret.
    pub fn ask(&self, probe: &dyn Probe, answer: &[u8], manner: Manner) -> Outcome {
        self.answer(answer, manner);
        let mut attempt = Attempt::new(Timestamp(0), TIMEOUT, Trace::listening());
        let outcome = self.run(probe.run(&mut attempt));
        assert_ne!(outcome.verdict, Verdict::Bad(Cause::Timeout), "it hangs");
        if let Some(message) = &outcome.detail.message {
            assert_hidden(message);
        }
        for step in attempt.trace.steps() {
            assert_hidden(&step.text);
        }
        outcome
    }
}

/// The input with the secret in place of its marks. That of the login stands for itself, unless the secret is sent in
/// that form.
pub fn with_secrets(data: &[u8], has_login: bool) -> Vec<u8> {
    let mut all = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some((first, after)) = rest.split_first() {
        let marked = ECHOES
            .iter()
            .find(|(mark, _)| rest.starts_with(mark) && (has_login || *mark != LOGIN));
        if let Some((mark, form)) = marked {
            all.extend_from_slice(form.as_bytes());
            rest = &rest[mark.len()..];
        } else {
            all.push(*first);
            rest = after;
        }
    }
    all
}

/// Whether an input contains the secret itself, which only a fuzzer that compares texts finds.
pub fn has_secret(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    ECHOES.iter().any(|(_, form)| text.contains(form))
}

/// No text shows the secret.
pub fn assert_hidden(text: &str) {
    for (_, form) in ECHOES {
        assert!(!text.contains(form), "{text}");
    }
}

async fn reply(mut stream: TcpStream, answer: Vec<u8>, manner: Manner) {
    let _ = stream.set_nodelay(true);
    let mut request = [0; 4096];
    match manner {
        Manner::Once(make) => {
            let read = stream.read(&mut request).await.unwrap_or(0);
            let _ = stream.write_all(&make(&request[..read], &answer)).await;
        }
        Manner::Parts(length) => {
            let _ = stream.read(&mut request).await;
            for part in answer.chunks(length.max(1)) {
                if stream.write_all(part).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        Manner::Turns => {
            for turn in turns(&answer).take(TURNS_MAX) {
                let sent = stream.write_all(turn).await;
                let read = timeout(TURN, stream.read(&mut request)).await;
                if sent.is_err() || matches!(read, Ok(Ok(0) | Err(_))) {
                    break;
                }
            }
        }
    }
    let _ = stream.shutdown().await;
    // Bytes that were not read would reset the connection, and the answer would be lost.
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
}

/// The parts of an input, which end with empty lines.
fn turns(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        (!rest.is_empty()).then_some(())?;
        let end = rest.windows(2).position(|two| two == b"\n\n");
        let (turn, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = after.get(1..).unwrap_or_default();
        Some(turn)
    })
}
