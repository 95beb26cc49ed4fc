//! Bad answers, each with its cause; and limits.

use super::server::{SSE, Step, ask, ask_within, at_once, json, stream};
use crate::probing::cause;
use slod::outcome::{Cause, Figure, Measurement, RateLimit};
use std::time::Duration;

const HELLO: &str = r#"{"choices":[{"delta":{"content":"Hello"}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

#[tokio::test]
async fn a_stream_is_whole_only_with_its_terminator() {
    let error = r#"{"error":{"message":"upstream died","type":"server_error","code":500}}"#;
    let vllm =
        r#"{"object":"error","message":"out of memory","type":"InternalServerError","code":500}"#;
    let router = r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"provider died"}}"#;
    let empty = r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#;
    let spaces = r#"{"choices":[{"delta":{"content":" \n"}}]}"#;
    let reasoning = r#"{"choices":[{"delta":{"reasoning":"Hm"}}]}"#;
    let length = r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#;
    let google = r#"[{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}]"#;
    let no_error = r#"{"choices":[{"delta":{"content":"Hi"}}],"error":{}}"#;
    let tagged = r#"{"choices":[{"delta":{"content":"<think>Hm"}}]}"#;
    let open = r#"{"choices":[{"delta":{"content":"Hel"},"finish_reason":""}]}"#;
    let short = r#"{"choices":[{"delta":{},"finish_reason":"insufficient_system_resource"}]}"#;
    let [broken, failed, no_answer] =
        [Cause::StreamBroken, Cause::StreamError, Cause::EmptyAnswer].map(Some);
    for (events, wanted, says) in [
        (&[HELLO, STOP, "[DONE]"][..], None, ""),
        (&[HELLO, STOP], broken, "[DONE]"),
        (&[HELLO], broken, "[DONE]"),
        (&[HELLO, "[DONE]"], broken, "finish reason"),
        // Some servers set an empty reason until the last chunk.
        (&[open, "[DONE]"], broken, "finish reason"),
        (
            &[HELLO, short, "[DONE]"],
            failed,
            "insufficient_system_resource",
        ),
        (&[], broken, "[DONE]"),
        (
            &[HELLO, error, "[DONE]"],
            failed,
            "server_error: upstream died",
        ),
        (&[error], failed, "upstream died"),
        (&[google], failed, "UNAVAILABLE: no"),
        (&[no_error, STOP, "[DONE]"], None, ""),
        (&[HELLO, vllm], failed, "out of memory"),
        (&[HELLO, router], failed, "502: provider died"),
        (&[empty, STOP, "[DONE]"], no_answer, "empty"),
        (&[spaces, STOP, "[DONE]"], no_answer, "empty"),
        (&[reasoning, length, "[DONE]"], no_answer, "`max_tokens`"),
        (&[tagged, length, "[DONE]"], no_answer, "`max_tokens`"),
        (
            &[HELLO, "no JSON", "[DONE]"],
            Some(Cause::Protocol),
            "not JSON",
        ),
    ] {
        let seen = ask(stream(events), "").await;
        assert_eq!(cause(&seen.outcome), wanted, "{events:?}: {}", seen.story);
        assert!(
            seen.message().contains(says),
            "{events:?}: {}",
            seen.message()
        );
    }
    // Ollama reports an error as a line of JSON, and others as text.
    for error in [
        r#"{"error":{"message":"out of memory","type":"api_error"}}"#,
        "event: error\ndata: out of memory",
    ] {
        let answer = format!("{SSE}data: {HELLO}\n\n{error}\n\n");
        let seen = ask(at_once(answer), "").await;
        assert_eq!(cause(&seen.outcome), failed);
        assert!(seen.message().contains("out of memory"), "{}", seen.story);
    }
    let cut = format!("{SSE}data: {HELLO}\n\ndata: {{\"choices\":[{{\"del");
    let seen = ask(at_once(cut), "").await;
    assert_eq!(cause(&seen.outcome), broken);
}

/// Clients accept events regardless of the content type, and text that is cut between the halves of a
/// surrogate pair.
#[tokio::test]
async fn what_clients_accept_is_accepted() {
    let halves = [
        r#"{"choices":[{"delta":{"content":"Hi \ud83d"}}]}"#,
        r#"{"choices":[{"delta":{"content":"\ude00"},"finish_reason":"stop"}]}"#,
    ];
    let events = format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        halves[0], halves[1]
    );
    for kind in [
        "Content-Type: application/json\r\n",
        "Content-Type: text/plain\r\n",
        "",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{kind}\r\n{events}");
        let seen = ask(at_once(answer), "expect: { text: Hi }").await;
        assert_eq!(cause(&seen.outcome), None, "{kind}: {}", seen.story);
    }
}

