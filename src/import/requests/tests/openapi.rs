use super::*;

const DOCUMENT: &str = include_str!("fixtures/rag.openapi.yaml");

#[test]
fn operations_become_requests_with_the_values_that_the_document_gives() {
    let imported = read(Format::OpenApi, DOCUMENT);
    assert_eq!(
        lines(&imported),
        [
            "GET /api/documents?collection=a%20b&tag=x&tag=y&api_key=${LOAD_API_KEY}",
            "POST /api/documents?api_key=${LOAD_API_KEY}",
            "DELETE /api/documents/${LOAD_ID}?api_key=${LOAD_API_KEY}",
            "GET /api/health",
            "POST /api/query?api_key=${LOAD_API_KEY}",
            "POST /api/token",
        ]
    );
    assert_eq!(imported.left_out, BTreeMap::from([(SkipReason::Upload, 1)]));
}

#[test]
fn statuses_are_the_declared_successes() {
    let imported = read(Format::OpenApi, DOCUMENT);
    let statuses: Vec<_> = imported
        .requests
        .iter()
        .map(|one| one.expected_status.clone())
        .collect();
    assert_eq!(
        statuses,
        [
            vec![200..=200],
            vec![201..=201, 202..=202],
            vec![200..=299],
            vec![],
            vec![200..=200],
            vec![200..=200]
        ]
    );
}

