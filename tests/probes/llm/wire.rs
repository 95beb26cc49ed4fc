//! Formats of providers' responses: the meaning is the same regardless of the format.

use super::server::{SSE, ask, at_once, json, stream};
use crate::probing::cause;
use slod::outcome::{Cause, Figure, Measurement, Verdict};

const ROLE: &str = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
const HELLO: &str = r#"{"choices":[{"index":0,"delta":{"content":"Hello"}}],"usage":null}"#;
const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#;
const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46,"completion_tokens_details":{"reasoning_tokens":0}}}"#;

#[tokio::test]
async fn streams_of_openai_are_read() {
    let seen = ask(
        stream(&[ROLE, HELLO, STOP, USAGE, "[DONE]"]),
        "expect: { text: Hello, max_length: 5 }",
    )
    .await;
    assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
    assert_eq!(seen.figure(Figure::InputTokens), Some(12));
    assert_eq!(seen.figure(Figure::OutputTokens), Some(34));
    assert_eq!(seen.finish(), "stop");
    assert_eq!(seen.outcome.code, Some(200));
}

/// All kinds of line endings, comments between events, several tokens in a chunk, an event of Azure's
/// filter, and a final event without an empty line.
#[tokio::test]
async fn other_streams_of_chat_completions() {
    let filter = r#"{"choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#;
    let together = r#"{"choices":[{"text":"x","delta":{"role":"assistant","content":" world"},"finish_reason":"eos"}],"usage":{"prompt_tokens":5,"completion_tokens":6}}"#;
    let reasoning = r#"{"choices":[{"delta":{"content":null,"reasoning_content":"Hm, Mars?"}}]}"#;
    for end in ["\n", "\r\n", "\r"] {
        let events = [filter, ROLE, reasoning, HELLO, together]
            .map(|one| format!(": OPENROUTER PROCESSING{end}{end}data:{one}{end}{end}"));
        let text = format!("{SSE}{}data: [DONE]", events.concat());
        let keys = "expect: { regex: '^Hello world$', regex_not: Mars }";
        let seen = ask(at_once(text), keys).await;
        assert_eq!(
            seen.outcome.verdict,
            Verdict::Good,
            "{end:?}: {}",
            seen.story
        );
        assert_eq!(seen.figure(Figure::InputTokens), Some(5));
        assert_eq!(seen.figure(Figure::OutputTokens), Some(6));
        assert_eq!(seen.finish(), "stop");
    }
}

#[tokio::test]
async fn the_usage_is_found_where_groq_and_moonshot_send_it() {
    let usage = r#""usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}"#;
    let groq = format!(
        r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}],"x_groq":{{{usage}}}}}"#
    );
    let moonshot =
        format!(r#"{{"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop",{usage}}}]}}"#);
    for last in [groq, moonshot] {
        let seen = ask(stream(&[HELLO, &last, "[DONE]"]), "").await;
        assert_eq!(seen.figure(Figure::InputTokens), Some(12), "{last}");
        assert_eq!(seen.figure(Figure::OutputTokens), Some(34), "{last}");
    }
}

/// The usage chunk of such servers has an empty reason, too.
#[tokio::test]
async fn an_empty_finish_reason_replaces_none() {
    let open = r#"{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":""}]}"#;
    let usage = r#"{"choices":[{"index":0,"delta":{},"finish_reason":""}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
    let seen = ask(
        stream(&[open, STOP, usage, "[DONE]"]),
        "expect: { finish_reason: stop }",
    )
    .await;
    assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
}

/// A refusal ends like any other answer; of several choices, the first one counts.
#[tokio::test]
async fn a_refusal_is_recognized_and_choices_are_not_mixed() {
    let refusal = r#"{"choices":[{"index":0,"delta":{"refusal":"I cannot"}}]}"#;
    let seen = ask(
        stream(&[ROLE, refusal, STOP, "[DONE]"]),
        "expect: { finish_reason: [stop] }",
    )
    .await;
    assert_eq!(
        (cause(&seen.outcome), seen.finish()),
        (Some(Cause::Answer), "refusal"),
        "{}",
        seen.story
    );
    let second =
        r#"{"choices":[{"index":1,"delta":{"content":"Other"},"finish_reason":"length"}]}"#;
    let seen = ask(
        stream(&[ROLE, HELLO, second, STOP, "[DONE]"]),
        "expect: { text: Hello, max_length: 5 }",
    )
    .await;
    assert_eq!(
        (seen.outcome.verdict, seen.finish()),
        (Verdict::Good, "stop"),
        "{}",
        seen.story
    );
}

