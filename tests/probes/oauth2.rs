//! OAuth 2.0 client credentials against real token servers, well-behaved and hostile.

use crate::probing::{SHORT, TIMEOUT, attempt, attempt_kind, cause, message, probe, read};
use crate::server::{Seen, http, ok, redirect, tcp};
use slod::clock::Clock;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::notify::{Answer, Done, Sender};
use slod::observe::scrape::Scraper;
use slod::outcome::{Cause, Outcome, Timestamp, Verdict, VoidReason};
use slod::probe::{Attempt, Probe, Trace};
use slod::receiver::Message;
use slod::roles::Role;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const SECRET: &str = "hush+hush/1";
const NO_TOKEN: Verdict = Verdict::Void(VoidReason::Token);

/// A server that grants `token-1-of-many`, `token-2-of-many` and so on.
async fn granting() -> (SocketAddr, Seen) {
    let count = AtomicUsize::new(0);
    http(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        granted(&format!("token-{number}-of-many"))
    })
    .await
}

fn granted(token: &str) -> Vec<u8> {
    ok(&format!(
        "{{\"access_token\": \"{token}\", \"token_type\": \"Bearer\", \"expires_in\": 3600}}"
    ))
}

fn status(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The keys of a probe of `target` with tokens from `issuer`.
fn keys(target: SocketAddr, issuer: SocketAddr) -> String {
    format!(
        "{{ url: \"http://{target}/\", oauth2: {{ client_id: slod, client_secret: \"{SECRET}\", token_url: \"http://{issuer}/token\", scopes: [ read, \"write:all\" ], endpoint_params: {{ audience: api }} }} }}"
    )
}

/// One attempt as the schedule makes it.
async fn run(probe: &dyn Probe, timeout: Duration) -> Outcome {
    if let Some(preparation) = probe.prepare(timeout) {
        preparation.await;
    }
    let mut attempt = Attempt::new(Timestamp(0), timeout, Trace::silent());
    probe.run(&mut attempt).await
}

fn requests(seen: &Seen) -> Vec<String> {
    seen.lock().expect("no panic").clone()
}

#[tokio::test]
async fn a_token_is_requested_once_and_sent_with_every_attempt() {
    let (issuer, asked) = granting().await;
    let (target, seen) = http(|_| ok("{}")).await;
    let yaml = keys(target, issuer);
    // Settings of other probes do not matter.
    let others = yaml.replacen("url: \"http", "method: POST, url: \"http", 1);
    // A source lasts as long as a probe that uses it.
    let _running = probe("http", &yaml, Path::new(""));
    for yaml in [&yaml, &others, &yaml] {
        let (outcome, story) = attempt(yaml, TIMEOUT).await;
        assert_eq!(outcome.verdict, Verdict::Good, "{story}");
        assert!(story.contains(&format!(
            "token from http://{issuer}/token, used for another 59m"
        )));
        assert!(!story.contains("of-many"), "{story}");
    }
    let [asked] = &requests(&asked)[..] else {
        panic!("one request: {asked:?}");
    };
    assert!(asked.starts_with("POST /token HTTP/1.1"), "{asked}");
    // `slod:hush%2Bhush%2F1`, since both are form-encoded (RFC 6749, section 2.3.1).
    assert!(
        asked.contains("Basic c2xvZDpodXNoJTJCaHVzaCUyRjE="),
        "{asked}"
    );
    let form = "grant_type=client_credentials&scope=read+write%3Aall&audience=api";
    assert!(asked.ends_with(form), "{asked}");
    let seen = requests(&seen);
    let signed = |one: &&String| one.contains("Bearer token-1-of-many\r\n");
    assert_eq!(seen.iter().filter(signed).count(), 3, "{seen:?}");
}

#[tokio::test]
async fn the_latency_of_an_attempt_does_not_include_the_token() {
    const DELAY: Duration = Duration::from_millis(1200);
    let issuer = tcp(|mut stream| async move {
        crate::server::read_request(&mut stream).await;
        tokio::time::sleep(DELAY).await;
        let _ = stream.write_all(&granted("slow-token")).await;
    })
    .await;
    let (target, _) = http(|_| ok("{}")).await;
    let outcome = run(
        &*probe("http", &keys(target, issuer), Path::new("")),
        TIMEOUT,
    )
    .await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert!(outcome.latency < DELAY, "{outcome:?}");
}

#[tokio::test]
async fn credentials_are_sent_in_the_body_to_servers_that_want_them_there() {
    let (issuer, asked) = http(|request| {
        if request.contains("client_secret=hush%2Bhush%2F1") && request.contains("client_id=slod") {
            granted("from-the-body")
        } else {
            status(400, "{\"error\": \"invalid_request\"}")
        }
    })
    .await;
    let (target, seen) = http(|_| ok("{}")).await;
    let (outcome, story) = attempt(&keys(target, issuer), TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert_eq!(requests(&asked).len(), 2);
    assert!(requests(&seen)[0].contains("Bearer from-the-body"));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_attempt_is_void() {
    let (elsewhere, lured) = http(|_| granted("stolen")).await;
    let long = format!("{{\"access_token\": \"{}\"}}", "x".repeat(1 << 20));
    let echo = "{\"error\": \"invalid_client\", \"error_description\": \"hush+hush/1 is wrong\"}";
    for (answer, why) in [
        (
            status(401, echo),
            "it answered with status 401: invalid_client: <secret> is wrong",
        ),
        (status(503, "<h1>busy</h1>"), "it answered with status 503"),
        (
            redirect(307, &format!("http://{elsewhere}/")),
            "it answered with status 307, and redirects are not followed",
        ),
        (ok("<html>hush</html>"), "its answer is not JSON"),
        (ok("{}"), "its answer has no `access_token`"),
        (ok(&long), "larger than"),
        (b"SMTP ready\r\n".to_vec(), "HTTP"),
        (Vec::new(), "closed"),
    ] {
        let (issuer, _) = http(move |_| answer.clone()).await;
        let (target, seen) = http(|_| ok("{}")).await;
        let yaml = keys(target, issuer);
        let (outcome, story) = attempt(&yaml, TIMEOUT).await;
        assert_eq!(outcome.verdict, NO_TOKEN, "{why}: {story}");
        let text = message(&outcome);
        let from = format!("no OAuth 2.0 token from http://{issuer}/token: ");
        assert!(
            text.starts_with(&from) && text.contains(why),
            "{why}: {text}"
        );
        assert!(requests(&seen).is_empty());
        let shown = format!("{text}{story}{:?}", read(&yaml, Path::new("")));
        let secrets = ["hush+hush", "hush%2B", "aHVza"];
        assert!(
            !secrets.iter().any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
    assert!(
        requests(&lured).is_empty(),
        "credentials stay with their server"
    );
}

#[tokio::test]
async fn a_token_server_that_does_not_answer_delays_an_attempt_only_until_its_timeout() {
    let issuer = tcp(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let (target, _) = http(|_| ok("{}")).await;
    let (outcome, _) = attempt(&keys(target, issuer), SHORT).await;
    assert_eq!(outcome.verdict, NO_TOKEN);
    assert!(
        message(&outcome).ends_with("yet: its answer is awaited"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_failing_token_server_is_not_asked_by_every_attempt() {
    let (issuer, asked) = http(|_| status(500, "")).await;
    let (target, _) = http(|_| ok("{}")).await;
    let probe = probe("http", &keys(target, issuer), Path::new(""));
    for _ in 0..5 {
        assert_eq!(run(&*probe, TIMEOUT).await.verdict, NO_TOKEN);
    }
    assert_eq!(requests(&asked).len(), 1);
}

#[tokio::test]
async fn a_token_that_the_service_rejects_is_replaced_once() {
    let (issuer, asked) = granting().await;
    let (target, seen) = http(|_| status(401, "")).await;
    let probe = probe("http", &keys(target, issuer), Path::new(""));
    for _ in 0..4 {
        let outcome = run(&*probe, TIMEOUT).await;
        assert_eq!(cause(&outcome), Some(Cause::Status), "{outcome:?}");
    }
    assert_eq!(requests(&asked).len(), 2);
    let sent = requests(&seen);
    let numbers = sent.iter().map(|one| one.contains("token-1-of-many"));
    assert_eq!(numbers.collect::<Vec<_>>(), [true, false, false, false]);
}

#[tokio::test]
async fn a_token_is_neither_quoted_nor_sent_to_another_origin() {
    let (issuer, _) = granting().await;
    let (elsewhere, lured) = http(|_| ok("{}")).await;
    let to = format!("http://{elsewhere}/");
    let (target, _) = http(move |request| {
        let token = request
            .split("Bearer ")
            .nth(1)
            .and_then(|rest| rest.lines().next());
        let token = token.unwrap_or_default();
        if request.starts_with("GET /away") {
            redirect(302, &to)
        } else {
            status(500, &format!("token {token} is unknown"))
        }
    })
    .await;
    let yaml = keys(target, issuer);
    let checked = yaml.replace("oauth2:", "expect: { body: nothing, status: 500 }, oauth2:");
    for yaml in [&yaml, &checked] {
        let (outcome, story) = attempt(yaml, TIMEOUT).await;
        assert!(cause(&outcome).is_some(), "{story}");
        let shown = format!("{}{story}", message(&outcome));
        assert!(!shown.contains("of-many"), "{shown}");
    }
    let away = yaml.replace("/\", oauth2", "/away\", oauth2");
    let (outcome, story) = attempt(&away, TIMEOUT).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    assert!(!requests(&lured)[0].to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn probes_of_models_and_scrapes_use_tokens_as_well() {
    let (issuer, asked) = granting().await;
    let answer =
        "{\"choices\": [{\"message\": {\"content\": \"pong\"}, \"finish_reason\": \"stop\"}]}";
    let (target, seen) = http(move |_| ok(answer)).await;
    let yaml = keys(target, issuer).replace("{ url", "{ model: m, stream: false, url");
    let _running = probe("llm", &yaml, Path::new(""));
    let (outcome, story) = attempt_kind("llm", &yaml, TIMEOUT, Path::new("")).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{story}");
    let (page, scraped) = http(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nqueue_depth 3\n"
            .to_vec()
    })
    .await;
    let text = format!(
        "services: [ {{ name: a, objectives: [], metrics: {} }} ]",
        keys(page, issuer)
    );
    let source = Source {
        name: String::new(),
        text,
    };
    let loaded = Config::load(&source, Path::new(""), &|_| None);
    let config = loaded
        .config
        .unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    let spec: Arc<_> = config.metrics().next().expect("one").clone();
    let metrics = Scraper::new(spec)
        .scrape(&Clock::system(), Trace::silent())
        .await;
    assert_eq!(metrics.number(Role::QueueDepth), Some(3.0), "{metrics:?}");
    assert_eq!(requests(&asked).len(), 1, "one token for both");
    for sent in [requests(&seen), requests(&scraped)] {
        assert!(sent[0].contains("Bearer token-1-of-many"), "{sent:?}");
    }
}

#[test]
fn settings_that_contradict_or_leak_are_reported() {
    let oauth2 = "client_id: a, client_secret: hush, token_url: \"https://i.test/token\"";
    for (yaml, code) in [
        (format!("{{ url: \"https://h.test/\", bearer: x, oauth2: {{ {oauth2} }} }}"), "conflict"),
        (format!("{{ url: \"https://h.test/\", oauth2: {{ {oauth2}, endpoint_params: {{ scope: x }} }} }}"), "conflict"),
        ("{ url: \"https://h.test/\", oauth2: { client_id: a, token_url: \"https://i.test/\" } }".to_owned(), "missing-key"),
        (format!("{{ url: \"https://h.test/\", oauth2: {{ {} }} }}", oauth2.replace("https", "http")), "open-credentials"),
        (format!("{{ url: \"http://h.test/\", oauth2: {{ {oauth2} }} }}"), "open-credentials"),
    ] {
        let (_, found) = read(&yaml, Path::new(""));
        let codes: Vec<_> = found.iter().map(|one| one.code).collect();
        assert_eq!(codes, [code], "{yaml}: {found:?}");
        assert!(!format!("{found:?}").contains("hush"), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_is_sent_with_a_token_that_is_replaced_once_the_service_rejects_it() {
    let (issuer, asked) = granting().await;
    let count = AtomicUsize::new(0);
    let (target, seen) = http(move |request| {
        let is_first = request.contains("Bearer token-1-of-many");
        if is_first && count.fetch_add(1, Ordering::Relaxed) < 5 || request.contains("token-2") {
            ok("{}")
        } else {
            status(401, "")
        }
    })
    .await;
    let load_target = crate::load::http(&keys(target, issuer), Path::new(""));
    load_target.prepare(TIMEOUT).await.expect("granted");
    let figures = crate::load::drive(load_target, 2.0).await;
    assert!(figures.good > 10, "{figures:?}");
    assert_eq!(requests(&asked).len(), 2);
    let seen = requests(&seen);
    assert!(seen[0].contains("Bearer token-1-of-many"), "{}", seen[0]);
    let last = seen.last().expect("many");
    assert!(last.contains("Bearer token-2-of-many"), "{last}");
}

#[tokio::test]
async fn a_load_run_without_a_token_does_not_start() {
    let (issuer, _) = http(|_| status(401, "{\"error\": \"invalid_client\"}")).await;
    let (target, seen) = http(|_| ok("{}")).await;
    let load_target = crate::load::http(&keys(target, issuer), Path::new(""));
    let why = load_target.prepare(TIMEOUT).await.expect_err("no token");
    assert!(why.contains("invalid_client"), "{why}");
    assert!(load_target.needs_token() && requests(&seen).is_empty());
}

/// Sends a sample message to a webhook, and returns the answer.
async fn notified(target: SocketAddr, issuer: SocketAddr) -> Answer {
    let yaml = format!(
        "receivers: [ {{ name: hook, webhook: {} }} ]\nroutes: [ {{ to: hook }} ]\nservices: [ {{ name: a, probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }} ] }} ]",
        keys(target, issuer)
    );
    let config: Config = yaml.parse().expect("valid");
    let receiver = config.routing.receiver("hook").expect("configured");
    let message = Message::sample(false, Timestamp(0));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sender = Sender::new().expect("a client");
    let deliver = || sender.deliver(receiver, &message, Done::default(), Timestamp(0));
    match deliver().await.answer {
        Answer::Failed { .. } => deliver().await.answer,
        answer => answer,
    }
}

#[tokio::test]
async fn messages_are_sent_with_a_token_and_retried_with_a_new_one() {
    let (issuer, asked) = granting().await;
    let (target, seen) = http(|request| {
        if request.contains("token-1") {
            status(401, "token-1-of-many is unknown")
        } else {
            status(400, "token-2-of-many is unknown, too")
        }
    })
    .await;
    let answer = notified(target, issuer).await;
    let Answer::Refused(text) = &answer else {
        panic!("{answer:?}");
    };
    assert!(
        !text.contains("of-many") && text.contains("is unknown, too"),
        "{text}"
    );
    assert_eq!((requests(&asked).len(), requests(&seen).len()), (2, 2));
    assert!(requests(&seen)[1].contains("Bearer token-2-of-many"));
}

#[tokio::test]
async fn a_message_without_a_token_is_not_sent() {
    let (issuer, _) = http(|_| status(503, "")).await;
    let (target, seen) = http(|_| ok("{}")).await;
    let answer = notified(target, issuer).await;
    assert!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
    assert!(
        answer.text().starts_with("no OAuth 2.0 token from"),
        "{answer:?}"
    );
    assert!(requests(&seen).is_empty());
}
