use super::*;
use crate::alert::Notice;
use crate::receiver::{Channel, HttpRequest, Request, Template, Texts};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

/// The request bodies that a service received, with its responses.
type Got = Arc<Mutex<Vec<(Value, u16)>>>;
type Answers = fn(&Value) -> u16;

/// A channel that sends the services of a message.
#[derive(Debug)]
struct Echo(String);

impl Channel for Echo {
    fn requests(&self, message: &Message, texts: &Texts, _: Timestamp) -> Vec<Request> {
        let services: Vec<_> = message
            .notices
            .iter()
            .map(|one| one.label("service"))
            .collect();
        let description = message
            .notices
            .first()
            .map(|one| &one.annotations["description"]);
        let body = json!({
            "key": message.key,
            "edits": message.replaces,
            "services": services,
            "status": message.status(),
            "text": texts.text,
            "description": description,
        });
        vec![HttpRequest::json(&self.0, &message.key, &body).into()]
    }
}

/// A receiver whose service responds to each request with a status.
async fn receiver(answers: Answers) -> (Receiver, Got) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let got = Got::default();
    let kept = Arc::clone(&got);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut length = 0;
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                let value = line.to_lowercase();
                if let Some(value) = value.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a number");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let status = answers(&body);
            kept.lock().expect("no panic").push((body, status));
            let head =
                format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    let template = |text| Template::parse(text).expect("valid");
    let receiver = Receiver {
        name: "it".to_owned(),
        kind: "webhook",
        timeout: Duration::from_secs(20),
        title: template("{{ status }}"),
        text: template("{{ description }}"),
        maintenance: false,
        channel: Arc::new(Echo(format!("http://{address}/"))),
        proxy: None,
        redactions: crate::yaml::Redactions::default(),
    };
    (receiver, got)
}

/// Alerts of services named by numbers; the last ones are resolved.
fn message(firing: usize, resolved: usize) -> Message {
    let notice = |number: usize| {
        let sample = Message::sample(number >= firing, NOW).notices.remove(0);
        let mut notice = Notice {
            from: NOW.before(Duration::from_secs(number as u64)),
            ..sample
        };
        notice
            .labels
            .insert("service".to_owned(), number.to_string());
        let long = "x".repeat(600);
        notice.annotations.insert("description".to_owned(), long);
        notice
    };
    let notices = (0..firing + resolved).map(notice).collect();
    Message::new("it", "group", "key".to_owned(), NOW, notices)
}

fn count(body: &Value) -> usize {
    body["services"].as_array().map_or(0, Vec::len)
}

async fn deliver(receiver: &Receiver, message: &Message, done: Done) -> Delivery {
    let sender = Sender::new().expect("certificates");
    sender.deliver(receiver, message, done, NOW).await
}

/// Keys and services of the requests with this response.
fn with(got: &Got, status: u16) -> Vec<(String, String)> {
    let got = got.lock().expect("no panic");
    let those = got.iter().filter(|(_, answer)| *answer == status);
    let text = |body: &Value| body["services"].to_string().replace(['"', '[', ']'], "");
    those
        .map(|(body, _)| (body["key"].as_str().expect("a key").to_owned(), text(body)))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    owned.collect()
}

#[tokio::test]
async fn a_large_message_is_split_and_firing_alerts_are_sent_last() {
    let (receiver, got) = receiver(|body| if count(body) > 2 { 413 } else { 200 }).await;
    let delivery = deliver(&receiver, &message(2, 3), Done::default()).await;
    let parts = [("key-2", "3,4"), ("key-1-2", "2"), ("key-1-1", "0,1")];
    assert_eq!(with(&got, 200), pairs(&parts));
    assert_eq!(
        with(&got, 413),
        pairs(&[("key", "0,1,2,3,4"), ("key-1", "0,1,2")])
    );
    assert_eq!(delivery.answer, Answer::Delivered("in 3 parts".to_owned()));
    assert_eq!((delivery.left_out, delivery.posted), (0, None));
}

