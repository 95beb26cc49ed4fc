//! slod and the client libraries of OpenAI and Anthropic send requests to the same server process,
//! and get the same results.

use crate::probing::attempt_kind;
use serde_json::Value;
use slod::outcome::{Figure, FinishReason, Measurement, Outcome, Verdict};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Maximum difference from the truth in the best of several attempts.
const CLOSE: Duration = Duration::from_millis(5);
/// On a busy machine, some attempts wait for a CPU.
const ATTEMPTS: usize = 20;

/// `tests/tools/llm_server.py`, stopped on drop.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tool(name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools");
    tools.join(name)
}

impl Server {
    fn start() -> Option<(Self, String)> {
        let mut command = Command::new("python3");
        command.arg(tool("llm_server.py")).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            return missing("python3");
        };
        let stdout = child.stdout.take().expect("piped");
        let server = Self(child);
        let mut port = String::new();
        BufReader::new(stdout).read_line(&mut port).expect("a line");
        Some((server, format!("http://127.0.0.1:{}", port.trim())))
    }
}

fn missing<T>(what: &str) -> Option<T> {
    assert!(std::env::var_os("CI").is_none(), "{what} is needed in CI");
    eprintln!("not tested, because {what} is not installed");
    None
}

/// The results of the client libraries, by call.
fn clients(address: &str) -> Option<Vec<Value>> {
    let mut command = Command::new("python3");
    command.arg(tool("llm_clients.py")).arg(address);
    let output = command.output().ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ModuleNotFoundError") {
        return missing("openai or anthropic");
    }
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let lines = lines.lines().map(serde_json::from_str);
    Some(lines.collect::<Result<_, _>>().expect("JSON"))
}

/// The path and the probe keys that correspond to a call.
fn same_as(call: &str) -> (&'static str, String) {
    let (shape, is_stream) = match call.strip_suffix("_stream") {
        Some(shape) => (shape, true),
        None => (call, false),
    };
    let (path, api) = match shape {
        "chat" => ("chat/completions", "chat"),
        "responses" => ("responses", "responses"),
        "messages" => ("messages", "messages"),
        "embeddings" => return ("embeddings", "api: embeddings".to_owned()),
        other => panic!("{other}"),
    };
    (path, format!("api: {api}, stream: {is_stream}"))
}

/// How long the server delayed the first token of the last request.
async fn last_wait(address: &str) -> Duration {
    let client = reqwest::Client::builder().no_proxy().build();
    let answer = client.expect("a client").get(address).send().await;
    let waits: Vec<f64> = answer.expect("sent").json().await.expect("JSON");
    Duration::from_secs_f64(*waits.last().expect("one"))
}

fn finish(outcome: &Outcome) -> Option<&'static str> {
    outcome.figures.finish_reason().map(FinishReason::label)
}

#[tokio::test]
async fn slod_agrees_with_the_clients_of_openai_and_anthropic() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Some((_server, address)) = Server::start() else {
        return;
    };
    let Some(calls) = clients(&address) else {
        return;
    };
    assert_eq!(calls.len(), 7);
    for call in calls {
        let name = call["call"].as_str().expect("a name");
        let (path, keys) = same_as(name);
        let text = call["text"].as_str().expect("a text");
        let expect = if name == "embeddings" {
            format!("dimensions: {text}")
        } else {
            format!("regex: '^{text}$'")
        };
        let yaml =
            format!("{{ url: \"{address}/v1/{path}\", model: m, {keys}, expect: {{ {expect} }} }}");
        let mut nearest = Duration::MAX;
        for _ in 0..ATTEMPTS {
            let (outcome, story) =
                attempt_kind("llm", &yaml, Duration::from_secs(10), Path::new("")).await;
            assert_eq!(outcome.verdict, Verdict::Good, "{name}: {story}");
            let figure = |one| outcome.figures.get(one).map(u64::from);
            assert_eq!(figure(Figure::InputTokens), call["input_tokens"].as_u64());
            assert_eq!(figure(Figure::OutputTokens), call["output_tokens"].as_u64());
            let wanted = call["finish"].as_str().map(|_| "stop");
            assert_eq!(finish(&outcome), wanted, "{name}: {}", call["finish"]);
            let first = outcome.measured.get(Measurement::FirstToken);
            assert_eq!(first.is_some(), call["first"].is_number(), "{name}");
            let found = first.unwrap_or(outcome.latency);
            nearest = nearest.min(found.abs_diff(last_wait(&address).await));
            if nearest <= CLOSE {
                break;
            }
        }
        assert!(nearest <= CLOSE, "{name}: {nearest:?} from the truth");
    }
}
