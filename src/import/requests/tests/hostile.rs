use super::*;
use serde_json::{Value, json};
use std::fmt::Write as _;

fn har(requests: &str) -> String {
    format!(r#"{{"log":{{"entries":[{requests}]}}}}"#)
}

fn get(address: &str) -> String {
    format!(r#"{{"request":{{"method":"GET","url":"{address}"}}}}"#)
}

#[test]
fn files_are_bounded() {
    let large = vec![b' '; SIZE_MAX + 1];
    let fault = Format::Har
        .read(&large, None, Shape::Requests, UNCHECKED)
        .expect_err("too large");
    assert_eq!(fault.to_string(), "is larger than 64 MiB");
    let fault = Format::Har
        .read(b"{\n\xff}", None, Shape::Requests, UNCHECKED)
        .expect_err("no text");
    assert_eq!(fault.to_string(), "line 2: is not UTF-8");
    let many = format!("[{}0]", "0,".repeat(2_000_001));
    let fault = super::fault(Format::Har, &many);
    assert_eq!(fault, "has more than 2,000,000 values");
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let fault_of_json = fault(Format::Postman, &deep);
    assert!(
        fault_of_json.contains("nested too deeply"),
        "{fault_of_json}"
    );
    let fault_of_yaml = fault(Format::OpenApi, &deep);
    assert!(
        fault_of_yaml.contains("nested too deeply"),
        "{fault_of_yaml}"
    );
}

#[test]
fn aliases_of_yaml_are_bounded() {
    let mut bomb = "openapi: 3.0.0\na0: &a0 [x]\n".to_owned();
    for level in 1..12 {
        let all = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{all}]").expect("a text");
    }
    let fault = fault(Format::OpenApi, &bomb);
    assert!(fault.contains("aliases"), "{fault}");
}

#[test]
fn requests_are_bounded() {
    let requests = |count: usize| {
        let all: Vec<String> = (0..count).map(|n| get(&format!("http://h/{n}"))).collect();
        har(&all.join(","))
    };
    assert_eq!(read(Format::Har, &requests(1_000)).requests.len(), 1_000);
    let more = read(Format::Har, &requests(1_150));
    assert_eq!(more.requests.len(), 1_000);
    assert_eq!((more.remarks.len(), more.more_remarks), (100, 50));
    assert_eq!(
        remarks(&more)[0],
        "log.entries[1000].request: left out: is one of more than 1,000 different requests"
    );
    let same = vec![get("http://h/"); 5_000].join(",");
    assert_eq!(read(Format::Har, &har(&same)).requests[0].weight, 5_000);
}

#[test]
fn variables_of_credentials_are_bounded() {
    let users: Vec<String> = (1..=25)
        .map(|user| get(&format!("http://user{user}:secret@h/{user}")))
        .collect();
    let imported = read(Format::Har, &har(&users.join(",")));
    let each = imported.requests.iter();
    let variables: Vec<_> = each.map(|one| header(one, "authorization")).collect();
    assert_eq!(variables[18], Some("${LOAD_AUTHORIZATION_19}"));
    assert_eq!(variables[19..], [Some("${LOAD_AUTHORIZATION_20}"); 6]);
}

#[test]
fn texts_are_bounded() {
    let long = get(&format!("http://h/{}", "a".repeat(17 << 10)));
    assert_eq!(
        fault(Format::Har, &har(&long)),
        "log.entries[0].request: has a path and query of more than 16 KiB"
    );
    let post = |number: usize, length: usize| {
        let text = "b".repeat(length);
        format!(
            r#"{{"request":{{"method":"POST","url":"http://h/{number}","postData":{{"text":"{text}"}}}}}}"#
        )
    };
    assert_eq!(
        fault(Format::Har, &har(&post(0, 257 << 10))),
        "log.entries[0].request: has a body of more than 256 KiB"
    );
    let all: Vec<String> = (0..9).map(|number| post(number, 250 << 10)).collect();
    let many = read(Format::Har, &har(&all.join(",")));
    assert_eq!(many.requests.len(), 8);
    assert_eq!(
        remarks(&many),
        [
            "log.entries[8].request: left out: the requests up to this one are larger than 2 MiB in total"
        ]
    );
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let document = "
openapi: 3.0.0
paths: { /a: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/A' } } } } } } }
components:
  schemas:
    A:
      required: [must]
      properties:
        name: { type: string }
        may: { $ref: '#/components/schemas/A' }
        must: { properties: { back: { $ref: '#/components/schemas/A' } } }
        list: { type: array, items: { $ref: '#/components/schemas/A' } }
";
    let imported = read(Format::OpenApi, document);
    let body = imported.requests[0].body.as_deref();
    assert_eq!(body, Some(r#"{"list":[],"must":{},"name":"text"}"#));
    let needed = document.replace("[must]", "[may]");
    let imported = read(Format::OpenApi, &needed);
    let body = imported.requests[0].body.as_deref().expect("a body");
    assert!(body.contains("null") && body.len() < 1_000, "{body}");
}

#[test]
fn schemas_that_repeat_others_are_bounded() {
    let mut document = "
openapi: 3.0.0
paths: { /a: { post: { requestBody: { content: { application/json: { schema: { $ref: '#/components/schemas/A0' } } } } } } }
components:
  schemas:
"
    .to_owned();
    for level in 0..12 {
        writeln!(document, "    A{level}:\n      properties:").expect("a text");
        for property in 0..20 {
            let next = level + 1;
            writeln!(
                document,
                "        p{property}: {{ $ref: '#/components/schemas/A{next}' }}"
            )
            .expect("a text");
        }
    }
    document.push_str("    A12: {}\n");
    let fault = fault(Format::OpenApi, &document);
    assert!(fault.contains("more than 200,000 values"), "{fault}");
}

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

/// All operations can refer to one large part of the document, over one long reference.
#[test]
fn what_operations_share_is_bounded() {
    let paths = |item: &str| {
        let all: Vec<String> = (0..2000).map(|n| format!(r#""/{n}":{item}"#)).collect();
        all.join(",")
    };
    let large: Vec<String> = (0..60_000).map(|n| format!(r#""{n}":{{}}"#)).collect();
    let large = large.join(",");
    let get = r##"{"get":{"requestBody":{"$ref":"#/x-body"},"responses":{}}}"##;
    let to_item = r##"{"$ref":"#/x-item"}"##;
    let long = "a".repeat(5_000_000);
    for (item, shared) in [
        (
            to_item,
            format!(r#""x-item":{{"get":{{"responses":{{{large}}}}}}}"#),
        ),
        (get, format!(r#""x-body":{{"content":{{{large}}}}}"#)),
        (to_item, format!(r##""x-item":{{"$ref":"#/{long}"}}"##)),
        (
            get,
            format!(r#""x-body":{{"content":{{}}}},"security":[{{{large}}}]"#),
        ),
    ] {
        let valid = r#""/valid":{"get":{"security":[]}}"#;
        let document = format!(
            r#"{{"openapi":"3.0.0","paths":{{{valid},{}}},{shared}}}"#,
            paths(item)
        );
        let imported = read(Format::OpenApi, &document);
        let bounded = "the parts that operations share have more than 2,000,000 values";
        let remarks = remarks(&imported);
        assert!(
            remarks.iter().any(|one| one.contains(bounded)),
            "{:?}",
            remarks.first()
        );
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