#[tokio::test]
async fn parts_that_were_delivered_are_not_sent_again() {
    let fails_once = |body: &Value| match body["services"].to_string().as_str() {
        _ if count(body) > 1 => 413,
        r#"["0"]"# => 503,
        _ => 200,
    };
    let (receiver, got) = receiver(fails_once).await;
    let message = message(2, 0);
    let first = deliver(&receiver, &message, Done::default()).await;
    assert!(matches!(first.answer, Answer::Failed { .. }), "{first:?}");
    assert_eq!(first.done.parts, ["key-2".to_owned()].into());
    let again = deliver(&receiver, &message, first.done).await;
    assert!(matches!(again.answer, Answer::Failed { .. }), "{again:?}");
    assert_eq!(with(&got, 200), pairs(&[("key-2", "1")]));
    assert_eq!(with(&got, 503), pairs(&[("key-1", "0"), ("key-1", "0")]));
}

fn takes_short_texts(body: &Value) -> u16 {
    let long = body["description"]
        .as_str()
        .map_or(0, |text| text.chars().count());
    if count(body) == 1 && long <= 500 {
        200
    } else {
        413
    }
}

fn takes_one(body: &Value) -> u16 {
    if body["services"] == json!(["1"]) {
        200
    } else {
        413
    }
}

#[tokio::test]
async fn an_alert_that_is_too_large_is_shortened_and_then_left_out() {
    let (short, got) = receiver(takes_short_texts).await;
    let delivery = deliver(&short, &message(1, 0), Done::default()).await;
    assert_eq!(delivery.answer, Answer::Delivered("in one part".to_owned()));
    assert_eq!(with(&got, 200), pairs(&[("key-short", "0")]));

    let (one, _) = receiver(takes_one).await;
    let delivery = deliver(&one, &message(2, 0), Done::default()).await;
    let text = "in one part, without one alert: HTTP 413";
    assert_eq!(delivery.answer, Answer::Delivered(text.to_owned()));
    assert_eq!(delivery.left_out, 1);

    let (none, got) = receiver(|_| 413).await;
    let delivery = deliver(&none, &message(300, 0), Done::default()).await;
    assert_eq!(delivery.answer, Answer::Refused("HTTP 413".to_owned()));
    assert_eq!(delivery.left_out, 300);
    assert_eq!(got.lock().expect("no panic").len(), MAX_REQUESTS);
}

#[tokio::test]
async fn default_templates_replace_those_that_cannot_be_rendered() {
    let (mut receiver, got) = receiver(|_| 200).await;
    // Renders for the examples used in checks, but not for this service.
    let text = "{% if service == \"0\" %}{{ alerts[0].x.y }}{% endif %}";
    receiver.text = Template::parse(text).expect("valid");
    let delivery = deliver(&receiver, &message(1, 0), Done::default()).await;
    assert!(matches!(delivery.answer, Answer::Delivered(_)));
    let error = delivery.template_error.expect("reported");
    assert_eq!(error.message, "unknown field `alerts[0].x`");
    let got = got.lock().expect("no panic");
    let text = got[0].0["text"].as_str().expect("a text");
    assert!(
        text.starts_with("- ticket: Test notification of slod (since "),
        "{text}"
    );
}

/// Accepts a message only if its service responds with `ok`.
#[derive(Debug)]
struct Strict(Echo);

impl Channel for Strict {
    fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request> {
        self.0.requests(message, texts, now)
    }

    fn reply(&self, _: u16, body: &[u8]) -> Option<Reply> {
        (body != b"ok").then_some(Reply::Unconfirmed("`ok`"))
    }
}

#[tokio::test]
async fn an_edit_that_is_rejected_is_sent_as_a_new_message() {
    for (status, requests) in [(200, 1), (400, 2), (503, 1)] {
        let answers: Answers = match status {
            200 => |_| 200,
            400 => |body| if body["edits"].is_null() { 200 } else { 400 },
            _ => |body| if body["edits"].is_null() { 200 } else { 503 },
        };
        let (receiver, got) = receiver(answers).await;
        let message = Message {
            replaces: Some("7".to_owned()),
            ..message(0, 1)
        };
        let answer = deliver(&receiver, &message, Done::default()).await.answer;
        let is_delivered = matches!(answer, Answer::Delivered(_));
        assert_eq!(is_delivered, status != 503, "{answer:?}");
        assert_eq!(got.lock().expect("no panic").len(), requests);
    }
}

