//! Chat completions and completions, as defined by OpenAI and implemented by Together, Azure, vLLM,
//! Ollama, LiteLLM and others.

use super::{Question, conversation, list, missing, prompt, text};
use crate::probe::dial::Failure;
use crate::probe::llm::answer::{Answer, Piece, reported_error};
use serde_json::{Map, Value, json};

pub fn question(question: &Question) -> Map<String, Value> {
    let mut body = text_question(question);
    body.remove("prompt");
    let messages = conversation(question.messages.iter());
    body.insert("messages".to_owned(), messages);
    body
}

pub fn text_question(question: &Question) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("prompt".to_owned(), json!(prompt(question)));
    body.insert("max_tokens".to_owned(), json!(question.max_tokens));
    if question.stream {
        let usage = json!({ "include_usage": true });
        body.insert("stream_options".to_owned(), usage);
    }
    body
}

/// Parses a chunk. The chunk with the usage has no choices, and a choice may have no text.
pub fn take_chunk(answer: &mut Answer, data: &Value) -> Result<Piece, Failure> {
    take_usage(answer, data);
    let mut piece = Piece::Frame;
    for choice in first_choice(data) {
        take_finish(answer, choice)?;
        let part = choice.get("delta").filter(|delta| !delta.is_null());
        piece = piece.max(take_part(answer, part.unwrap_or(choice)));
    }
    Ok(piece)
}

pub fn take_whole(answer: &mut Answer, data: &Value) -> Result<(), Failure> {
    take_usage(answer, data);
    if !data.get("choices").is_some_and(Value::is_array) {
        return Err(missing("choices"));
    }
    for choice in first_choice(data) {
        take_finish(answer, choice)?;
        take_part(answer, choice.get("message").unwrap_or(choice));
    }
    Ok(())
}

/// The first answer, if several were requested (`n`).
fn first_choice(data: &Value) -> impl Iterator<Item = &Value> {
    let is_first = |choice: &&Value| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0;
    list(data, "choices").iter().filter(is_first)
}

/// Parses the usage, which Groq and Moonshot may send elsewhere in the last chunk.
fn take_usage(answer: &mut Answer, data: &Value) {
    for path in ["/usage", "/x_groq/usage", "/choices/0/usage"] {
        if let Some(usage) = data.pointer(path) {
            answer.usage.take(usage);
        }
    }
}

fn take_finish(answer: &mut Answer, choice: &Value) -> Result<(), Failure> {
    let Some(reason) = text(choice, "finish_reason") else {
        return Ok(());
    };
    answer.end(reason).map_err(|broken_off| {
        // Routers add the failure of their provider.
        let error = choice.get("error").filter(|error| !error.is_null());
        error.map_or(broken_off, reported_error)
    })
}

/// Parses a delta, a message, or the choice of a completion.
fn take_part(answer: &mut Answer, part: &Value) -> Piece {
    let mut piece = Piece::Frame;
    // The field names of various servers of open models.
    for name in ["reasoning_content", "reasoning"] {
        if let Some(text) = text(part, name) {
            piece = piece.max(answer.add_reasoning(text));
            break;
        }
    }
    for name in ["content", "text"] {
        match part.get(name) {
            Some(Value::String(text)) => piece = piece.max(answer.add_mixed_text(text)),
            Some(Value::Array(parts)) => {
                for part in parts {
                    piece = piece.max(take_content(answer, part));
                }
            }
            _ => {}
        }
    }
    if let Some(text) = text(part, "refusal") {
        piece = piece.max(answer.add_refusal(text));
    }
    let calls = part.get("function_call").is_some_and(Value::is_object);
    if calls || !list(part, "tool_calls").is_empty() {
        piece = answer.add_tool_call();
    }
    piece
}

/// Parses one of several parts of a content.
fn take_content(answer: &mut Answer, part: &Value) -> Piece {
    match (text(part, "type"), text(part, "text")) {
        (Some("thinking"), inner) => {
            let parts = list(part, "thinking").iter();
            let texts = parts.filter_map(|part| text(part, "text")).chain(inner);
            answer.add_reasoning(&texts.collect::<String>())
        }
        (_, Some(text)) => answer.add_text(text),
        _ => Piece::Frame,
    }
}
