//! Roles: what each client is allowed to do, and what is recorded.

use super::fixture::{Files, TLS, status, user};
use crate::support::{Daemon, has_all};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

const TOKENS: &str = "tokens: [ { name: ci, token: ci-token, role: read }, { name: ops, token: ops-token, role: write } ]";

#[derive(Clone, Copy, Debug)]
enum As {
    Nobody,
    User(&'static str, &'static str),
    Token(&'static str),
}

fn request(client: &Client, base: &str, method: &Method, path: &str, who: As) -> RequestBuilder {
    let request = client.request(method.clone(), format!("{base}{path}"));
    match who {
        As::Nobody => request,
        As::User(name, password) => request.basic_auth(name, Some(password)),
        As::Token(token) => request.bearer_auth(token),
    }
}

fn correction() -> Value {
    json!({ "from": "2026-11-01T00:00:00Z", "to": "2026-11-01T01:00:00Z", "reason": "a drill" })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_can_do_what_its_role_allows() {
    let files = Files::new();
    let users = user("ada", "one") + &user("bob", "two:2");
    files.write("web.yml", &format!("{TLS}basic_auth_users:\n{users}"));
    let web = format!("{{ config_file: web.yml, user_roles: {{ bob: read }}, {TOKENS} }}");
    let daemon = files.start("127.0.0.1:0", &web);
    let (client, base) = (files.client(None), format!("https://{}", daemon.address));
    let (get, post) = (&Method::GET, &Method::POST);
    let cases = [
        // Without authentication, as a reader, and as a writer.
        (get, "/-/healthy", [200, 200, 200]),
        (get, "/-/ready", [200, 200, 200]),
        (get, "/", [401, 200, 200]),
        (get, "/style.css", [200, 200, 200]),
        (get, "/runbook", [200, 200, 200]),
        (get, "/metrics", [401, 200, 200]),
        (&Method::HEAD, "/metrics", [401, 200, 200]),
        (get, "/services/web", [401, 200, 200]),
        (get, "/api/v1/services", [401, 200, 200]),
        (get, "/api/v1/corrections", [401, 200, 200]),
        (get, "/api/v1/audit", [401, 403, 200]),
        (get, "/nothing", [401, 404, 404]),
        (post, "/-/ready", [405, 405, 405]),
        (post, "/-/reload", [401, 403, 200]),
        (post, "/api/v1/corrections", [401, 403, 415]),
        (&Method::DELETE, "/api/v1/corrections/1", [401, 403, 404]),
        (post, "/api/v1/heartbeat/web/open", [401, 403, 204]),
        (post, "/api/v1/heartbeat/web/none", [401, 403, 404]),
        (post, "/api/v1/heartbeat/web/guarded", [401, 401, 401]),
        // For programs, the API is the only way to acknowledge and silence.
        (post, "/alerts/0/acknowledge", [401, 403, 403]),
        (post, "/alerts/0/silence", [401, 403, 403]),
        (post, "/silences/0/end", [401, 403, 403]),
        (post, "/nothing", [401, 403, 404]),
        (&Method::OPTIONS, "/", [401, 403, 405]),
    ];
    let clients = [
        vec![As::Nobody],
        vec![As::User("bob", "two:2"), As::Token("ci-token")],
        vec![As::User("ada", "one"), As::Token("ops-token")],
    ];
    for (method, path, expected) in cases {
        for (who, expected) in clients.iter().zip(expected) {
            for who in who {
                // Too many of its tokens would be wrong; see the test of heartbeats.
                if path.ends_with("guarded") && matches!(who, As::Token(_)) {
                    continue;
                }
                let request = request(&client, &base, method, path, *who);
                assert_eq!(status(request).await, expected, "{method} {path} {who:?}");
            }
        }
    }
    for who in [
        As::User("ada", "two:2"),
        As::User("eve", "one"),
        As::User("", ""),
        As::Token("ci-toke"),
        As::Token(""),
    ] {
        let request = request(&client, &base, get, "/metrics", who);
        assert_eq!(status(request).await, 401, "{who:?}");
    }
    let own = request(
        &client,
        &base,
        post,
        "/api/v1/heartbeat/web/guarded",
        As::Token("job-token"),
    );
    assert_eq!(status(own).await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_required_and_failures_are_counted() {
    let files = Files::new();
    files.write(
        "web.yml",
        &format!("basic_auth_users:\n{}", user("ada", "one")),
    );
    let web = format!("{{ config_file: web.yml, {TOKENS} }}");
    let daemon = files.start("127.0.0.1:0", &web);
    let (client, base) = (files.client(None), format!("http://{}", daemon.address));
    let get = |who| request(&client, &base, &Method::GET, "/metrics", who);
    let refused = get(As::Nobody).send().await.expect("an answer");
    let wanted = refused.headers().get_all("www-authenticate").iter();
    let wanted: Vec<_> = wanted
        .map(|value| value.to_str().expect("text").to_owned())
        .collect();
    assert_eq!(
        wanted,
        [
            "Basic realm=\"slod\", charset=\"UTF-8\"",
            "Bearer realm=\"slod\""
        ]
    );
    assert_eq!(status(get(As::User("ada", "x"))).await, 401);
    assert_eq!(status(get(As::Token("x"))).await, 401);
    assert_eq!(status(get(As::Token("y"))).await, 401);
    let guarded = "/api/v1/heartbeat/web/guarded";
    let wrong = request(&client, &base, &Method::POST, guarded, As::Token("x"));
    assert_eq!(status(wrong).await, 401);
    let odd = client
        .get(format!("{base}/metrics"))
        .header("Authorization", "Digest x");
    assert_eq!(status(odd).await, 401);
    let page = get(As::User("ada", "one")).send().await.expect("an answer");
    let page = page.text().await.expect("text");
    for (method, count) in [("basic", 2), ("bearer", 2), ("heartbeat", 1)] {
        let line = format!("slod_web_auth_failures_total{{method=\"{method}\"}} {count}\n");
        assert!(page.contains(&line), "{line}");
    }
    // Two passwords, two tokens, and one of a heartbeat.
    daemon.wait_for_log("a login failed", 5);
    let log = daemon.log();
    for secret in ["one", "ci-token", "ops-token", "$2b$"] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_authentication_only_loopback_accepts_writes() {
    let files = Files::new();
    let writes = |daemon: &Daemon| {
        [
            "/-/reload",
            "/api/v1/heartbeat/web/open",
            "/api/v1/corrections",
        ]
        .map(|path| {
            let answer = daemon.post(path, "application/json", "{}");
            answer.split(' ').nth(1).expect("a status").to_owned()
        })
    };
    let reads = |daemon: &Daemon| {
        let answer = daemon.request("GET", "/metrics");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    let open = files.start("127.0.0.1:0", "{}");
    assert_eq!(writes(&open), ["415", "204", "422"]);
    reads(&open);
    drop(open);
    let exposed = files.start("0.0.0.0:0", "{}");
    assert_eq!(writes(&exposed), ["403", "403", "403"]);
    reads(&exposed);
    let answer = exposed.request("POST", "/-/reload");
    has_all(&answer, &["web.allow_unauthenticated_writes"]);
    let log = exposed.log();
    has_all(
        &log,
        &["everyone who can reach slod can read pages, metrics and the API (writes are rejected)"],
    );
    assert_eq!(log.matches("no authentication").count(), 1, "{log}");
    let client = files.client(None);
    let guarded = format!("http://{}/api/v1/heartbeat/web/guarded", exposed.address);
    assert_eq!(
        status(client.post(guarded).bearer_auth("job-token")).await,
        204
    );
    drop(exposed);
    let allowed = files.start("0.0.0.0:0", "{ allow_unauthenticated_writes: true }");
    assert_eq!(writes(&allowed), ["415", "204", "422"]);
    let answer = allowed.request("POST", "/-/reload");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_recorded_with_its_author() {
    let files = Files::new();
    let daemon = files.start("127.0.0.1:0", "{}");
    let mut body = correction();
    let anonymous = daemon.post("/api/v1/corrections", "application/json", &body.to_string());
    assert!(anonymous.contains("`author` is missing"), "{anonymous}");
    body["author"] = "somebody".into();
    let anonymous = daemon.post("/api/v1/corrections", "application/json", &body.to_string());
    assert!(anonymous.contains("\"author\":\"somebody\""), "{anonymous}");
    daemon.signal("TERM");
    daemon.ended();

    let daemon = files.start("127.0.0.1:0", &format!("{{ {TOKENS} }}"));
    let (client, base) = (files.client(None), format!("http://{}", daemon.address));
    let ask =
        |method: Method, path: &str| request(&client, &base, &method, path, As::Token("ops-token"));
    let made = ask(Method::POST, "/api/v1/corrections")
        .json(&body)
        .send()
        .await;
    let made: Value = made.expect("an answer").json().await.expect("JSON");
    assert_eq!(made["author"], "ops", "{made}");
    let id = made["id"].as_str().expect("an id");
    assert_eq!(
        status(ask(Method::DELETE, &format!("/api/v1/corrections/{id}"))).await,
        204
    );
    assert_eq!(
        status(ask(Method::DELETE, "/api/v1/corrections/77")).await,
        404
    );
    assert_eq!(status(ask(Method::POST, "/-/reload")).await, 200);
    daemon.signal("HUP");
    daemon.wait_for_log("config reloaded", 2);
    files.write("slod.yaml", "nonsense");
    assert_eq!(status(ask(Method::POST, "/-/reload")).await, 422);

    let mut next = Some("/api/v1/audit?limit=4".to_owned());
    let mut found = Vec::new();
    while let Some(path) = next {
        let page = ask(Method::GET, &path).send().await.expect("an answer");
        let link = page
            .headers()
            .get("link")
            .map(|link| link.to_str().expect("text").to_owned());
        // Links are relative, so that they work below a path of a proxy.
        next = link.map(|link| {
            let relative = link.trim_start_matches('<').split('>').next();
            let url = page.url().join(relative.expect("a URL")).expect("valid");
            url[url::Position::BeforePath..].to_owned()
        });
        found.extend(page.json::<Vec<Value>>().await.expect("JSON"));
    }
    let entries: Vec<_> = found
        .iter()
        .map(|entry| {
            ["name", "action", "object", "outcome"].map(|key| entry[key].as_str().expect("text"))
        })
        .collect();
    assert_eq!(
        entries,
        [
            ["ops", "reload", "config", "refused"],
            ["SIGHUP", "reload", "config", "ok"],
            ["ops", "reload", "config", "ok"],
            ["ops", "correction.revoke", "77", "not found"],
            ["ops", "correction.revoke", id, "ok"],
            ["ops", "correction.add", id, "ok"],
            ["anonymous@127.0.0.1", "correction.add", "1", "ok"],
        ]
    );
}
