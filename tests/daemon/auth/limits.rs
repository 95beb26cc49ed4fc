//! Limits on logins and requests.

use super::fixture::{Files, status, user};

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_limited() {
    let files = Files::new();
    files.write(
        "web.yml",
        &format!("basic_auth_users:\n{}", user("ada", "one")),
    );
    let long = "0123456789abcdef";
    let web = "{ config_file: web.yml, tokens: [ { name: ci, token: ci-token, role: read }, { name: long, token: 0123456789abcdef, role: read } ] }";
    let daemon = files.start("127.0.0.1:0", web);
    let (client, base) = (files.client(None), format!("http://{}", daemon.address));
    let get = || client.get(format!("{base}/metrics"));
    for _ in 0..20 {
        assert_eq!(status(get().basic_auth("ada", Some("one"))).await, 200);
        assert_eq!(status(get()).await, 401, "no attempt");
    }
    // Concurrently, so that none waits for the others.
    let attempts = (0..40).map(|number| {
        let attempt = get().basic_auth("ada", Some(number.to_string()));
        tokio::spawn(status(attempt))
    });
    let attempts: Vec<_> = attempts.collect();
    let mut refused = 0;
    for attempt in attempts {
        match attempt.await.expect("it ends") {
            401 => refused += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert_eq!(refused, 10);
    let limited = get()
        .basic_auth("ada", Some("one"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(limited.status(), 429);
    let wait = limited.headers()["retry-after"].to_str().expect("text");
    assert!(
        (1..=60).contains(&wait.parse::<u32>().expect("seconds")),
        "{wait}"
    );
    let others = get().bearer_auth("ci-token");
    assert_eq!(status(others).await, 200, "behind the same address");
    let page = get()
        .bearer_auth("ci-token")
        .send()
        .await
        .expect("an answer");
    let page = page.text().await.expect("text");
    assert!(
        page.contains("slod_web_auth_limited_total 31\n"),
        "30 and one more"
    );
    assert_eq!(status(client.get(format!("{base}/-/ready"))).await, 200);
    for _ in 0..12 {
        status(get().bearer_auth("an old token of a scraper")).await;
    }
    assert_eq!(status(get().bearer_auth("ci-token")).await, 429);
    assert_eq!(status(get().bearer_auth(long)).await, 200, "not guessed");
    assert_eq!(status(get().bearer_auth("0123456789abcdeg")).await, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_limit_of_the_file_applies() {
    let files = Files::new();
    files.write("web.yml", "rate_limit: { interval: 1h, burst: 3 }\n");
    let daemon = files.start("127.0.0.1:0", "{ config_file: web.yml }");
    let client = files.client(None);
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(status(client.get(format!("http://{}/metrics", daemon.address))).await);
    }
    assert_eq!(found, [200, 200, 200, 429]);
    let ready = client.get(format!("http://{}/-/ready", daemon.address));
    assert_eq!(status(ready).await, 200);
}
