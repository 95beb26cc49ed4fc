//! OpenAI's responses.

use super::{Question, conversation, list, missing, text};
use crate::probe::dial::Failure;
use crate::probe::llm::answer::{Answer, Piece, reported_error};
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
        "response.function_call_arguments.delta" => Ok(answer.add_tool_call()),
        "response.completed" | "response.incomplete" => {
            let response = data.get("response").unwrap_or(&Value::Null);
            take_end(answer, response)?;
            answer.ended = true;
            Ok(Piece::Frame)
        }
        "response.failed" => {
            let response = data.get("response").unwrap_or(data);
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
    for item in list(data, "output") {
        match text(item, "type") {
            Some("reasoning") => answer.reasons = true,
            Some("function_call") => drop(answer.add_tool_call()),
            _ => {
                for part in list(item, "content") {
                    answer.add_text(text(part, "text").unwrap_or_default());
                    answer.add_refusal(text(part, "refusal").unwrap_or_default());
                }
            }
        }
    }
    take_end(answer, data)
}

/// Parses the final state of a response.
fn take_end(answer: &mut Answer, response: &Value) -> Result<(), Failure> {
    if let Some(error) = response.get("error").filter(|error| !error.is_null()) {
        return Err(reported_error(error));
    }
    if let Some(usage) = response.get("usage") {
        answer.usage.take(usage);
    }
    let incomplete = response.get("incomplete_details");
    let reason = incomplete.and_then(|details| text(details, "reason"));
    match (reason, text(response, "status")) {
        (Some(reason), _) => answer.end(reason),
        (None, Some("completed") | None) if answer.calls_tool => answer.end("tool_calls"),
        (None, status) => answer.end(status.unwrap_or("completed")),
    }
}
