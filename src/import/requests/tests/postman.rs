use super::*;

const COLLECTION: &str = include_str!("fixtures/chat.postman_collection.json");

#[test]
fn folders_variables_and_parameters_are_resolved() {
    let imported = read(Format::Postman, COLLECTION);
    assert_eq!(
        lines(&imported),
        [
            "GET /v2/users/7/chats/${LOAD_CHAT_ID}?limit=10&since=${LOAD_SINCE}",
            "POST /v2/chat",
            "POST /v2/login",
            "POST /graphql",
            "POST /v2/feedback",
            "GET /health",
            "DELETE /v2/chat?key=${LOAD_KEY}",
        ]
    );
    // Only an upload cannot be repeated.
    assert_eq!(imported.left_out, BTreeMap::from([(SkipReason::Upload, 1)]));
}

#[test]
fn authentication_is_inherited_and_always_a_variable() {
    let imported = read(Format::Postman, COLLECTION);
    let authorization: Vec<_> = imported
        .requests
        .iter()
        .map(|one| header(one, "authorization"))
        .collect();
    let inherited = Some("${LOAD_AUTHORIZATION}");
    assert_eq!(
        authorization,
        [
            Some("Bearer ${LOAD_USER_TOKEN}"),
            inherited,
            None,
            inherited,
            inherited,
            None,
            None
        ]
    );
    let all = format!("{imported:?}{}", imported.to_yaml(false));
    for secret in ["hunter2", "s3cr3t"] {
        assert!(
            COLLECTION.contains(secret) && !all.contains(secret),
            "{secret}"
        );
    }
    assert!(!imported.variables.contains("LOAD_BASEURL"), "{imported:?}");
}

#[test]
fn bodies_have_the_type_of_their_mode() {
    let imported = read(Format::Postman, COLLECTION);
    let [_, chat, login, graphql, feedback, ..] = imported.requests.as_slice() else {
        panic!("five requests with a body");
    };
    assert_eq!(header(chat, "content-type"), Some("application/json"));
    assert_eq!(
        chat.body.as_deref(),
        Some(r#"{"user": {"id": 7}, "message": "hello ${LOAD_NAME}"}"#)
    );
    assert_eq!(
        login.body.as_deref(),
        Some("user=ann&password=${LOAD_PASSWORD}")
    );
    assert_eq!(
        graphql.body.as_deref(),
        Some(r#"{"query":"{ chats { id } }","variables":{"first": 3}}"#)
    );
    let feedback = (
        header(feedback, "content-type").expect("has a type"),
        feedback.body.as_deref().expect("has a body"),
    );
    let boundary = feedback.0.strip_prefix("multipart/form-data; boundary=");
    let boundary = boundary.expect("has a boundary");
    assert_eq!(
        feedback.1,
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\ngood\r\n--{boundary}--\r\n"
        )
    );
}

#[test]
fn statuses_are_those_of_the_tests_or_of_saved_successes() {
    let imported = read(Format::Postman, COLLECTION);
    let statuses: Vec<_> = imported
        .requests
        .iter()
        .take(3)
        .map(|one| one.expected_status.clone())
        .collect();
    assert_eq!(statuses, [vec![], vec![201..=201], vec![200..=200]]);
}

#[test]
fn the_origin_may_be_a_variable_with_a_value() {
    let collection = |value: &str| {
        format!(
            r#"{{"info":{{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}},
            "variable":[{{"key":"host","value":"{value}"}},{{"key":"base","value":"http://{{{{host}}}}"}}],
            "item":[{{"request":{{"url":{{"raw":"{{{{base}}}}/a"}}}}}},{{"request":"https://other.example/b"}}]}}"#
        )
    };
    let here = origin("http://127.0.0.1:8000");
    let of = |value: &str| {
        Format::Postman.read(
            collection(value).as_bytes(),
            Some(&here),
            Shape::Requests,
            UNCHECKED,
        )
    };
    assert_eq!(lines(&of("127.0.0.1:8000").expect("valid")), ["GET /a"]);
    let fault = of("127.0.0.1:9000").expect_err("another port");
    assert_eq!(
        fault.to_string(),
        "has no request to http://127.0.0.1:8000, only to http://127.0.0.1:9000, https://other.example"
    );
    // A variable that contains itself.
    assert_eq!(
        of("{{base}}").expect_err("a circle").to_string(),
        "item[0].request.url.raw: its variables are nested too deeply or are too large"
    );
}

