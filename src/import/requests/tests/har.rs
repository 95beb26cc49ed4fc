use super::*;

const RECORDED: &str = include_str!("fixtures/shop.har");

fn shop() -> Imported {
    let shop = origin("https://shop.example");
    Format::Har
        .read(RECORDED.as_bytes(), Some(&shop), Shape::Requests, UNCHECKED)
        .expect("valid")
}

#[test]
fn requests_to_the_origin_are_taken_in_order_and_equal_ones_weigh_more() {
    let imported = shop();
    assert_eq!(
        lines(&imported),
        [
            "GET /items?page=1&q=a%20b",
            "POST /login",
            "POST /cart",
            "GET /stream?access_token=${LOAD_ACCESS_TOKEN}"
        ]
    );
    let weights: Vec<u32> = imported.requests.iter().map(|one| one.weight).collect();
    assert_eq!(weights, [2, 1, 1, 1]);
    let left_out: Vec<_> = imported.left_out.into_iter().collect();
    assert_eq!(
        left_out,
        [
            (SkipReason::Origin("https://cdn.example".to_owned()), 1),
            (SkipReason::Scheme, 2),
            (SkipReason::Upload, 1),
        ]
    );
}

#[test]
fn recorded_statuses_are_expected_but_not_those_of_caches_and_failures() {
    let imported = shop();
    let statuses: Vec<_> = imported
        .requests
        .iter()
        .map(|one| one.expected_status.clone())
        .collect();
    // The recorded statuses: 200 and 304; 201; none; 503.
    assert_eq!(statuses, [vec![200..=200], vec![201..=201], vec![], vec![]]);
}