#[tokio::test]
async fn characters_may_be_split_anywhere() {
    let text =
        r#"{"choices":[{"delta":{"content":"Grüße \ud83d\ude00😀"},"finish_reason":"stop"}]}"#;
    let body = format!("{SSE}data: {text}\r\n\r\ndata: [DONE]\r\n\r\n");
    let start = SSE.len();
    let bytes = body.as_bytes();
    let mut steps = at_once(&bytes[..start]);
    // One write each, so that they arrive in several reads.
    let pieces = bytes[start..].chunks(1).enumerate();
    steps.extend(pieces.map(|(at, byte)| (u64::from(at % 16 == 0), byte.to_vec())));
    let seen = ask(steps, "expect: { regex: '^Grüße 😀😀$' }").await;
    assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
}

const ANTHROPIC: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"1","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"The user wants Mars"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hel"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[tokio::test]
async fn streams_of_anthropic_are_read() {
    let keys = "api: messages, expect: { regex: ^Hello$, finish_reason: stop }";
    let seen = ask(at_once(format!("{SSE}{ANTHROPIC}")), keys).await;
    assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
    assert_eq!(seen.figure(Figure::InputTokens), Some(25));
    assert_eq!(seen.figure(Figure::OutputTokens), Some(15));
    assert!(
        seen.request.contains("anthropic-version: 2023-06-01")
            || seen.request.contains("Anthropic-Version: 2023-06-01"),
        "{}",
        seen.request
    );
    let (cut, _) = ANTHROPIC.split_once("event: message_stop").expect("there");
    let seen = ask(at_once(format!("{SSE}{cut}")), keys).await;
    assert_eq!(cause(&seen.outcome), Some(Cause::StreamBroken));
    let (cut, _) = ANTHROPIC.split_once("event: message_delta").expect("there");
    let seen = ask(at_once(format!("{SSE}{cut}")), keys).await;
    assert_eq!(cause(&seen.outcome), Some(Cause::StreamBroken));
    assert_eq!(seen.figure(Figure::OutputTokens), None, "not counted yet");
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let seen = ask(at_once(format!("{SSE}{cut}{error}")), keys).await;
    assert_eq!(cause(&seen.outcome), Some(Cause::StreamError));
    assert!(seen.message().contains("overloaded_error: Overloaded"));
    assert_eq!(
        seen.figure(Figure::InputTokens),
        Some(25),
        "spent all the same"
    );
}

#[tokio::test]
async fn streams_of_the_responses_api_are_read() {
    let events = [
        r#"{"type":"response.created","response":{"status":"in_progress","error":null,"usage":null}}"#,
        r#"{"type":"response.reasoning_summary_text.delta","delta":"Mars"}"#,
        r#"{"type":"response.output_text.delta","delta":"Hel"}"#,
        r#"{"type":"response.output_text.delta","delta":"lo"}"#,
        r#"{"type":"response.output_text.done","text":"Hello"}"#,
    ];
    let usage = r#""usage":{"input_tokens":7,"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4}}"#;
    let completed = format!(
        r#"{{"type":"response.completed","response":{{"status":"completed","error":null,{usage}}}}}"#
    );
    let incomplete = format!(
        r#"{{"type":"response.incomplete","response":{{"status":"incomplete","incomplete_details":{{"reason":"max_output_tokens"}},{usage}}}}}"#
    );
    let failed = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"oops"}}}"#;
    for (last, wanted, finish) in [
        (Some(completed.as_str()), None, "stop"),
        (Some(&incomplete), None, "length"),
        (Some(failed), Some(Cause::StreamError), "none"),
        (None, Some(Cause::StreamBroken), "none"),
    ] {
        let all: Vec<_> = events.iter().copied().chain(last).collect();
        let seen = ask(stream(&all), "api: responses, expect: { regex: ^Hello$ }").await;
        assert_eq!(cause(&seen.outcome), wanted, "{}", seen.story);
        assert_eq!(seen.finish(), finish);
        let tokens = (last.is_some() && wanted.is_none()).then_some(9);
        assert_eq!(seen.figure(Figure::OutputTokens), tokens);
    }
}

