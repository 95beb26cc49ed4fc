//! Anthropic's Messages API.

use super::{Question, Role, conversation, list, missing, text};
use crate::probe::dial::Failure;
use crate::probe::llm::answer::{Answer, Piece};
use serde_json::{Map, Value, json};

pub fn question(question: &Question) -> Map<String, Value> {
    let is_system = |role| matches!(role, Role::System | Role::Developer);
    let (system, rest): (Vec<_>, Vec<_>) = question
        .messages
        .iter()
        .partition(|message| is_system(message.role));
    let mut body = Map::new();
    body.insert("max_tokens".to_owned(), json!(question.max_tokens));
    body.insert("messages".to_owned(), conversation(rest.into_iter()));
    if !system.is_empty() {
        let texts: Vec<_> = system.iter().map(|one| one.content.as_str()).collect();
        body.insert("system".to_owned(), json!(texts.join("\n")));
    }
    body
}

pub fn take_event(answer: &mut Answer, data: &Value) -> Result<Piece, Failure> {
    let null = Value::Null;
    let delta = data.get("delta").unwrap_or(&null);
    Ok(match text(data, "type").unwrap_or_default() {
        "ping" => Piece::Nothing,
        "message_start" => {
            let message = data.get("message").unwrap_or(&null);
            take_usage(answer, message);
            // A placeholder until the answer has ended.
            answer.usage.output = None;
            Piece::Frame
        }
        // A block may start with a part of its text.
        "content_block_start" => take_block(answer, data.get("content_block").unwrap_or(&null)),
        "content_block_delta" => take_block(answer, delta),
        "message_delta" => {
            take_usage(answer, data);
            take_reason(answer, delta)?;
            Piece::Frame
        }
        "message_stop" => {
            answer.ended = true;
            Piece::Frame
        }
        _ => Piece::Frame,
    })
}

pub fn take_whole(answer: &mut Answer, data: &Value) -> Result<(), Failure> {
    if !data.get("content").is_some_and(Value::is_array) {
        return Err(missing("content"));
    }
    for block in list(data, "content") {
        take_block(answer, block);
    }
    take_usage(answer, data);
    take_reason(answer, data)
}

/// Parses a content block, or a delta of one.
fn take_block(answer: &mut Answer, block: &Value) -> Piece {
    match text(block, "type").unwrap_or_default() {
        "text" | "text_delta" => answer.add_text(text(block, "text").unwrap_or_default()),
        "thinking_delta" => answer.add_reasoning(text(block, "thinking").unwrap_or_default()),
        // Its text may be omitted.
        "thinking" | "redacted_thinking" => {
            answer.reasons = true;
            Piece::Reasoning
        }
        "tool_use" | "input_json_delta" => answer.add_tool_call(),
        _ => Piece::Frame,
    }
}

fn take_usage(answer: &mut Answer, data: &Value) {
    if let Some(usage) = data.get("usage") {
        answer.usage.take(usage);
    }
}

fn take_reason(answer: &mut Answer, data: &Value) -> Result<(), Failure> {
    text(data, "stop_reason").map_or(Ok(()), |reason| answer.end(reason))
}
