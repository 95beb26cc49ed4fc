//! Times of a streamed answer, compared with the times at which the server wrote its parts.

use super::server::{Replayed, SSE, Step, ask};
use slod::outcome::{Figure, Measurement, Verdict};
use std::time::Duration;

/// Maximum delay between writing and reading on a busy machine.
const LATE: Duration = Duration::from_millis(25 * SLOW);
/// Difference between the clock of the server and that of the probe, which are started one after the
/// other.
const EARLY: Duration = Duration::from_millis(5 * SLOW);
/// Maximum difference from the truth in the best of several attempts: on a busy machine, some of them wait for a CPU.
const CLOSE: Duration = Duration::from_millis(5);
const ATTEMPTS: usize = 20;
/// Factor of all waiting times: the delays of a busy machine must be short compared with them.
const SLOW: u64 = 4;

fn step(wait: u64, bytes: &[u8]) -> Step {
    (wait * SLOW, bytes.to_vec())
}

fn data(wait: u64, json: &str) -> Step {
    step(wait, format!("data: {json}\n\n").as_bytes())
}

fn delta(wait: u64, delta: &str) -> Step {
    data(wait, &format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#))
}

fn is_near(seen: Option<Duration>, truth: Duration) {
    let seen = seen.expect("measured");
    assert!(
        seen + EARLY >= truth && seen <= truth + LATE,
        "{seen:?} is not {truth:?}"
    );
}

fn time(seen: &Replayed, one: Measurement) -> Option<Duration> {
    seen.outcome.measured.get(one)
}

#[tokio::test]
async fn measured_times_match_the_server() {
    let steps = vec![
        step(40, SSE.as_bytes()),
        step(30, b": keep-alive\n\n"),
        delta(60, r#"{"role":"assistant","content":""}"#),
        delta(50, r#"{"reasoning_content":"Hm"}"#),
        delta(70, r#"{"content":"a"}"#),
        delta(50, r#"{"content":"b c"}"#),
        delta(50, r#"{"content":"d"}"#),
        data(30, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
        data(
            30,
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":18}}"#,
        ),
        (0, b"data: [DONE]\n\n".to_vec()),
        // The probe does not wait for data after the end.
        (500, b": bye\n\n".to_vec()),
    ];
    let mut nearest = [Duration::MAX; 5];
    for _ in 0..ATTEMPTS {
        let seen = ask(steps.clone(), "").await;
        assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
        assert_eq!(seen.figure(Figure::OutputTokens), Some(18));
        let (written, time) = (&seen.written, |one| time(&seen, one).expect("measured"));
        let times = [
            (time(Measurement::Processing), written[0]),
            (time(Measurement::FirstChunk), written[2]),
            (time(Measurement::FirstToken), written[4]),
            (seen.outcome.latency, written[9]),
            // From the first reasoning token to the last text token: 18 tokens have 17 gaps.
            (
                time(Measurement::PerOutputToken) * 17,
                written[6].saturating_sub(written[3]),
            ),
        ];
        for (nearest, (found, truth)) in nearest.iter_mut().zip(times) {
            *nearest = found.abs_diff(truth).min(*nearest);
        }
        if nearest.iter().all(|difference| *difference <= CLOSE) {
            return;
        }
    }
    panic!("{nearest:?} from the truth");
}

/// Hidden reasoning is counted but not streamed, so there is no time per token.
#[tokio::test]
async fn hidden_reasoning_does_not_make_tokens_fast() {
    let usage = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":104,"completion_tokens_details":{"reasoning_tokens":101}}}"#;
    let steps = vec![
        (0, SSE.into()),
        delta(50, r#"{"content":"a"}"#),
        delta(60, r#"{"content":"b"}"#),
        delta(60, r#"{"content":"c"}"#),
        data(0, usage),
        (0, b"data: [DONE]\n\n".to_vec()),
    ];
    let seen = ask(steps, "").await;
    let per_token = seen.written[3].saturating_sub(seen.written[1]) / 2;
    let found = time(&seen, Measurement::PerOutputToken).expect("measured");
    assert!(
        found.abs_diff(per_token) < Duration::from_millis(15 * SLOW),
        "{found:?} {per_token:?}"
    );
}

#[tokio::test]
async fn no_time_per_token_without_a_token_rate() {
    for usage in [
        r#""usage":{"prompt_tokens":9,"completion_tokens":1}"#,
        // All of them in one chunk.
        r#""usage":{"prompt_tokens":9,"completion_tokens":18}"#,
        r#""usage":null"#,
    ] {
        let end = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop"}}],{usage}}}"#);
        let steps = vec![
            (0, SSE.into()),
            delta(0, r#"{"content":"a"}"#),
            data(20, &end),
            (0, b"data: [DONE]\n\n".to_vec()),
        ];
        let seen = ask(steps, "").await;
        assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
        assert_eq!(time(&seen, Measurement::PerOutputToken), None);
        assert!(time(&seen, Measurement::FirstToken).is_some());
    }
}

/// OpenAI streams a summary of the reasoning, xAI none, and Anthropic may omit its text.
#[tokio::test]
async fn summarized_and_omitted_reasoning_does_not_make_tokens_fast() {
    let responses = |wait, event: &str| data(wait, &format!(r#"{{"type":"response.{event}}}"#));
    let text = |wait| responses(wait, r#"output_text.delta","delta":"a""#);
    let usage = r#""usage":{"input_tokens":9,"output_tokens":1003,"output_tokens_details":{"reasoning_tokens":1000}}"#;
    let steps = vec![
        (0, SSE.into()),
        responses(0, r#"reasoning_summary_text.delta","delta":"Thinking""#),
        text(50),
        text(60),
        text(60),
        responses(
            0,
            &format!(r#"completed","response":{{"status":"completed",{usage}}}"#),
        ),
    ];
    let seen = ask(steps, "api: responses").await;
    let found = time(&seen, Measurement::PerOutputToken).expect("measured");
    let per_token = seen.written[4].saturating_sub(seen.written[2]) / 2;
    is_near(Some(found), per_token);

    let messages = |wait, event: &str| data(wait, &format!(r#"{{"type":"{event}}}"#));
    let text = |wait| {
        messages(
            wait,
            r#"content_block_delta","delta":{"type":"text_delta","text":"a"}"#,
        )
    };
    let steps = vec![
        (0, SSE.into()),
        messages(
            0,
            r#"content_block_start","content_block":{"type":"thinking","thinking":""}"#,
        ),
        text(200),
        text(20),
        messages(
            0,
            r#"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12}"#,
        ),
        data(0, r#"{"type":"message_stop"}"#),
    ];
    let seen = ask(steps, "api: messages").await;
    let found = time(&seen, Measurement::PerOutputToken).expect("measured");
    let per_token = seen.written[3].saturating_sub(seen.written[1]) / 11;
    assert!(
        found.abs_diff(per_token) < Duration::from_millis(3 * SLOW),
        "{found:?} {per_token:?}"
    );
}

/// Servers without a parser for the reasoning send it as text.
#[tokio::test]
async fn the_first_token_follows_reasoning_in_tags() {
    let content = |wait, text: &str| delta(wait, &format!(r#"{{"content":"{text}"}}"#));
    let usage = r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":5}}"#;
    let steps = vec![
        (0, SSE.into()),
        content(20, "<think>"),
        content(60, "Hm, Mars"),
        content(60, "</think>"),
        content(60, r"\n\npong"),
        data(0, usage),
        (0, b"data: [DONE]\n\n".to_vec()),
    ];
    let seen = ask(steps, "expect: { regex: ^pong$ }").await;
    assert_eq!(seen.outcome.verdict, Verdict::Good, "{}", seen.story);
    is_near(time(&seen, Measurement::FirstToken), seen.written[4]);
    let per_token = seen.written[4].saturating_sub(seen.written[1]) / 4;
    let found = time(&seen, Measurement::PerOutputToken).expect("measured");
    assert!(
        found.abs_diff(per_token) < Duration::from_millis(8 * SLOW),
        "{found:?} {per_token:?}"
    );
}
