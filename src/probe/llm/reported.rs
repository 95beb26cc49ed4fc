//! The errors that providers report, in their various formats. Pure.

use crate::probe::json_text;
use crate::text::beginning;
use serde_json::Value;

/// The body of a rejection: JSON, or else plain text, as sent by proxies. Markup says too little.
pub fn document(body: &[u8]) -> Value {
    json_text::parse(body).unwrap_or_else(|_| {
        let text = str::from_utf8(body).map_or("", str::trim);
        if text.starts_with('<') {
            Value::Null
        } else {
            Value::from(text)
        }
    })
}

/// The field `error` of a document. Google's OpenAI-compatible API sends lists of documents. As in the
/// client library of OpenAI, an empty value is no error.
pub fn error_in(document: &Value) -> Option<&Value> {
    let document = document.get(0).unwrap_or(document);
    document.get("error").filter(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    })
}

/// The type or code of an error and its message.
pub fn describe(error: &Value) -> Option<String> {
    match (kind(error), message(error)) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one),
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
    }
}

/// The most specific name of the error. OpenAI's error events have the type `error`, and LiteLLM's errors
/// may have the type `None`.
fn kind(error: &Value) -> Option<String> {
    let is_name = |text: &&str| !matches!(*text, "" | "None" | "error");
    let mut names = ["type", "code", "status"].iter();
    let name = names.find_map(|name| error.get(name)?.as_str().filter(is_name));
    name.map(shortened)
        .or_else(|| error.get("code")?.as_i64().map(|code| code.to_string()))
}

/// The message, which may be nested.
fn message(error: &Value) -> Option<String> {
    match error {
        Value::String(text) if !text.is_empty() => Some(shortened(text)),
        Value::Array(errors) => message(errors.first()?),
        Value::Object(_) => {
            let names = ["message", "Message", "msg", "detail", "error", "errors"];
            let found = names.iter().find_map(|name| message(error.get(name)?))?;
            let found = match location(error) {
                Some(location) => format!("{location}: {found}"),
                None => found,
            };
            // OpenRouter's message says only that the provider failed.
            let cause = error
                .get("metadata")
                .and_then(|more| message(more.get("raw")?));
            Some(match cause {
                Some(cause) => format!("{found}: {cause}"),
                None => found,
            })
        }
        _ => None,
    }
}

/// The position of an invalid field, as in `body.messages`, which servers that use FastAPI report.
fn location(error: &Value) -> Option<String> {
    let parts = error.get("loc")?.as_array()?.iter();
    let parts: Vec<_> = parts.filter_map(Value::as_str).collect();
    Some(shortened(&parts.join(".")))
}

fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 120;
    beginning(text, SHOWN_MAX).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_of_all_formats_are_described() {
        for (document, wanted) in [
            (
                json!({ "error": { "message": "no", "type": "t", "code": "c" } }),
                "t: no",
            ),
            (
                json!([{ "error": { "code": 400, "message": "no", "status": "INVALID" } }]),
                "INVALID: no",
            ),
            (
                json!({ "type": "error", "code": "rate_limit_exceeded", "message": "no" }),
                "rate_limit_exceeded: no",
            ),
            (
                json!({ "error": { "message": "no", "type": "None", "code": "429" } }),
                "429: no",
            ),
            (json!({ "error": "no", "error_type": "t" }), "no"),
            (json!({ "detail": "Not Found" }), "Not Found"),
            (
                json!({ "detail": [{ "type": "t", "loc": ["body", "n"], "msg": "no" }] }),
                "body.n: no",
            ),
            (
                json!({ "object": "error", "message": { "detail": [{ "loc": ["body", "n"], "msg": "no" }] }, "type": "t", "code": null }),
                "t: body.n: no",
            ),
            (json!({ "Message": "no" }), "no"),
            (
                json!({ "success": false, "errors": [{ "code": 7003, "message": "no" }] }),
                "no",
            ),
            (
                json!({ "error": { "code": 429, "message": "Provider returned error", "metadata": { "raw": "no" } } }),
                "429: Provider returned error: no",
            ),
            (json!("no"), "no"),
        ] {
            let error = error_in(&document).unwrap_or(&document);
            assert_eq!(describe(error).as_deref(), Some(wanted), "{document}");
        }
        for document in [json!({}), json!(null), json!([]), json!([{}])] {
            assert_eq!(describe(&document), None, "{document}");
        }
        for error in [json!(null), json!(false), json!(""), json!({})] {
            assert_eq!(error_in(&json!({ "error": error })), None);
        }
    }
}