#[test]
fn headers_of_the_connection_are_left_out_and_secrets_become_variables() {
    let imported = shop();
    let items = &imported.requests[0];
    assert_eq!(
        items.headers,
        [
            ("accept".to_owned(), "application/json".to_owned()),
            (
                "authorization".to_owned(),
                "${LOAD_AUTHORIZATION}".to_owned()
            ),
            ("cookie".to_owned(), "${LOAD_COOKIE}".to_owned()),
            ("x-api-key".to_owned(), "${LOAD_X_API_KEY}".to_owned()),
            ("x-trace".to_owned(), "$${literal}".to_owned()),
        ]
    );
    let names: Vec<&str> = imported.variables.iter().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "LOAD_ACCESS_TOKEN",
            "LOAD_AUTHORIZATION",
            "LOAD_COOKIE",
            "LOAD_PASSWORD",
            "LOAD_X_API_KEY"
        ]
    );
    let all = format!("{imported:?}{}", imported.to_yaml(false));
    for secret in ["hunter2", "s3cr3t", "eyJhbGci", "abc123"] {
        assert!(
            RECORDED.contains(secret) && !all.contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn form_and_json_bodies_keep_everything_but_secrets() {
    let imported = shop();
    let [_, login, cart, _] = imported.requests.as_slice() else {
        panic!("four requests");
    };
    assert_eq!(
        login.body.as_deref(),
        Some(r#"{"password":"${LOAD_PASSWORD}","user":"ann"}"#)
    );
    assert_eq!(
        cart.body.as_deref(),
        Some("item=a%26b&password=${LOAD_PASSWORD}")
    );
    assert_eq!(
        header(cart, "content-type"),
        Some("application/x-www-form-urlencoded")
    );
}

#[test]
fn the_default_origin_is_that_of_the_first_request() {
    let first = read(Format::Har, RECORDED).origin.expect("named");
    let address = origin(&first);
    let found = Format::Har.read(
        RECORDED.as_bytes(),
        Some(&address),
        Shape::Requests,
        UNCHECKED,
    );
    assert_eq!(found.expect("valid"), read(Format::Har, RECORDED));
    assert_eq!(first, "https://shop.example");
    let other = origin("http://127.0.0.1:8000");
    let fault = Format::Har.read(
        RECORDED.as_bytes(),
        Some(&other),
        Shape::Requests,
        UNCHECKED,
    );
    assert_eq!(
        fault.expect_err("not recorded").to_string(),
        "has no request to http://127.0.0.1:8000, only to https://cdn.example, https://shop.example"
    );
}

#[test]
fn default_ports_do_not_change_the_origin() {
    let har = r#"{"log":{"entries":[{"request":{"method":"get","url":"https://Shop.example:443/#top"}}]}}"#;
    let shop = origin("https://shop.example");
    let imported = Format::Har
        .read(har.as_bytes(), Some(&shop), Shape::Requests, UNCHECKED)
        .expect("same");
    assert_eq!(lines(&imported), ["GET /"]);
}

#[test]
fn errors_have_positions() {
    for (har, message) in [
        (r#"{"log":{}}"#, "log: `entries` is missing"),
        (
            r#"{"log":{"entries":[{"request":{"method":"GET","url":7}}]}}"#,
            "log.entries[0].request.url: expected text",
        ),
        (
            r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://[x/"}}]}}"#,
            "log.entries[0].request: has no valid URL",
        ),
        (
            r#"{"log":{"entries":[{"request":{"method":"G T","url":"http://h/"}}]}}"#,
            "log.entries[0].request: expected a method such as GET or POST",
        ),
        (r#"{"log":{"entries":[]}}"#, "has no requests"),
        ("[]", "expected a mapping"),
        (
            "{\n  \"log\": }",
            "line 2, column 10: is not valid JSON: expected value",
        ),
    ] {
        assert_eq!(fault(Format::Har, har), message, "{har}");
    }
}

/// A page with its assets, a form that took 2.5 s to fill in, and a pause.
const SESSION: &str = r#"{ "log": { "entries": [
  { "startedDateTime": "2026-11-28T10:00:00.000Z", "time": 100.5,
    "request": { "method": "GET", "url": "https://shop.example/" },
    "response": { "status": 200, "content": { "mimeType": "text/html" } } },
  { "startedDateTime": "2026-11-28T10:00:00.200Z", "time": 5000,
    "request": { "method": "GET", "url": "https://shop.example/app" },
    "response": { "status": 200, "content": { "mimeType": "application/javascript; charset=utf-8" } } },
  { "startedDateTime": "2026-11-28T10:00:00.210Z", "time": 10,
    "request": { "method": "GET", "url": "https://shop.example/logo.PNG?v=1" },
    "response": { "status": 304, "content": { "mimeType": "" } } },
  { "startedDateTime": "2026-11-28T11:00:00.050+01:00", "time": 10,
    "request": { "method": "GET", "url": "https://shop.example/api/items.js" },
    "response": { "status": 200, "content": { "mimeType": "application/json" } } },
  { "startedDateTime": "2026-11-28T10:00:02.600Z", "time": -1,
    "request": { "method": "POST", "url": "https://shop.example/login" } },
  { "startedDateTime": "2026-11-28T12:00:00Z", "time": 10,
    "request": { "method": "GET", "url": "https://shop.example/" } },
  { "startedDateTime": "soon", "time": "x",
    "request": { "method": "GET", "url": "https://shop.example/" } }
] } }"#;

#[test]
fn recordings_become_a_sequence_with_pauses() {
    let imported = Format::Har.read(SESSION.as_bytes(), None, Shape::Steps, UNCHECKED);
    let imported = imported.expect("valid");
    assert_eq!(
        lines(&imported),
        [
            "GET /",
            "GET /api/items.js",
            "POST /login",
            "GET /",
            "GET /"
        ]
    );
    let ms = Duration::from_millis;
    let thinks: Vec<_> = imported.requests.iter().map(|one| one.think).collect();
    assert_eq!(
        thinks,
        // A request that began before the end of the previous step has no pause.
        [None, Some(ms(0)), Some(ms(2499)), Some(ms(600_000)), None]
    );
    assert_eq!(imported.left_out[&SkipReason::Asset], 2);
    let yaml = imported.to_yaml(false);
    let read: serde_json::Value = serde_yaml::from_str(&yaml).expect("valid");
    let steps = &read["load"]["requests"][0]["steps"];
    assert_eq!(steps.as_array().map(Vec::len), Some(5), "{yaml}");
    assert_eq!(steps[2]["think"], "2499ms");
    assert_eq!(steps[0].get("think"), None);
    assert!(yaml.contains("# Left out: 2 requests (image, style, script or font)"));
}

/// A cookie from before the recording is sent; the one that the login sets is that of each user.
#[test]
fn steps_do_not_send_the_cookies_that_earlier_steps_set() {
    let entry = |path: &str, cookie: &str, set: &str| {
        format!(
            r#"{{ "request": {{ "method": "GET", "url": "https://shop.example{path}",
                 "headers": [ {{ "name": "Cookie", "value": "{cookie}" }} ] }},
                 "response": {{ "status": 200, "cookies": [ {set} ] }} }}"#
        )
    };
    let entries = [
        entry("/login", "lang=de", r#"{ "name": "sid", "value": "a" }"#),
        entry("/cart", "lang=de; sid=a", ""),
        entry("/pay", "sid=a", ""),
    ];
    let file = format!(r#"{{ "log": {{ "entries": [ {} ] }} }}"#, entries.join(","));
    let cookies = |shape| {
        let imported = Format::Har.read(file.as_bytes(), None, shape, UNCHECKED);
        let yaml = imported.expect("valid").to_yaml(false);
        yaml.matches("cookie:").count()
    };
    assert_eq!((cookies(Shape::Steps), cookies(Shape::Requests)), (2, 3));
}

/// Chrome writes a multipart form as text, in which a file has no content; Firefox writes
/// parameters.
#[test]
fn multipart_forms_without_files_are_repeated() {
    let post = |data: &str| {
        format!(
            r#"{{ "request": {{ "method": "POST", "url": "http://shop.example/form", "headers": [],
                 "postData": {{ "mimeType": "multipart/form-data; boundary=X", {data} }} }} }}"#
        )
    };
    let part = |header: &str| {
        format!(
            r#""text": "--X\r\nContent-Disposition: form-data; name=\"a\"{header}\r\n\r\n1\r\n--X--\r\n""#
        )
    };
    let entries = [
        post(&part("")),
        post(r#""params": [ { "name": "a", "value": "1" } ], "text": """#),
        post(&part(r#"; filename=\"x.png\""#)),
    ];
    let file = format!(r#"{{ "log": {{ "entries": [ {} ] }} }}"#, entries.join(","));
    let imported = read(Format::Har, &file);
    assert_eq!(imported.left_out, BTreeMap::from([(SkipReason::Upload, 1)]));
    // The first two requests are identical.
    let [request] = &imported.requests[..] else {
        panic!("{imported:?}");
    };
    assert_eq!(request.weight, 2);
    assert_eq!(
        request.body.as_deref(),
        Some("--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--X--\r\n")
    );
}

#[test]
fn addresses_in_headers_have_no_secrets() {
    let file = r#"{"log":{"entries":[{"request":{"method":"GET","url":"http://h/","headers":[
        {"name":"Referer","value":"http://ann:s3cr3t@h/reset?code=1&token=s3cr3t"}]}}]}}"#;
    let imported = read(Format::Har, file);
    assert_eq!(
        header(&imported.requests[0], "referer"),
        Some("http://${LOAD_CREDENTIALS}@h/reset?code=1&token=${LOAD_TOKEN}")
    );
}