/// The connection ends in the middle of an HTTP chunk.
#[tokio::test]
async fn a_connection_that_breaks_off_breaks_the_stream() {
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let event = format!("data: {HELLO}\n\n");
    let seen = ask(
        at_once(format!(
            "{head}{:x}\r\n{event}\r\n50\r\ndata: ",
            event.len()
        )),
        "",
    )
    .await;
    assert_eq!(
        cause(&seen.outcome),
        Some(Cause::StreamBroken),
        "{}",
        seen.story
    );
    assert!(
        seen.message().contains("was interrupted"),
        "{}",
        seen.message()
    );
    assert!(seen.outcome.measured.get(Measurement::FirstToken).is_some());
}

const TOOL: &str = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;

#[tokio::test]
async fn a_tool_call_is_an_answer() {
    let seen = ask(
        stream(&[TOOL, "[DONE]"]),
        "expect: { finish_reason: tool_calls }",
    )
    .await;
    assert_eq!(cause(&seen.outcome), None, "{}", seen.story);
    let offered =
        r#"parameters: { tools: '[{ "type": "function", "function": { "name": "f" } }]' }"#;
    let seen = ask(stream(&[TOOL, "[DONE]"]), offered).await;
    assert_eq!(cause(&seen.outcome), None, "{}", seen.story);
    // No tools were offered.
    let seen = ask(stream(&[TOOL, "[DONE]"]), "").await;
    assert_eq!(cause(&seen.outcome), Some(Cause::EmptyAnswer));
    assert_eq!(
        seen.message(),
        "the answer has no text, only a tool call, and the probe offers no tools"
    );
}

#[tokio::test]
async fn a_web_page_is_recognized_by_its_type_and_beginning() {
    let page = "<!doctype html><title>Sign in</title>";
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let seen = ask(at_once(answer.clone()), "").await;
    let is = "it is `text/html` and begins with `<!doctype html><title>Sign in</title>`";
    assert_eq!(
        seen.message(),
        format!("the answer is not an event stream: {is}")
    );
    let seen = ask(at_once(answer), "stream: false").await;
    assert_eq!(seen.message(), format!("the answer is not JSON: {is}"));
}

#[tokio::test]
async fn expectations_are_checked() {
    let answer = r#"{"choices":[{"delta":{"content":"{\"city\": \"Paris\", \"n\": 3}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":9}}"#;
    for (expect, holds) in [
        ("text: Paris", true),
        ("text: [Paris, city]", true),
        ("text: [Paris, Berlin]", false),
        ("regex: '\"n\": \\d'", true),
        ("regex: ^Paris", false),
        ("regex_not: Berlin", true),
        ("regex_not: Par", false),
        ("json: { $.city: Paris, $.n: '> 2' }", true),
        ("json: { $.city: Berlin }", false),
        ("json: { $.country: '~ .' }", false),
        ("min_length: 25, max_length: 25", true),
        ("min_length: 26", false),
        ("max_length: 24", false),
        ("min_output_tokens: 9, max_output_tokens: 9", true),
        ("min_output_tokens: 10", false),
        ("max_output_tokens: 8", false),
        ("finish_reason: [stop, length]", true),
        ("finish_reason: length", false),
    ] {
        let keys = format!("expect: {{ {expect} }}");
        let seen = ask(stream(&[answer, "[DONE]"]), &keys).await;
        let wanted = (!holds).then_some(Cause::Answer);
        assert_eq!(cause(&seen.outcome), wanted, "{expect}: {}", seen.story);
    }
    let seen = ask(
        stream(&[HELLO, STOP, "[DONE]"]),
        "expect: { json: { $.a: 1 } }",
    )
    .await;
    assert!(
        seen.message().contains("not valid JSON"),
        "{}",
        seen.message()
    );
    let seen = ask(
        stream(&[HELLO, STOP, "[DONE]"]),
        "expect: { min_output_tokens: 1 }",
    )
    .await;
    assert!(seen.message().contains("unknown"), "{}", seen.message());
}

