//! OpenAI's embeddings.

use super::{Question, list, missing, prompt};
use crate::probe::dial::Failure;
use crate::probe::llm::answer::Answer;
use base64::Engine as _;
use serde_json::{Map, Value, json};

/// Bytes per number in the encoded form.
const NUMBER: usize = 4;

pub fn question(question: &Question) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("input".to_owned(), json!(prompt(question)));
    body
}

pub fn take_whole(answer: &mut Answer, data: &Value) -> Result<(), Failure> {
    if !data.get("data").is_some_and(Value::is_array) {
        return Err(missing("data"));
    }
    let vectors = list(data, "data").iter();
    let dimensions = vectors.map(|item| match item.get("embedding") {
        Some(Value::Array(numbers)) => numbers.len(),
        Some(Value::String(encoded)) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
            bytes.map_or(0, |bytes| bytes.len() / NUMBER)
        }
        _ => 0,
    });
    // The shortest vector, so that an empty one among others is detected.
    answer.dimensions = dimensions.min();
    if let Some(usage) = data.get("usage") {
        answer.usage.take(usage);
    }
    Ok(())
}
