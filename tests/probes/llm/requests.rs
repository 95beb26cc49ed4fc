//! What is sent, what a config accepts, and the daily budget.

use super::server::{ask, stream};
use crate::probing::read_kind;
use serde_json::{Value, json};
use slod::outcome::{Timestamp, Verdict, VoidReason};
use slod::probe::{Attempt, Trace};
use std::path::Path;
use std::time::Duration;

const HELLO: &str = r#"{"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":20}}"#;

async fn sent(keys: &str) -> (String, Value) {
    let seen = ask(stream(&[HELLO, "[DONE]"]), keys).await;
    let (head, body) = seen.request.split_once("\r\n\r\n").expect("a request");
    let body = serde_json::from_str(body).expect("JSON");
    (head.to_ascii_lowercase(), body)
}

#[tokio::test]
async fn each_api_gets_its_request_format() {
    let user = json!([{ "role": "user", "content": "hi" }]);
    let usage = json!({ "include_usage": true });
    let (head, body) = sent("prompt: hi, bearer: abc, headers: { X-Team: a }").await;
    assert!(head.starts_with("post /v1/x http/1.1\r\n"), "{head}");
    for line in [
        "authorization: bearer abc",
        "x-team: a",
        "content-type: application/json",
        "accept: text/event-stream",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert_eq!(
        body,
        json!({ "model": "m", "messages": user, "max_tokens": 64, "stream": true, "stream_options": usage })
    );
    let (_, body) = sent("prompt: hi, stream: false, max_tokens: 5, parameters: { temperature: 0, max_tokens: null, max_completion_tokens: 9, user: me }").await;
    assert_eq!(
        body,
        json!({ "model": "m", "messages": user, "temperature": 0, "max_completion_tokens": 9, "user": "me" })
    );
    let (_, body) = sent("api: responses, prompt: hi").await;
    assert_eq!(
        body,
        json!({ "model": "m", "input": user, "max_output_tokens": 64, "stream": true })
    );
    let conversation = "messages: [{ role: system, content: Be short }, { content: hi }]";
    let (head, body) = sent(&format!("api: messages, api_key: abc, {conversation}")).await;
    assert!(head.contains("x-api-key: abc") && head.contains("anthropic-version: 2023-06-01"));
    assert_eq!(
        body,
        json!({ "model": "m", "system": "Be short", "messages": user, "max_tokens": 64, "stream": true })
    );
    let (_, body) = sent("api: completions, prompt: hi").await;
    assert_eq!(
        body,
        json!({ "model": "m", "prompt": "hi", "max_tokens": 64, "stream": true, "stream_options": usage })
    );
    let (head, body) = sent("api: embeddings, prompt: hi").await;
    assert_eq!(body, json!({ "model": "m", "input": "hi" }));
    assert!(head.contains("accept: application/json"), "{head}");
}

#[test]
fn errors_are_reported_at_their_position() {
    for (keys, says) in [
        (
            "prompt: a, messages: [{ content: b }]",
            "mutually exclusive",
        ),
        (
            "api: embeddings, messages: [{ content: b }]",
            "takes a text",
        ),
        ("api: embeddings, stream: true", "never streamed"),
        ("api: embeddings, expect: { text: a }", "have no text"),
        ("expect: { dimensions: 3 }", "only embeddings"),
        (
            "expect: { min_length: 5, max_length: 4 }",
            "below `min_length`",
        ),
        ("expect: { json: { nonsense: 1 } }", ""),
        ("api_key: a, headers: { x-api-key: b }", "both `api_key`"),
        ("bearer: a, headers: { authorization: b }", "Authorization"),
        ("api_key: \"a\\nb\"", "not valid in a header"),
        ("budget: {}", "has no limit"),
        ("budget: { cost: 1 }", "`price` is missing"),
        (
            "budget: { tokens: 64 }",
            "is too small for a single attempt",
        ),
        (
            "budget: { cost: 0.00001, price: { input: 1, output: 1 } }",
            "is too small",
        ),
        (
            "budget: { tokens: 200 }, parameters: { max_tokens: null, max_completion_tokens: 100000 }",
            "is too small for a single attempt",
        ),
        (
            "budget: { tokens: 200 }, parameters: { max_tokens: null }",
            "nothing limits the tokens",
        ),
        ("budget: { cost: -1, price: { input: 1 } }", "such as 1.50"),
        ("api: chatty", "one of chat, completions"),
    ] {
        let yaml = format!("{{ url: \"http://127.0.0.1/\", model: m, {keys} }}");
        let (_, faults) = read_kind("llm", &yaml, Path::new(""));
        let all: Vec<_> = faults
            .iter()
            .map(|one| format!("{} {:?}", one.message, one.help))
            .collect();
        assert!(
            !all.is_empty() && all.join("\n").contains(says),
            "{keys}: {all:?}"
        );
    }
}

#[tokio::test]
async fn an_attempt_beyond_the_budget_is_void_and_not_made() {
    let (address, requests) =
        crate::server::http(|_| super::server::stream(&[HELLO, "[DONE]"]).remove(0).1).await;
    // 40 tokens each; known in advance are at most 30 of output: 20 + 30 fit twice into 110.
    let yaml = format!(
        "{{ url: \"http://{address}/\", model: m, prompt: hi, max_tokens: 30, budget: {{ tokens: 110 }} }}"
    );
    let (probe, faults) = read_kind("llm", &yaml, Path::new(""));
    let probe = probe.unwrap_or_else(|| panic!("{faults:?}"));
    let day = 86_400_000;
    let mut verdicts = Vec::new();
    for at in [0, 1, 2, 3, day, day + 1, day + 2] {
        let timeout = Duration::from_secs(10);
        let mut attempt = Attempt::new(Timestamp(at), timeout, Trace::silent());
        verdicts.push(probe.run(&mut attempt).await.verdict);
    }
    let void = Verdict::Void(VoidReason::Quota);
    let good = Verdict::Good;
    assert_eq!(verdicts, [good, good, void, void, good, good, void]);
    assert_eq!(requests.lock().expect("no panic").len(), 4);
}
