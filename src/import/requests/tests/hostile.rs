use super::*;
use serde_json::{Value, json};

#[test]
fn file_contents_never_become_variables() {
    let raw = get("http://h/\u{fdd0}HOME\u{fdd1}");
    let escaped = get(r"http://h/\ufdd0HOME\ufdd1");
    for one in [raw, escaped] {
        assert_eq!(
            fault(Format::Har, &har(&one)),
            "contains U+FDD0 or U+FDD1, which are not valid in a text"
        );
    }
    let body = r#"{"request":{"method":"POST","url":"http://h/${HOME}/$${HOME}","headers":[{"name":"x","value":"a${HOME}"}],
        "postData":{"mimeType":"application/json","text":"{\"password\":\"x\",\"a\":\"\\ufdd0HOME\\ufdd1\"}"}}}"#;
    let imported = read(Format::Har, &har(body));
    let request = &imported.requests[0];
    assert_eq!(request.path, "/$%7BHOME%7D/$$%7BHOME%7D");
    assert_eq!(header(request, "x"), Some("a$${HOME}"));
    assert_eq!(request.body.as_deref(), Some("${LOAD_BODY}"));
    let postman = r#"{"info":{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item":[{"request":"{{host}}/{{PATH}}?price=${{amount}}"}]}"#;
    let imported = read(Format::Postman, postman);
    // A `$` before a reference would escape it.
    assert_eq!(lines(&imported), ["GET /${LOAD_PATH}?price=${LOAD_AMOUNT}"]);
}

