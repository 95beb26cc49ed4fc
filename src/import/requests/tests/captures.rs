use super::*;

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl";

/// An entry of a recording: a request with these other members, and a response with this body.
fn entry(address: &str, request: &str, body: &str) -> String {
    let text = serde_json::Value::from(body);
    format!(
        r#"{{ "request": {{ "method": "POST", "url": "https://shop.example{address}" {request} }},
             "response": {{ "status": 200, "content": {{ "mimeType": "text/html", "text": {text} }},
                            "headers": [ {{ "name": "X-Cart", "value": "cart-7f3a9c" }} ] }} }}"#
    )
}

fn bearer(token: &str) -> String {
    format!(r#", "headers": [ {{ "name": "Authorization", "value": "Bearer {token}" }} ]"#)
}

fn posted(media_type: &str, body: &str) -> String {
    let text = serde_json::Value::from(body);
    format!(r#", "postData": {{ "mimeType": "{media_type}", "text": {text} }}"#)
}

fn steps(entries: &[String]) -> Imported {
    let file = har(&entries.join(","));
    let imported = Format::Har.read(file.as_bytes(), None, Shape::Steps, UNCHECKED);
    imported.expect("valid")
}

/// The name of each capture, and the value and name of its last key.
fn captures(request: &ImportedRequest) -> Vec<(&str, &str, &str)> {
    let all = request.captures.iter();
    let all = all.filter_map(|one| {
        one.keys
            .last()
            .map(|(key, value)| (&*one.name, *key, &**value))
    });
    all.collect()
}

#[test]
fn values_of_earlier_responses_are_captured() {
    let page = r#"<form><input type="hidden" name="csrf_token" value="q8Zk2mPx7LwR"><input name="q" value="shoes"></form>"#;
    let imported = steps(&[
        entry("/form", "", page),
        entry(
            "/login",
            &posted(
                "application/x-www-form-urlencoded",
                "csrf_token=q8Zk2mPx7LwR&q=shoes",
            ),
            &format!(
                r#"{{ "data": {{ "access-token": "{TOKEN}", "users": [ {{ "id": 48213 }} ] }} }}"#
            ),
        ),
        entry(
            "/users/48213/carts/cart-7f3a9c?id=48213",
            &bearer(TOKEN),
            "{}",
        ),
        entry(
            "/pay",
            &(bearer(TOKEN) + &posted("application/json", r#"{"cart":"cart-7f3a9c"}"#)),
            "",
        ),
    ]);
    let of = |step: usize| &imported.requests[step];
    let hidden = r#" name="csrf_token"[^>]* value="([^"]+)""#;
    assert_eq!(
        captures(of(0)),
        [
            ("csrf_token", "regex", hidden),
            ("X_Cart", "header", "X-Cart")
        ]
    );
    assert_eq!(
        captures(of(1)),
        [
            ("id", "json", "$.data.users[0].id"),
            ("access_token", "json", r#"$.data["access-token"]"#),
        ]
    );
    let sent = of(1).body.as_deref();
    assert_eq!(sent, Some("csrf_token=${captured.csrf_token}&q=shoes"));
    let path = "/users/${captured.id}/carts/${captured.X_Cart}?id=${captured.id}";
    assert_eq!(of(2).path, path);
    for step in [2, 3] {
        let authorization = header(of(step), "authorization");
        assert_eq!(authorization, Some("Bearer ${captured.access_token}"));
    }
    let sent = of(3).body.as_deref();
    assert_eq!(sent, Some(r#"{"cart":"${captured.X_Cart}"}"#));
    assert!(
        imported.variables.is_empty() && imported.remarks.is_empty(),
        "{imported:?}"
    );
}

/// A page gets its token from a cookie and sends it in a header. The order is known from a redirect only.
#[test]
fn cookies_and_parts_of_redirects_are_captured() {
    let page = entry("/shop", "", "").replace(
        r#""status": 200"#,
        r#""status": 200, "cookies": [ { "name": "XSRF-TOKEN", "value": "q8Zk2mPx7LwR%3D%3D" },
                                       { "name": "a{b}", "value": "z9y8x7w6v5" } ]"#,
    );
    let token = r#", "headers": [ { "name": "X-XSRF-TOKEN", "value": "q8Zk2mPx7LwR==" },
                                  { "name": "X-Other", "value": "z9y8x7w6v5" } ]"#;
    let redirect = |to: &str| {
        let location = format!(r#"{{ "name": "Location", "value": "{to}" }}, {{ "name": "X-Cart""#);
        entry("/orders", token, "")
            .replace(r#""status": 200"#, r#""status": 303"#)
            .replace(r#"{ "name": "X-Cart""#, &location)
    };
    let form = "application/x-www-form-urlencoded";
    let imported = steps(&[
        page,
        redirect("https://shop.example/v2.1/users/48213/orders/f81d4fae7dec?state=ab12%2Bcd34%3D"),
        entry(
            "/v2.1/users/48213/orders/f81d4fae7dec/pay?state=ab12%2Bcd34%3D",
            &posted(form, "token=q8Zk2mPx7LwR%3D%3D&x=f81d4fae7dec"),
            "",
        ),
        entry(
            "/log",
            &posted("application/json", r#"{"t":"q8Zk2mPx7LwR=="}"#),
            "",
        ),
    ]);
    let of = |step: usize| &imported.requests[step];
    assert_eq!(captures(of(0)), [("XSRF_TOKEN", "cookie", "XSRF-TOKEN")]);
    let sent = header(of(1), "x-xsrf-token");
    assert_eq!(sent, Some("${captured.XSRF_TOKEN}"));
    let redirected = [
        ("users", "regex", r"/v2\.1/users/([^/?#]+)"),
        ("orders", "regex", r"/v2\.1/users/[^/?#]+/orders/([^/?#]+)"),
        ("state", "regex", "[?&#]state=([^&#]+)"),
    ];
    assert_eq!(captures(of(1)), redirected);
    assert!(
        imported
            .to_yaml(false)
            .contains("header: location, regex: ")
    );
    let path =
        "/v2.1/users/${captured.users}/orders/${captured.orders}/pay?state=${captured.state}";
    assert_eq!(of(2).path, path);
    let sent = of(2).body.as_deref();
    assert_eq!(
        sent,
        Some("token=${captured.XSRF_TOKEN}&x=${captured.orders}")
    );
    let sent = of(3).body.as_deref();
    assert_eq!(sent, Some(r#"{"t":"${captured.XSRF_TOKEN}"}"#));
}

#[test]
fn values_of_the_client_and_short_ones_are_not_captured() {
    let imported = steps(&[
        entry(
            "/search?day=2026-12-01",
            "",
            r#"{ "day": "2026-12-01", "page": 1000, "size": "L" }"#,
        ),
        entry("/search?day=2026-12-01&page=1000&size=L", "", ""),
        entry(
            "/me",
            &bearer(TOKEN),
            &format!(r#"{{ "token": "{TOKEN}" }}"#),
        ),
        entry("/me", &bearer(TOKEN), ""),
    ]);
    for request in &imported.requests {
        assert_eq!(captures(request), []);
    }
    assert_eq!(
        imported.requests[1].path,
        "/search?day=2026-12-01&page=1000&size=L"
    );
    let variables: Vec<_> = imported.variables.iter().collect();
    assert_eq!(variables, ["LOAD_AUTHORIZATION"]);
}

#[test]
fn a_step_without_the_one_that_captures_its_value_is_left_out() {
    let check: Check<'_> = &|section| match section {
        _ if section.contains("/login") => Some("is not valid".to_owned()),
        _ if section.contains("${captured.") && !section.contains("capture:") => {
            Some("no earlier step captures it".to_owned())
        }
        _ => None,
    };
    let file = har(&[
        entry("/", "", ""),
        entry("/login", "", &format!(r#"{{ "token": "{TOKEN}" }}"#)),
        entry("/me", &bearer(TOKEN), ""),
    ]
    .join(","));
    let imported = Format::Har.read(file.as_bytes(), None, Shape::Steps, check);
    let imported = imported.expect("one is left");
    assert_eq!(lines(&imported), ["POST /"]);
    let left_out = "log.entries[2].request: left out: no earlier step captures it";
    assert_eq!(remarks(&imported)[1], left_out);
}

#[test]
fn names_in_responses_never_become_variables() {
    const VALUES: [&str; 4] = ["a1b2c3d4e5", "b1c2d3e4f5", "c1d2e3f4a5", "d1e2f3a4b5"];
    let [in_json, escaped, in_page, in_header] = VALUES;
    let json = format!(r#"{{ "${{HOME}}": "{in_json}", "\ufdd0LOAD_X\ufdd1": "{escaped}" }}"#);
    let page = format!(r#"<input name="${{HOME}}" value="{in_page}">"#);
    let header = entry("/", "", &page)
        .replace("X-Cart", "X-${HOME}")
        .replace("cart-7f3a9c", in_header);
    let sent = posted("text/plain", &VALUES.join(" "));
    let yaml = steps(&[entry("/", "", &json), header, entry("/", &sent, "")]).to_yaml(false);
    assert!(
        !yaml.contains("${HOME}") && !yaml.contains("LOAD_X"),
        "{yaml}"
    );
    assert_eq!(yaml.matches("${captured.").count(), 1, "{yaml}");
}
