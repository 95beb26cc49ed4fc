use super::*;
use std::fmt::Write as _;

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
