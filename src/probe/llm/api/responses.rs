//! OpenAI's responses.

use super::{Question, conversation, list, missing, text};
use crate::probe::dial::Failure;
use crate::probe::llm::answer::{Answer, Piece, reported_error};
use crate::probe::llm::reported::error_in;
use serde_json::{Map, Value, json};

pub fn question(question: &Question) -> Map<String, Value> {
    let mut body = Map::new();
    let input = conversation(question.messages.iter());
    body.insert("input".to_owned(), input);
    body.insert("max_output_tokens".to_owned(), json!(question.max_tokens));
    body
}

pub fn take_event(answer: &mut Answer, data: &Value) -> Result<Piece, Failure> {
    let kind = text(data, "type").unwrap_or_default();
    let delta = || text(data, "delta").unwrap_or_default();
    match kind {
        "response.output_text.delta" => Ok(answer.add_text(delta())),
        "response.refusal.delta" => Ok(answer.add_refusal(delta())),
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            Ok(answer.add_tool_call())
        }
        "response.output_item.added" if data.get("item").is_some_and(is_call) => {
            Ok(answer.add_tool_call())
        }
        "response.completed" | "response.incomplete" => {
            let response = data.get("response").unwrap_or(&Value::Null);
            let piece = take_unstreamed(answer, response);
            take_end(answer, response)?;
            answer.ended = true;
            Ok(piece)
        }
        "response.failed" => {
            let response = data.get("response").unwrap_or(data);
            take_usage(answer, response);
            Err(reported_error(response.get("error").unwrap_or(response)))
        }
        _ if kind.contains("reasoning") && kind.strip_suffix(".delta").is_some() => {
            Ok(answer.add_reasoning(delta()))
        }
        _ => Ok(Piece::Frame),
    }
}

pub fn take_whole(answer: &mut Answer, data: &Value) -> Result<(), Failure> {
    if !data.get("output").is_some_and(Value::is_array) {
        return Err(missing("output"));
    }
    take_items(answer, data);
    take_end(answer, data)
}

/// Takes an answer that only the final event contains, as some servers send it.
fn take_unstreamed(answer: &mut Answer, response: &Value) -> Piece {
    if !answer.text.is_empty() || answer.calls_tool {
        return Piece::Frame;
    }
    take_items(answer, response);
    if answer.text.is_empty() && !answer.calls_tool {
        Piece::Frame
    } else {
        Piece::Answer
    }
}

fn take_items(answer: &mut Answer, response: &Value) {
    for item in list(response, "output") {
        match text(item, "type") {
            Some("reasoning") => answer.reasons = true,
            _ if is_call(item) => drop(answer.add_tool_call()),
            _ => {
                for part in list(item, "content") {
                    answer.add_text(text(part, "text").unwrap_or_default());
                    answer.add_refusal(text(part, "refusal").unwrap_or_default());
                }
            }
        }
    }
}

/// Whether an item asks the client to call a tool. The provider itself calls others, such as a search.
fn is_call(item: &Value) -> bool {
    matches!(
        text(item, "type"),
        Some("function_call" | "custom_tool_call" | "computer_call" | "local_shell_call")
    )
}

fn take_usage(answer: &mut Answer, response: &Value) {
    if let Some(usage) = response.get("usage") {
        answer.usage.take(usage);
    }
}

/// Parses the final state of a response.
fn take_end(answer: &mut Answer, response: &Value) -> Result<(), Failure> {
    take_usage(answer, response);
    if let Some(error) = error_in(response) {
        return Err(reported_error(error));
    }
    let incomplete = response.get("incomplete_details");
    let reason = incomplete.and_then(|details| text(details, "reason"));
    match (reason, text(response, "status")) {
        (Some(reason), _) => answer.end(reason),
        (None, Some("completed") | None) if answer.calls_tool => answer.end("tool_calls"),
        (None, status) => answer.end(status.unwrap_or("completed")),
    }
}