#[test]
fn secrets_are_found_by_name_and_by_form() {
    let body = |media_type: &str, text: &str| {
        let text = Value::from(text);
        let one = format!(
            r#"{{"request":{{"method":"POST","url":"http://h/","postData":{{"mimeType":"{media_type}","text":{text}}}}}}}"#
        );
        read(Format::Har, &har(&one)).requests[0]
            .body
            .clone()
            .expect("a body")
    };
    let json = |text: &str| body("application/json; charset=utf-8", text);
    for (text, kept) in [
        (
            r#"{"a": {"apiKey": ["x"]}}"#,
            r#"{"a":{"apiKey":["${LOAD_API_KEY}"]}}"#,
        ),
        (r#"{"pin": 1234}"#, r#"{"pin":${LOAD_PIN}}"#),
        (r#"["eyJhbGciOiJIUzI1NiJ9.x.y"]"#, r#"["${LOAD_VALUE}"]"#),
        // Settings and sentences are not secrets, and are kept as written.
        (
            r#"{"max_tokens": 100, "token_count":1}"#,
            r#"{"max_tokens": 100, "token_count":1}"#,
        ),
        (
            r#"{"m": "Basic questions about Rust"}"#,
            r#"{"m": "Basic questions about Rust"}"#,
        ),
        (
            r#"{"m": "reset my password"}"#,
            r#"{"m": "reset my password"}"#,
        ),
        (r#"{"password": ""}"#, r#"{"password": ""}"#),
    ] {
        assert_eq!(json(text), kept);
    }
    assert_eq!(body("text/xml", "<password>x</password>"), "${LOAD_BODY}");
    assert_eq!(body("text/xml", "<item>x</item>"), "<item>x</item>");
    let imported = read(
        Format::Har,
        &har(&get("http://ann:hunter2@h/bot/ghp_0123456789abcdef")),
    );
    assert_eq!(lines(&imported), ["GET /bot/${LOAD_PATH}"]);
    assert_eq!(
        header(&imported.requests[0], "authorization"),
        Some("${LOAD_AUTHORIZATION}")
    );
}

#[test]
fn headers_cannot_add_lines() {
    let one = r#"{"request":{"method":"GET","url":"http://h/","headers":[{"name":"x","value":"a\r\nb: c"},{"name":"y z","value":"1"},{"name":"w","value":"2"}]}}"#;
    let imported = read(Format::Har, &har(one));
    let headers = [("w".to_owned(), "2".to_owned())];
    assert_eq!(imported.requests[0].headers, headers);
    let left_out = [
        "log.entries[0].request: the header x is left out: its value has more than one line, or control characters",
        "log.entries[0].request: a header is left out: its name is not valid",
    ];
    assert_eq!(remarks(&imported), left_out);
    let yaml = imported.to_yaml(false);
    assert!(
        left_out
            .iter()
            .all(|one| yaml.contains(&format!("# {one}\n"))),
        "{yaml}"
    );
}

#[test]
fn invalid_requests_are_left_out() {
    let bad = r#"{"request":{"method":"G T","url":"http://h/b"}}"#;
    let file = har(&[
        &get("http://h/a"),
        bad,
        r#"{"request":7}"#,
        &get("http://h/c"),
    ]
    .join(","));
    let imported = read(Format::Har, &file);
    assert_eq!(lines(&imported), ["GET /a", "GET /c"]);
    let left_out = [
        "log.entries[1].request: left out: expected a method such as GET or POST",
        "log.entries[2].request: left out: expected a mapping",
    ];
    assert_eq!(remarks(&imported), left_out);
    // A request that is invalid in a config.
    let check: Check<'_> = &|section| section.contains("/c").then(|| "is not valid".to_owned());
    let imported = Format::Har.read(file.as_bytes(), None, Shape::Steps, check);
    let imported = imported.expect("one is left");
    assert_eq!(lines(&imported), ["GET /a"]);
    assert_eq!(
        remarks(&imported)[2],
        "log.entries[3].request: left out: is not valid"
    );
    let check: Check<'_> = &|_| Some("is not valid".to_owned());
    let fault = Format::Har.read(
        har(&get("http://h/a")).as_bytes(),
        None,
        Shape::Steps,
        check,
    );
    let fault = fault.expect_err("nothing is left").to_string();
    assert_eq!(fault, "log.entries[0].request: is not valid");
}

#[test]
fn errors_quote_nothing_from_the_file() {
    for (format, file) in [
        (Format::Har, r#"{"log": "hunter2", "hunter2""#),
        (Format::Har, r#"{"log": {"entries": "hunter2"}}"#),
        (Format::OpenApi, "openapi: 3.0.0\npaths: *hunter2"),
        (Format::OpenApi, "openapi: hunter2"),
        (Format::OpenApi, "openapi: 3.0.0\n  hunter2: [\n"),
    ] {
        let fault = fault(format, file);
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

/// Every position in a document.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{place}"), all);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{name}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn every_value_may_be_another_one() {
    for (format, file) in [
        (Format::Har, include_str!("fixtures/shop.har")),
        (
            Format::Postman,
            include_str!("fixtures/chat.postman_collection.json"),
        ),
        (Format::OpenApi, include_str!("fixtures/rag.openapi.yaml")),
    ] {
        let valid = document::json_or_yaml(file).expect("valid");
        let mut all = Vec::new();
        pointers(&valid, "", &mut all);
        assert!(all.len() > 100, "{}", format.name());
        for pointer in all {
            for other in [
                json!(null),
                json!(-7),
                json!("hunter2 {{x"),
                json!([[]]),
                json!({"": {}}),
            ] {
                let mut changed = valid.clone();
                *changed.pointer_mut(&pointer).expect("is there") = other;
                let shop = origin("https://shop.example");
                let origin = (format == Format::Har).then_some(&shop);
                if let Err(fault) = format.read(
                    changed.to_string().as_bytes(),
                    origin,
                    Shape::Requests,
                    UNCHECKED,
                ) {
                    let fault = fault.to_string();
                    assert!(!fault.contains("hunter2"), "{pointer}: {fault}");
                }
            }
        }
        for end in (0..file.trim_end().len())
            .filter(|end| file.is_char_boundary(*end))
            .step_by(7)
        {
            // Truncated YAML may be valid; truncated JSON is not.
            let cut = format.read(&file.as_bytes()[..end], None, Shape::Requests, UNCHECKED);
            assert!(cut.is_err() || format == Format::OpenApi, "{end}");
        }
    }
}