/// Servers may send no deltas of a tool call or of a text, and tools may take any text.
#[tokio::test]
async fn responses_without_deltas_are_complete() {
    let completed = |output: &str| {
        format!(
            r#"{{"type":"response.completed","response":{{"status":"completed","output":[{output}]}}}}"#
        )
    };
    let call = r#"{"type":"function_call","name":"f","arguments":"{}"}"#;
    let added = format!(r#"{{"type":"response.output_item.added","item":{call}}}"#);
    let custom = r#"{"type":"response.custom_tool_call_input.delta","delta":"x"}"#;
    let text = r#"{"type":"message","content":[{"type":"output_text","text":"Hello"}]}"#;
    for (events, expect) in [
        (vec![completed(call)], "finish_reason: tool_calls"),
        (vec![added, completed("")], "finish_reason: tool_calls"),
        (
            vec![custom.to_owned(), completed("")],
            "finish_reason: tool_calls",
        ),
        (vec![completed(text)], "regex: ^Hello$"),
    ] {
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let keys = format!("api: responses, expect: {{ {expect} }}");
        let seen = ask(stream(&events), &keys).await;
        assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
        assert!(seen.outcome.measured.get(Measurement::FirstToken).is_some());
    }
    let error = r#"{"type":"error","code":"rate_limit_exceeded","message":"no"}"#;
    let seen = ask(stream(&[error]), "api: responses").await;
    assert!(
        seen.message().contains("rate_limit_exceeded: no"),
        "{}",
        seen.message()
    );
}

#[tokio::test]
async fn responses_that_are_not_a_stream() {
    let chat = r#"{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let text = r#"{"choices":[{"text":"Hello","finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let messages = r#"{"type":"message","content":[{"type":"thinking","thinking":"Mars"},{"type":"text","text":"Hello"}],"stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}}"#;
    let responses = r#"{"status":"completed","error":null,"output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"Hello"}]}],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    for (api, body, finish) in [
        ("chat", chat, "length"),
        ("completions", text, "stop"),
        ("messages", messages, "length"),
        ("responses", responses, "stop"),
    ] {
        let keys = format!("api: {api}, stream: false, expect: {{ regex: ^Hello$ }}");
        let seen = ask(json("200 OK", "", body), &keys).await;
        assert_eq!(seen.outcome.verdict, Verdict::Good, "{api}: {}", seen.story);
        assert_eq!(seen.figure(Figure::InputTokens), Some(3), "{api}");
        assert_eq!(seen.figure(Figure::OutputTokens), Some(4), "{api}");
        assert_eq!(seen.finish(), finish, "{api}");
    }
    let seen = ask(json("200 OK", "", chat), "").await;
    assert_eq!(cause(&seen.outcome), Some(Cause::Protocol));
    assert!(
        seen.message().contains("`stream: false`"),
        "{}",
        seen.message()
    );
}

#[tokio::test]
async fn embeddings_are_checked() {
    let body = |vector: &str| {
        format!(
            r#"{{"data":[{{"index":0,"embedding":{vector}}}],"usage":{{"prompt_tokens":8,"total_tokens":8}}}}"#
        )
    };
    for (vector, keys, wanted) in [
        ("[0.1,-0.2,3e-4]", "expect: { dimensions: 3 }", None),
        (
            "[0.1,-0.2]",
            "expect: { dimensions: 3 }",
            Some(Cause::Answer),
        ),
        ("[]", "", Some(Cause::EmptyAnswer)),
        ("[0.0,0.0]", "", Some(Cause::EmptyAnswer)),
        ("[0.0,0.1]", "", None),
        ("[null,null]", "", Some(Cause::Protocol)),
        ("[[0.1,0.2]]", "", Some(Cause::Protocol)),
        // Two NaNs.
        ("\"AADAfwAAwH8=\"", "", Some(Cause::Protocol)),
        ("\"AACAPwAAAEA=\"", "expect: { dimensions: 2 }", None),
    ] {
        let keys = format!("api: embeddings, {keys}");
        let seen = ask(json("200 OK", "", &body(vector)), &keys).await;
        assert_eq!(cause(&seen.outcome), wanted, "{vector}: {}", seen.story);
        assert_eq!(seen.figure(Figure::InputTokens), Some(8));
        assert_eq!(seen.figure(Figure::OutputTokens), None);
    }
}
