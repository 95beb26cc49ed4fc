//! A server that replays a response step by step, and records when it wrote each of them.

use crate::probing::attempt_kind;
use crate::server::{Seen, read_request, tcp};
use slod::outcome::{Figure, Outcome};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

/// Bytes, and how long to wait before writing them.
pub type Step = (u64, Vec<u8>);

pub const SSE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";

/// The result of an attempt, and when the server wrote what.
pub struct Replayed {
    pub outcome: Outcome,
    pub story: String,
    /// When each step was written, measured from the start of the connection.
    pub written: Vec<Duration>,
    pub request: String,
}

impl Replayed {
    pub fn figure(&self, one: Figure) -> Option<u32> {
        self.outcome.figures.get(one)
    }

    pub fn finish(&self) -> &'static str {
        let reason = self.outcome.figures.finish_reason();
        reason.map_or("none", slod::outcome::FinishReason::label)
    }

    pub fn message(&self) -> &str {
        self.outcome.detail.message.as_deref().unwrap_or_default()
    }
}

/// Probes a server that responds with these steps. `keys` are additional keys of the probe.
pub async fn ask(steps: Vec<Step>, keys: &str) -> Replayed {
    ask_within(steps, keys, Duration::from_secs(10)).await
}

pub async fn ask_within(steps: Vec<Step>, keys: &str, timeout: Duration) -> Replayed {
    let written: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let requests = Seen::default();
    let (log, seen, steps) = (written.clone(), requests.clone(), Arc::new(steps));
    let address = tcp(move |mut stream| {
        let (log, seen, steps) = (log.clone(), seen.clone(), steps.clone());
        async move {
            let started = Instant::now();
            stream.set_nodelay(true).expect("a socket");
            let request = read_request(&mut stream).await;
            seen.lock().expect("no panic").push(request);
            for (wait, bytes) in steps.iter() {
                if *wait > 0 {
                    tokio::time::sleep(Duration::from_millis(*wait)).await;
                }
                log.lock().expect("no panic").push(started.elapsed());
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
            }
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let yaml = format!("{{ url: \"http://{address}/v1/x\", model: m, {keys} }}");
    let (outcome, story) = attempt_kind("llm", &yaml, timeout, Path::new("")).await;
    let written = written.lock().expect("no panic").clone();
    let request = requests.lock().expect("no panic").first().cloned();
    Replayed {
        outcome,
        story,
        written,
        request: request.unwrap_or_default(),
    }
}

/// The whole response as a single step.
pub fn at_once(answer: impl AsRef<[u8]>) -> Vec<Step> {
    vec![(0, answer.as_ref().to_vec())]
}

/// A stream of these data events.
pub fn stream(events: &[&str]) -> Vec<Step> {
    let events: Vec<_> = events
        .iter()
        .map(|one| format!("data: {one}\n\n"))
        .collect();
    at_once(format!("{SSE}{}", events.concat()))
}

/// A complete JSON response.
pub fn json(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    at_once(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}