#[test]
fn errors_have_positions() {
    let v2 = r#"{"info":{"schema":"https://schema.getpostman.com/json/collection/v2.0.0/collection.json"},"item":[]}"#;
    assert_eq!(
        fault(Format::Postman, v2),
        "info.schema: expected a Postman collection v2.1: export it in this format"
    );
    let with = |item: &str| {
        let schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
        format!(r#"{{"info":{{"schema":"{schema}"}},"item":[{item}]}}"#)
    };
    for (item, message) in [
        (r#"{"name":"x"}"#, "item[0]: `item` is missing"),
        (r#"{"request":{}}"#, "item[0].request: `url` is missing"),
        (
            r#"{"item":[{"request":{"url":"http://h/","body":{"mode":"pigeon"}}}]}"#,
            "item[0].item[0].request.body: expected the mode raw, urlencoded, formdata, graphql or file",
        ),
    ] {
        assert_eq!(fault(Format::Postman, &with(item)), message, "{item}");
        let other = format!(r#"{{"request":"http://h/"}},{item}"#);
        let imported = read(Format::Postman, &with(&other));
        let (place, what) = message.split_once(": ").expect("both");
        let remark = format!(
            "{}: left out: {what}",
            place.replacen("item[0]", "item[1]", 1)
        );
        assert_eq!(
            (lines(&imported), remarks(&imported)),
            (vec!["GET /".to_owned()], vec![remark])
        );
    }
    let item = r#"{"request":{"url":"http://h/","header":[{"key":"a b","value":"hunter2"}]}}"#;
    assert_eq!(
        remarks(&read(Format::Postman, &with(item))),
        ["item[0].request: a header is left out: its name is not valid"]
    );
}

#[test]
fn variables_of_collections_are_bounded() {
    let collection = |variables: &str, request: &str| {
        format!(
            r#"{{"info":{{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}},"variable":[{variables}],"item":[{{"request":{request}}}]}}"#
        )
    };
    let variable = |name: &str, value: &str| format!(r#"{{"key":"{name}","value":"{value}"}}"#);
    // Texts that stay empty.
    let mut variables = vec![variable("v0", "")];
    for level in 1..=7 {
        let below = format!("{{{{v{}}}}}", level - 1).repeat(1_000);
        variables.push(variable(&format!("v{level}"), &below));
    }
    let text = collection(&variables.join(","), r#""http://h/{{v7}}""#);
    let fault_of_empty = fault(Format::Postman, &text);
    assert!(fault_of_empty.contains("too large"), "{fault_of_empty}");
    // Many copies of a large text.
    let header = r#"{"key":"a","value":"{{v}}"}"#;
    let headers = vec![header; 10_000].join(",");
    let request = format!(r#"{{"url":"http://h/","header":[{headers}]}}"#);
    let large = "x".repeat(100 << 10);
    let fault_of_large = fault(
        Format::Postman,
        &collection(&variable("v", &large), &request),
    );
    assert!(fault_of_large.contains("too large"), "{fault_of_large}");
    // Braces that are not those of variables.
    let braces = format!("http://h/{}", "{".repeat(1 << 17) + "}}");
    let fault_of_braces = fault(Format::Postman, &collection("", &format!(r#""{braces}""#)));
    assert!(
        fault_of_braces.contains("more than 16 KiB"),
        "{fault_of_braces}"
    );
}

fn collection(items: &[&str]) -> String {
    format!(
        r#"{{"info":{{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}},"item":[{}]}}"#,
        items.join(",")
    )
}

#[test]
fn bodies_are_sent_as_postman_does() {
    let form = r#"{"mode":"formdata","formdata":[{"key":"a","value":"{}","contentType":"application/json"}]}"#;
    let own = r#"[{"key":"Content-Type","value":"multipart/form-data"}]"#;
    let items = [
        format!(r#"{{"request":{{"method":"POST","url":"http://h/form","header":{own},"body":{form}}}}}"#),
        r#"{"request":{"method":"POST","url":"http://h/raw","body":{"mode":"raw","raw":"x"}}}"#.to_owned(),
        r#"{"request":{"url":"http://h/empty","body":{"mode":"raw","raw":""}}}"#.to_owned(),
        r#"{"request":{"method":"POST","url":"http://h/graphql","body":{"mode":"graphql","graphql":{"query":"query Q { a }","operationName":"Q","variables":""}}}}"#.to_owned(),
    ];
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let imported = read(Format::Postman, &collection(&items));
    let sent: Vec<_> = imported
        .requests
        .iter()
        .map(|one| (header(one, "content-type"), one.body.as_deref()))
        .collect();
    let boundary = crate::import::requests::multipart::BOUNDARY;
    let media_type = format!("multipart/form-data; boundary={boundary}");
    let part =
        "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: application/json\r\n\r\n{}";
    let body = format!("--{boundary}\r\n{part}\r\n--{boundary}--\r\n");
    assert_eq!(
        sent,
        [
            (Some(media_type.as_str()), Some(body.as_str())),
            (Some("text/plain"), Some("x")),
            (None, None),
            (
                Some("application/json"),
                Some(r#"{"query":"query Q { a }","operationName":"Q","variables":{}}"#)
            ),
        ]
    );
}

#[test]
fn generated_values_are_said_to_be_constant() {
    let item = r#"{"request":{"url":"http://h/?id={{$guid}}&at={{$timestamp}}&again={{$guid}}"}}"#;
    let imported = read(Format::Postman, &collection(&[item]));
    assert_eq!(
        lines(&imported),
        ["GET /?id=${LOAD_GUID}&at=${LOAD_TIMESTAMP}&again=${LOAD_GUID}"]
    );
    let said = remarks(&imported);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].starts_with("`{{$guid}}` has a new value in each request in Postman"),
        "{said:?}"
    );
}

#[test]
fn users_with_different_credentials_have_different_variables() {
    let item = |path: &str, auth: &str| {
        format!(r#"{{"request":{{"url":"http://h/{path}","auth":{auth}}}}}"#)
    };
    let bearer = |token: &str| {
        format!(r#"{{"type":"bearer","bearer":[{{"key":"token","value":"{token}"}}]}}"#)
    };
    let basic = r#"{"type":"basic","basic":[{"key":"username","value":"u"},{"key":"password","value":"p"}]}"#;
    let items = [
        item("1", &bearer("{{admin}}")),
        item("2", &bearer("{{user}}")),
        item("3", basic),
        item("4", &bearer("{{admin}}")),
    ];
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let imported = read(Format::Postman, &collection(&items));
    let each = imported.requests.iter();
    let variables: Vec<_> = each.map(|one| header(one, "authorization")).collect();
    let [first, second, third] = [
        "${LOAD_AUTHORIZATION}",
        "${LOAD_AUTHORIZATION_2}",
        "${LOAD_AUTHORIZATION_3}",
    ]
    .map(Some);
    assert_eq!(variables, [first, second, third, first]);
}

#[test]
fn scripts_are_said_to_be_not_converted() {
    let of = |exec: &str| {
        let collection = format!(
            r#"{{"info":{{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"}},
                "item":[{{"name":"f","item":[{{"name":"r","request":"http://h/a","event":[
                    {{"listen":"test","script":{{"exec":{exec}}}}}]}}]}}]}}"#
        );
        remarks(&read(Format::Postman, &collection))
    };
    let status = r#"["pm.test('ok', () => {", "pm.response.to.have.status(200);", "});"]"#;
    assert_eq!(of(status), [""; 0]);
    let expected = "1 script with more than the expected status: not converted; use `expect` and `capture` of the requests";
    for exec in [
        r#"["pm.test('ok', () => {", "pm.expect(pm.response.json().id).to.eql(7);", "});"]"#,
        r#""pm.environment.set('token', 1)""#,
    ] {
        assert_eq!(of(exec), [expected], "{exec}");
    }
}