#[test]
fn bodies_are_examples_or_follow_from_the_schema() {
    let imported = read(Format::OpenApi, DOCUMENT);
    let body = |place: usize| imported.requests[place].body.as_deref();
    let written: serde_json::Value =
        serde_json::from_str(body(1).expect("a body")).expect("valid JSON");
    assert_eq!(
        written,
        serde_json::json!({
            "title": "text", "language": "en", "pages": 2, "score": 1.0, "created": "2026-01-01",
            "tags": ["text", "text"], "is_public": true, "source": { "uri": "https://example.com/" },
        })
    );
    assert_eq!(body(4), Some(r#"{"question":"What is an SLO?","top_k":3}"#));
    assert_eq!(
        body(5),
        Some("client_secret=${LOAD_CLIENT_SECRET}&grant_type=client")
    );
    assert_eq!(body(0), None);
}

#[test]
fn headers_are_parameters_cookies_and_authentication() {
    let imported = read(Format::OpenApi, DOCUMENT);
    let query = &imported.requests[4];
    assert_eq!(
        query.headers,
        [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("cookie".to_owned(), "${LOAD_COOKIE}".to_owned()),
            ("x-mode".to_owned(), "short".to_owned()),
        ]
    );
    assert!(imported.requests[3].headers.is_empty());
    assert_eq!(
        header(&imported.requests[5], "authorization"),
        Some("${LOAD_AUTHORIZATION}")
    );
}

#[test]
fn the_same_document_as_json_gives_the_same() {
    let value = document::json_or_yaml(DOCUMENT).expect("valid");
    let json = read(Format::OpenApi, &value.to_string());
    assert_eq!(json, read(Format::OpenApi, DOCUMENT));
}

#[test]
fn the_server_with_the_requested_origin_is_used() {
    let document = r"
openapi: 3.1.0
servers:
  - url: https://{region}.example/v1/
    variables: { region: { default: eu } }
  - url: http://127.0.0.1:8000/dev
paths: { /a: { get: {} } }
";
    let of = |address: &str| {
        let origin = origin(address);
        Format::OpenApi.read(
            document.as_bytes(),
            Some(&origin),
            Shape::Requests,
            UNCHECKED,
        )
    };
    assert_eq!(
        lines(&of("http://127.0.0.1:8000").expect("known")),
        ["GET /dev/a"]
    );
    assert_eq!(
        lines(&of("https://eu.example").expect("known")),
        ["GET /v1/a"]
    );
    assert_eq!(lines(&read(Format::OpenApi, document)), ["GET /v1/a"]);
    assert_eq!(
        of("https://us.example").expect_err("unknown").to_string(),
        "has no request to https://us.example, only to https://eu.example"
    );
}

#[test]
fn errors_have_positions() {
    for (document, message) in [
        (
            "swagger: '2.0'",
            "expected OpenAPI 3: convert the Swagger 2.0 document first",
        ),
        (
            "openapi: 4.0.0",
            "openapi: expected a version such as 3.0.3 or 3.1.0",
        ),
        ("openapi: 3.1.0", "has no requests"),
        (
            "openapi: 3.0.0\npaths: { /a: { $ref: 'other.yaml#/a' } }",
            "paths./a.$ref: expected a reference within the document: bundle its files first",
        ),
        (
            "openapi: 3.0.0\npaths: { /a: { $ref: '#/b' } }",
            "paths./a.$ref: refers to a value that does not exist in the document",
        ),
        (
            "openapi: 3.0.0\npaths: { /a: { $ref: '#/paths/~1a' } }",
            "paths./a: refers to itself",
        ),
        (
            "openapi: 3.0.0\npaths: { /a: { get: { parameters: [{ in: query }] } } }",
            "paths./a.get.parameters[0]: `name` is missing",
        ),
        (
            "openapi: 3.0.0\nsecurity: [{ x: [] }]\npaths: { /a: { get: {} } }",
            "security[0].x: expected the name of a scheme in `components.securitySchemes`",
        ),
    ] {
        assert_eq!(fault(Format::OpenApi, document), message, "{document}");
    }
    let document = "openapi: 3.0.0
paths:
  /a: { $ref: '#/b' }
  /c: { get: { parameters: [{ in: query }] }, put: {} }
";
    let imported = read(Format::OpenApi, document);
    assert_eq!(lines(&imported), ["PUT /c"]);
    assert_eq!(
        remarks(&imported),
        [
            "paths./a.$ref: left out: refers to a value that does not exist in the document",
            "paths./c.get.parameters[0]: left out: `name` is missing",
        ]
    );
}

#[test]
fn parameters_have_the_style_of_the_document() {
    let file = r#"
openapi: 3.0.1
servers: [ { url: "http://shop.example/api" } ]
paths:
  /items:
    get:
      parameters:
        - { name: filter, in: query, required: true, style: deepObject, example: { age: 3, tag: a } }
        - { name: status, in: query, required: true, schema: { type: array, items: { type: string, enum: [ sold, open ] } } }
"#;
    let imported = read(Format::OpenApi, file);
    assert_eq!(
        lines(&imported),
        ["GET /api/items?filter[age]=3&filter[tag]=a&status=sold"]
    );
}

#[test]
fn multipart_forms_are_built_or_reported() {
    let operation = |content: &str| {
        format!("{{ requestBody: {{ required: true, content: {{ {content} }} }} }}")
    };
    let of = |field: &str| {
        let schema = format!("{{ type: object, properties: {{ note: {field} }} }}");
        operation(&format!("multipart/form-data: {{ schema: {schema} }}"))
    };
    let file = format!(
        "openapi: 3.1.0\nservers: [ {{ url: \"http://shop.example\" }} ]\npaths:\n  /a:\n    post: {}\n    put: {}\n    patch: {}\n",
        of("{ type: string, default: hello }"),
        of("{ type: string, format: binary }"),
        operation("application/xml: { schema: { type: object } }"),
    );
    let imported = read(Format::OpenApi, &file);
    let left_out = BTreeMap::from([(SkipReason::Upload, 1), (SkipReason::Body, 1)]);
    assert_eq!(imported.left_out, left_out);
    let [request] = &imported.requests[..] else {
        panic!("{imported:?}");
    };
    let body = request.body.as_deref().unwrap_or_default();
    assert!(
        body.contains("form-data; name=\"note\"\r\n\r\nhello\r\n--"),
        "{body}"
    );
    let object = "{ type: object, properties: { a: { type: integer } } }";
    let file = format!(
        "openapi: 3.1.0\nservers: [ {{ url: \"http://shop.example\" }} ]\npaths:\n  /a:\n    post: {}\n",
        of(object)
    );
    let body = read(Format::OpenApi, &file).requests[0].body.clone();
    let body = body.unwrap_or_default();
    let part = "name=\"note\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--";
    assert!(body.contains(part), "{body}");
}

/// Of `OpenAPI` 3.0 and 3.1. `FastAPI` writes `exclusiveMinimum` for `gt`.
#[test]
fn values_are_those_that_schemas_allow() {
    for (schema, expected) in [
        ("type: integer", "1"),
        ("type: integer, minimum: 5", "5"),
        ("type: integer, exclusiveMinimum: 5", "6"),
        ("type: integer, minimum: 5, exclusiveMinimum: true", "6"),
        ("type: integer, minimum: 5, exclusiveMinimum: false", "5"),
        ("type: integer, maximum: -3", "-3"),
        ("type: integer, exclusiveMaximum: 0", "-1"),
        ("type: integer, minimum: 18.0", "18"),
        ("type: integer, minimum: 0.5", "1"),
        ("type: integer, minimum: 7, multipleOf: 5", "10"),
        ("type: integer, minimum: 7, maximum: 9, multipleOf: 4", "8"),
        (
            "type: integer, minimum: 12345678901234567",
            "12345678901234567",
        ),
        ("type: number", "1.0"),
        ("type: number, minimum: 0.5", "0.5"),
        ("type: number, exclusiveMinimum: 0, maximum: 1", "0.5"),
        ("type: number, exclusiveMinimum: 3", "4.0"),
        ("type: number, maximum: 0.25", "0.25"),
        ("type: number, exclusiveMaximum: 0.5", "-0.5"),
        (
            "type: array, prefixItems: [{ type: integer }, { type: string }]",
            r#"[1,"text"]"#,
        ),
    ] {
        let content = format!("application/json: {{ schema: {{ {schema} }} }}");
        let file = format!(
            "openapi: 3.1.0\nservers: [ {{ url: \"http://shop.example\" }} ]\npaths:\n  /a:\n    post: {{ requestBody: {{ content: {{ {content} }} }} }}\n"
        );
        let imported = read(Format::OpenApi, &file);
        assert_eq!(
            imported.requests[0].body.as_deref(),
            Some(expected),
            "{schema}"
        );
    }
}

#[test]
fn schemes_of_different_operations_are_different_variables() {
    let file = r#"
openapi: 3.0.1
servers: [ { url: "http://shop.example" } ]
security: [ { token: [] } ]
components: { securitySchemes: { token: { type: http, scheme: bearer }, user: { type: http, scheme: basic } } }
paths:
  /a: { get: {} }
  /b: { get: { security: [ { user: [] } ] } }
  /c: { get: {} }
"#;
    let imported = read(Format::OpenApi, file);
    let each = imported.requests.iter();
    let variables: Vec<_> = each.map(|one| header(one, "authorization")).collect();
    let [token, user] = ["${LOAD_AUTHORIZATION}", "${LOAD_AUTHORIZATION_2}"].map(Some);
    assert_eq!(variables, [token, user, token]);
}

#[test]
fn addresses_of_servers_are_bounded() {
    let url = "{a}".repeat(1_000_000);
    let value = "x".repeat(1_000_000);
    for (url, value) in [
        (&*url, "x"),
        ("{a}", &*value),
        (&*"{a}".repeat(1_000), &value[..4_000]),
    ] {
        let document = format!(
            r#"{{"openapi":"3.0.0","servers":[{{"url":"{url}","variables":{{"a":{{"default":"{value}"}}}}}}],"paths":{{"/x":{{"get":{{}}}}}}}}"#
        );
        let fault = fault(Format::OpenApi, &document);
        assert!(fault.contains("at most 4 KiB"), "{fault}");
    }
}
