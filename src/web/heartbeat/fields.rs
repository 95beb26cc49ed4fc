//! Parameters of a report in its body.

use super::report::states_result;
use serde_json::Value;
use url::form_urlencoded;

/// The fields of a body that state the result, for reports whose address does not: `curl -d s=$?`. Other
/// bodies are texts, such as a log in which `exit=0 after 3 files` is a line.
pub(super) fn of_body(content_type: &str, body: &[u8]) -> Vec<(String, String)> {
    let fields: Vec<(String, String)> = match content_type.split(';').next().map(str::trim) {
        Some("application/x-www-form-urlencoded") => {
            form_urlencoded::parse(body).into_owned().collect()
        }
        Some("application/json") => of_object(body),
        _ => Vec::new(),
    };
    let is_word = |text: &str| !text.trim().contains(char::is_whitespace);
    let names_are_words = fields.iter().all(|(name, _)| is_word(name));
    let states_result = |field: &(String, String)| states_result(field) && is_word(&field.1);
    if names_are_words && fields.iter().any(states_result) {
        fields
    } else {
        Vec::new()
    }
}

/// The fields of a JSON object, except nested ones.
fn of_object(body: &[u8]) -> Vec<(String, String)> {
    let object: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Null => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    };
    let fields = object.into_iter();
    fields
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::heartbeat::report::Report;

    #[test]
    fn bodies_with_fields_state_the_result() {
        let form = "application/x-www-form-urlencoded";
        let json = "application/json; charset=utf-8";
        let result = |content_type: &str, body: &str| {
            let fields = of_body(content_type, body.as_bytes());
            let report = (!fields.is_empty()).then(|| Report::read(&fields));
            report.map(|report| report.map(|one| (one.failed, one.text)).map_err(|_| ()))
        };
        let failed = |text: &str| Some(Ok((true, text.to_owned())));
        let good = Some(Ok((false, String::new())));
        for (content_type, body, expected) in [
            (form, "s=1", failed("1")),
            (form, "s=0", good.clone()),
            (form, "s=2&m=disk+full", failed("disk full")),
            (form, "status=fail", failed("fail")),
            (form, "status=running", Some(Err(()))),
            (
                json,
                r#"{"status": "fail", "message": "disk full"}"#,
                failed("disk full"),
            ),
            (
                json,
                r#"{"exit_code": 1, "log": {"lines": []}}"#,
                failed("1"),
            ),
            (json, r#"{"success": true}"#, good.clone()),
            // The Watchdog alert of Prometheus, as a webhook of Alertmanager.
            (
                json,
                r#"{"version": "4", "status": "firing", "alerts": [{"status": "firing"}]}"#,
                good.clone(),
            ),
            (
                json,
                r#"{"version": "4", "status": "resolved"}"#,
                failed("resolved"),
            ),
            // Texts.
            (form, "boom", None),
            (form, "m=just checking in", None),
            (form, "exit=0 after 3 files", None),
            (form, "read 3 files: status=1", None),
            ("text/plain", "status=fail", None),
            ("", "status=fail", None),
            (json, "[1]", None),
            (json, r#"{"files": 3}"#, None),
            (json, r#"{"status": "fa"#, None),
        ] {
            assert_eq!(result(content_type, body), expected, "{body}");
        }
    }
}
