//! OpenAI's embeddings.

use super::{Question, list, missing, prompt};
use crate::outcome::Cause;
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
    if let Some(usage) = data.get("usage") {
        answer.usage.take(usage);
    }
    let vectors = list(data, "data").iter();
    let vectors = vectors.map(|item| numbers(item.get("embedding").unwrap_or(&Value::Null)));
    let vectors = vectors.collect::<Result<Vec<_>, _>>()?;
    if vectors
        .iter()
        .any(|vector| !vector.is_empty() && vector.iter().all(|one| *one == 0.0))
    {
        return Err(Failure::bad(
            Cause::EmptyAnswer,
            "all numbers of an embedding are zero",
        ));
    }
    // The shortest vector, so that an empty one among others is detected.
    answer.dimensions = vectors.iter().map(Vec::len).min();
    Ok(())
}

/// The numbers of a vector, or its encoded form. Some servers send `null` or NaN if their computation fails.
fn numbers(embedding: &Value) -> Result<Vec<f64>, Failure> {
    let invalid = || {
        let message = "an embedding contains a value that is not a number";
        Failure::bad(Cause::Protocol, message)
    };
    match embedding {
        Value::Array(numbers) => {
            let numbers = numbers.iter().map(Value::as_f64);
            numbers.collect::<Option<_>>().ok_or_else(invalid)
        }
        Value::String(encoded) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
            let bytes = bytes.unwrap_or_default();
            let numbers = bytes.as_chunks::<NUMBER>().0.iter();
            let numbers = numbers.map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            let numbers: Vec<_> = numbers.collect();
            // Other encodings than that of floats may have some such values.
            let is_invalid = !numbers.is_empty() && numbers.iter().all(|one| !one.is_finite());
            if is_invalid {
                Err(invalid())
            } else {
                Ok(numbers)
            }
        }
        _ => Ok(Vec::new()),
    }
}