#[tokio::test]
async fn a_provider_that_refuses_has_its_reason() {
    let openai = "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1s\r\nx-ratelimit-limit-tokens: 1000\r\nx-ratelimit-remaining-tokens: 900\r\nretry-after-ms: 1500\r\n";
    let together = "x-ratelimit-limit: 10\r\nx-ratelimit-remaining: 1\r\nx-ratelimit-reset: 1\r\nx-tokenlimit-limit: 3000\r\nx-tokenlimit-remaining: 0\r\nretry-after: 2\r\n";
    let limited = r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
    let dynamic = r#"{"error":{"message":"busy","type":"service_unavailable","error_type":"dynamic_request_limited"}}"#;
    for (status, headers, body, wanted, tightest, says) in [
        (
            "429 Too Many Requests",
            openai,
            limited,
            Cause::RateLimited,
            Some(0.0),
            "retry after 1s500ms",
        ),
        (
            "429 Too Many Requests",
            together,
            dynamic,
            Cause::RateLimited,
            Some(0.0),
            "retry after 2s",
        ),
        (
            "503 Service Unavailable",
            together,
            dynamic,
            Cause::Overloaded,
            Some(0.0),
            "service_unavailable: busy",
        ),
        (
            "503 Service Unavailable",
            "",
            "<html>",
            Cause::Status,
            None,
            "HTTP status 503",
        ),
        (
            "500 Oops",
            "",
            limited,
            Cause::Status,
            None,
            "Rate limit reached",
        ),
    ] {
        let seen = ask(json(status, headers, body), "").await;
        assert_eq!(
            cause(&seen.outcome),
            Some(wanted),
            "{status}: {}",
            seen.story
        );
        assert_eq!(
            seen.outcome
                .detail
                .rate_limits
                .tightest()
                .and_then(RateLimit::share),
            tightest,
            "{status}"
        );
        assert!(seen.message().contains(says), "{}", seen.message());
        assert_eq!(seen.figure(Figure::InputTokens), None);
    }
    let seen = ask(json("429 Too Many Requests", together, ""), "").await;
    let limits = seen.outcome.detail.rate_limits.iter();
    let limits: Vec<_> = limits
        .map(|one| (&*one.name, one.remaining, one.limit))
        .collect();
    assert_eq!(
        limits,
        [("requests", 1, Some(10)), ("tokens", 0, Some(3000))]
    );
    let error = r#"{"error":{"message":"no","type":"t"}}"#;
    let vllm = r#"{"object":"error","message":"no","type":"t"}"#;
    let google = r#"[{"error":{"code":503,"message":"no","status":"t"}}]"#;
    for (body, keys) in [
        (google, ""),
        (google, "stream: false"),
        (error, ""),
        (error, "stream: false"),
        (vllm, ""),
        (vllm, "stream: false"),
    ] {
        let seen = ask(json("200 OK", "", body), keys).await;
        assert_eq!(cause(&seen.outcome), Some(Cause::StreamError), "{keys}");
        assert!(seen.message().contains("t: no"), "{}", seen.message());
    }
}

#[tokio::test]
async fn hostile_streams_are_bounded() {
    let event = format!("{SSE}data: {}", "x".repeat(700 << 10));
    let seen = ask(at_once(event), "body_limit: 4MiB").await;
    assert_eq!(
        cause(&seen.outcome),
        Some(Cause::BodyTooLarge),
        "{}",
        seen.story
    );
    let comments: Vec<Step> = std::iter::once((0, SSE.into()))
        .chain((0..200).map(|_| (0, [b':'; 100].repeat(100))))
        .chain((0..200).map(|_| (0, b": keep-alive\n\n".repeat(1000))))
        .collect();
    let seen = ask(comments, "").await;
    assert_eq!(
        cause(&seen.outcome),
        Some(Cause::BodyTooLarge),
        "{}",
        seen.story
    );
    let pings: Vec<Step> = std::iter::once((0, SSE.into()))
        .chain((0..1000).map(|_| (20, b": ping\n\n".to_vec())))
        .collect();
    let seen = ask_within(pings, "", Duration::from_millis(600)).await;
    assert_eq!(cause(&seen.outcome), Some(Cause::Timeout), "{}", seen.story);
    assert_eq!(seen.outcome.measured.get(Measurement::FirstChunk), None);
    let drip: Vec<Step> = std::iter::once((0, SSE.into()))
        .chain((0..1000).map(|_| (20, format!("data: {HELLO}\n\n").into_bytes())))
        .collect();
    let seen = ask_within(drip, "", Duration::from_millis(600)).await;
    assert_eq!(cause(&seen.outcome), Some(Cause::Timeout), "{}", seen.story);
    assert!(seen.outcome.measured.get(Measurement::FirstToken).is_some());
}