#[test]
fn a_form_has_the_boundary_of_its_header() {
    let post = |header: &str, recorded: &str| {
        format!(
            r#"{{ "request": {{ "method": "POST", "url": "http://shop.example/{header}", "headers": [
                 {{ "name": "Content-Type", "value": "multipart/form-data{header}" }} ],
                 "postData": {{ "mimeType": "multipart/form-data{recorded}",
                 "params": [ {{ "name": "a", "value": "{{}}", "contentType": "application/json" }} ] }} }} }}"#
        )
    };
    let entries = [
        post("; boundary=X", ""),
        post("", "; boundary=Y"),
        post("", ""),
    ];
    let file = format!(r#"{{ "log": {{ "entries": [ {} ] }} }}"#, entries.join(","));
    let imported = read(Format::Har, &file);
    let boundaries: Vec<&str> = imported
        .requests
        .iter()
        .map(|request| {
            let media_type = header(request, "content-type").expect("a type");
            let (_, boundary) = media_type.split_once("; boundary=").expect("a boundary");
            let body = request.body.as_deref().expect("a body");
            let part = "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: application/json\r\n\r\n{}";
            assert_eq!(body, format!("--{boundary}\r\n{part}\r\n--{boundary}--\r\n"));
            boundary
        })
        .collect();
    assert_eq!(
        boundaries,
        ["X", "Y", crate::import::requests::multipart::BOUNDARY]
    );
}