/// Has a new destination, which it reports with status 400.
#[derive(Debug)]
struct Moving(Echo);

impl Channel for Moving {
    fn requests(&self, message: &Message, texts: &Texts, now: Timestamp) -> Vec<Request> {
        let texts = Texts {
            text: message.moved.clone().unwrap_or_default(),
            ..texts.clone()
        };
        self.0.requests(message, &texts, now)
    }

    fn reply(&self, status: u16, _: &[u8]) -> Option<Reply> {
        (status == 400).then(|| Reply::Moved("-1001".to_owned()))
    }
}

/// A receiver whose destination has a new ID, and the requests that it gets.
async fn moving(answers: Answers) -> (Receiver, Got) {
    let (mut receiver, got) = receiver(answers).await;
    let Request::Http(request) = &receiver.requests(&message(1, 0), &texts(), NOW)[0] else {
        panic!("not HTTP");
    };
    receiver.channel = Arc::new(Moving(Echo(request.url.reveal().to_owned())));
    (receiver, got)
}

#[tokio::test]
async fn a_message_follows_its_destination() {
    let moved = "HTTP 200; the destination has the new ID -1001: set it in the config";
    let delivered = || Answer::Delivered(moved.to_owned());
    let answers: [(Answers, usize, Answer); 3] = [
        (
            |body| if body["text"] == "-1001" { 200 } else { 400 },
            2,
            delivered(),
        ),
        (
            |_| 400,
            2,
            Answer::failed("the destination has the new ID -1001"),
        ),
        // The edited message does not exist there.
        (
            |body| match (body["text"].as_str(), body["edits"].is_null()) {
                (Some("-1001"), true) => 200,
                (Some("-1001"), false) => 422,
                _ => 400,
            },
            3,
            delivered(),
        ),
    ];
    for (answers, requests, expected) in answers {
        let (receiver, got) = moving(answers).await;
        let message = Message {
            replaces: Some("7".to_owned()),
            ..message(0, 1)
        };
        let delivery = deliver(&receiver, &message, Done::default()).await;
        assert_eq!(delivery.answer, expected);
        assert_eq!(delivery.moved.as_deref(), Some("-1001"));
        assert_eq!(got.lock().expect("no panic").len(), requests);
    }
}

#[tokio::test]
async fn a_message_to_a_known_new_destination_is_one_request() {
    let answers: Answers = |body| if body["text"] == "-1001" { 200 } else { 400 };
    let (receiver, got) = moving(answers).await;
    let message = Message {
        moved: Some("-1001".to_owned()),
        ..message(1, 0)
    };
    let delivery = deliver(&receiver, &message, Done::default()).await;
    assert!(matches!(delivery.answer, Answer::Delivered(_)));
    assert_eq!(delivery.moved, None, "it is known already");
    assert_eq!(got.lock().expect("no panic").len(), 1);
}

fn texts() -> Texts {
    Texts {
        title: String::new(),
        text: String::new(),
    }
}

/// The result for a message whose response has this incomplete body.
async fn unfinished(body: &str) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{body}");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    let (mut receiver, _) = receiver(|_| 200).await;
    receiver.channel = Arc::new(Strict(Echo(format!("http://{address}/"))));
    let delivery = deliver(&receiver, &message(1, 0), Done::default()).await;
    delivery.answer
}

#[tokio::test]
async fn a_truncated_response_counts_as_delivered_unless_it_is_a_web_page() {
    for body in ["", "o"] {
        let answer = unfinished(body).await;
        assert!(matches!(answer, Answer::Delivered(_)), "{body}: {answer:?}");
    }
    let page = "\r\n<!DOCTYPE html><title>Login";
    let answer = unfinished(page).await;
    let why = "expected `ok`, got HTTP 200: <!DOCTYPE html><title>Login";
    assert_eq!(answer, Answer::failed(why));
}
