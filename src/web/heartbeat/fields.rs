//! Parameters of a report in its body.

use super::report::states_result;
use serde_json::Value;
use url::form_urlencoded;

/// What a body is, by its content type.
#[derive(Clone, Copy)]
enum Media<'t> {
    Form,
    /// With its content type, which has the boundary.
    Multipart(&'t str),
    Json,
    Text,
}

impl<'t> Media<'t> {
    fn of(content_type: &'t str) -> Self {
        let name = content_type.split(';').next().unwrap_or_default();
        match name.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart(content_type),
            "application/json" | "text/json" => Self::Json,
            name if name.ends_with("+json") => Self::Json,
            _ => Self::Text,
        }
    }
}

/// The fields of a body that state the result, for reports whose address does not: `curl -d s=$?`. Other
/// bodies are texts, such as a log in which `exit=0 after 3 files` is a line.
///
/// # Errors
///
/// The body should be a JSON object but cannot be read. It may report a failure, so it is not a text.
pub(super) fn of_body(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, NotJson> {
    let media = Media::of(content_type);
    let fields: Vec<(String, String)> = match media {
        Media::Form => form_urlencoded::parse(body).into_owned().collect(),
        Media::Multipart(content_type) => of_parts(content_type, body),
        Media::Json => of_json(body)?,
        Media::Text => Vec::new(),
    };
    // curl declares every text to be a form, so that a line of a log can look like one.
    let is_form = matches!(media, Media::Form);
    let is_word = |text: &str| !is_form || !text.trim().contains(char::is_whitespace);
    let fields = fields.into_iter().take_while(|(name, _)| is_word(name));
    let fields: Vec<_> = fields.collect();
    let states_result = |field: &(String, String)| states_result(field) && is_word(&field.1);
    Ok(if fields.iter().any(states_result) {
        fields
    } else {
        Vec::new()
    })
}

/// A body that should be JSON is invalid, incomplete or compressed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJson;

/// The fields of a JSON object, except nested ones. Other values have none.
fn of_json(body: &[u8]) -> Result<Vec<(String, String)>, NotJson> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let value: Value = serde_json::from_str(text).map_err(|_| NotJson)?;
    let Value::Object(object) = value else {
        return Ok(Vec::new());
    };
    let text = |value| match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Null => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    };
    let fields = object.into_iter();
    Ok(fields
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect())
}

/// The fields of a multipart form (RFC 7578), except files.
fn of_parts(content_type: &str, body: &[u8]) -> Vec<(String, String)> {
    let Some((_, boundary)) = content_type.split_once("boundary=") else {
        return Vec::new();
    };
    let boundary = boundary.split(';').next().unwrap_or_default();
    let boundary = format!("--{}", boundary.trim().trim_matches('"'));
    let text = String::from_utf8_lossy(body);
    let parts = text.split(&boundary).skip(1);
    parts
        .filter_map(|part| {
            let (head, value) = part.split_once("\r\n\r\n")?;
            let (_, name) = head.split_once(" name=\"")?;
            let name = name.split('"').next()?;
            let is_file = head.contains("filename");
            (!is_file).then(|| (name.to_owned(), value.trim().to_owned()))
        })
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
        let multipart = "multipart/form-data; boundary=x7";
        let part = |head: &str, value: &str| {
            format!("--x7\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n--x7--\r\n")
        };
        let result = |content_type: &str, body: &str| {
            let fields = of_body(content_type, body.as_bytes()).expect("readable");
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
            (form, "status=fail&log=copied 3 & lost 1", failed("fail")),
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
            (json, "", None),
            ("Application/JSON", r#"{"status": 1}"#, failed("1")),
            (
                "application/cloudevents+json",
                r#"{"error": "disk full"}"#,
                failed("disk full"),
            ),
            (multipart, &part("name=\"status\"", "fail"), failed("fail")),
            (multipart, &part("name=\"status\"", "0"), good),
            (
                multipart,
                &part("name=\"status\"; filename=\"log\"", "fail"),
                None,
            ),
        ] {
            assert_eq!(result(content_type, body), expected, "{body}");
        }
    }

    #[test]
    fn unreadable_json_is_no_success() {
        let of = |body: &[u8]| of_body("application/json", body);
        for body in [
            &br#"{"status": "fa"#[..],
            b"{\"status\": 1, \"log\": \"a\nb\"}",
            b"\x1f\x8b\x08",
        ] {
            assert_eq!(of(body), Err(NotJson), "{}", body.escape_ascii());
        }
        let latin1 = of(b"{\"status\": 1, \"log\": \"caf\xe9\"}");
        assert_eq!(latin1.map(|fields| fields.len()), Ok(2));
    }
}