/// Recorders write the replacement character for bytes that are not text, and decode compressed text.
#[test]
fn binary_bodies_are_left_out() {
    let post = |path: &str, data: &str| {
        format!(
            r#"{{ "request": {{ "method": "POST", "url": "http://shop.example/{path}", "headers": [
                 {{ "name": "Content-Encoding", "value": "gzip" }} ], "postData": {{ "mimeType": "text/plain", {data} }} }} }}"#
        )
    };
    let entries = [
        post("text", r#""text": "hello""#),
        post("base64", r#""text": "aGVsbG8=", "encoding": "base64""#),
        post("gzip", r#""text": "\u001f\ufffd\b""#),
        post("bytes", r#""text": "AP8=", "encoding": "base64""#),
    ];
    let file = format!(r#"{{ "log": {{ "entries": [ {} ] }} }}"#, entries.join(","));
    let imported = read(Format::Har, &file);
    assert_eq!(lines(&imported), ["POST /text", "POST /base64"]);
    for request in &imported.requests {
        assert_eq!(request.body.as_deref(), Some("hello"));
        assert_eq!(header(request, "content-encoding"), None);
    }
    let what = "left out: the body is binary, and its bytes are not in the recording";
    let expected: Vec<String> = [2, 3]
        .iter()
        .map(|place| format!("log.entries[{place}].request.postData: {what}"))
        .collect();
    assert_eq!(remarks(&imported), expected);
}

/// Tokens are replaced during a recording; users with passwords are different users.
#[test]
fn different_credentials_are_different_variables() {
    let get = |path: u32, authorization: &str| {
        format!(
            r#"{{ "request": {{ "method": "GET", "url": "http://shop.example/{path}", "headers": [
                 {{ "name": "Authorization", "value": "{authorization}" }} ] }} }}"#
        )
    };
    let entries = [
        get(1, "Basic YW5uOmE="),
        get(2, "Bearer abc"),
        get(3, "Basic Ym9iOmI="),
        get(4, "Bearer def"),
        get(5, "Basic YW5uOmE="),
        r#"{ "request": { "method": "GET", "url": "http://ann:a@shop.example/6" } }"#.to_owned(),
    ];
    let file = format!(r#"{{ "log": {{ "entries": [ {} ] }} }}"#, entries.join(","));
    let imported = read(Format::Har, &file);
    let each = imported.requests.iter();
    let variables: Vec<_> = each.map(|one| header(one, "authorization")).collect();
    let [ann, token, bob, url] = [
        "${LOAD_AUTHORIZATION}",
        "${LOAD_AUTHORIZATION_2}",
        "${LOAD_AUTHORIZATION_3}",
        "${LOAD_AUTHORIZATION_4}",
    ]
    .map(Some);
    assert_eq!(variables, [ann, token, bob, token, ann, url]);
}
