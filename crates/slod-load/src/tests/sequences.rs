//! Several requests: weights, and sequences with captured values, rows and cookies.

mod think;

use super::server::{Answering, answer};
use super::{EVEN, alone, finished, plan, request};
use crate::{
    Capture, Conditions, Cookies, Engine, Escape, Extract, Finished, Mix, Plan, Reference, Request,
    Rows, Sequence, Source, Template, TemplatePart, Templated, Unmet,
};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use slod_core::load::{Model, RetryAfter};
use slod_core::outcome::Cause;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CLOSED: Model = Model::Closed {
    think: Duration::from_millis(5),
};

/// Requests as received by the service.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// The value of a header in a head.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn recording(
    answering: impl Fn(&str, &str) -> String + Send + Sync + 'static,
) -> (Seen, Answering) {
    let seen = Seen::default();
    let kept = seen.clone();
    let recording: Answering = Arc::new(move |head, body| {
        let answer = answering(head, body);
        kept.lock()
            .expect("no panic")
            .push((head.into(), body.into()));
        answer
    });
    (seen, recording)
}

/// Extracts the text after this token, up to the next quote.
#[derive(Debug)]
struct Behind(&'static str);

impl Extract for Behind {
    fn extract(&self, body: &[u8]) -> Option<String> {
        let (_, rest) = str::from_utf8(body).ok()?.split_once(self.0)?;
        rest.split('"').next().map(str::to_owned)
    }
}

fn capture(name: &str, from: Source) -> Capture {
    let name = name.to_owned();
    Capture { name, from }
}

fn in_header(name: &'static str) -> Source {
    let name = HeaderName::from_static(name);
    Source::Header { name, part: None }
}

fn template(before: &str, of: Reference, escape: Escape) -> Template {
    Template::new(vec![
        TemplatePart::Plain(before.into()),
        TemplatePart::Value { of, escape },
    ])
}

fn login_and_chat() -> Vec<Request> {
    let login = Request {
        method: Method::POST,
        captures: vec![
            capture("token", Source::Body(Arc::new(Behind("\"token\":\"")))),
            capture("chat", in_header("x-chat")),
        ],
        ..request("/login")
    };
    let chat = Request {
        method: Method::POST,
        uri: Templated::Template(template("/chats/", Reference::Captured(1), Escape::Percent)),
        templated_headers: vec![(
            HeaderName::from_static("authorization"),
            template("Bearer ", Reference::Captured(0), Escape::AsIs),
        )],
        body: Templated::Template(Template::new(vec![
            TemplatePart::Plain("{\"c\":\"".into()),
            TemplatePart::Value {
                of: Reference::Captured(1),
                escape: Escape::JsonText,
            },
            TemplatePart::Plain("\"}".into()),
        ])),
        ..request("/chat")
    };
    vec![login, chat]
}

async fn run(
    service: Answering,
    model: Model,
    stages: &[(f64, f64, u64)],
    steps: Vec<Request>,
) -> Finished {
    let sequence = Sequence { steps, weight: 1 };
    let plan = Plan {
        mix: Arc::new(Mix::new(vec![sequence]).expect("one")),
        ..plan(answer(service), model, stages)
    };
    finished(plan).await
}

#[tokio::test]
async fn weights_hold_within_noise() {
    let service: Answering = Arc::new(|_, _| ok("", "ok"));
    for model in [EVEN, CLOSED] {
        let level = if model == EVEN { 1000.0 } else { 20.0 };
        let all = vec![
            alone(request("/a"), 1),
            alone(request("/b"), 3),
            alone(request("/c"), 6),
        ];
        let plan = Plan {
            mix: Arc::new(Mix::new(all).expect("some")),
            ..plan(answer(service.clone()), model, &[(level, level, 1500)])
        };
        let requests = finished(plan).await.requests;
        let names: Vec<&str> = requests.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["/a", "/b", "/c"]);
        let total: u64 = requests.iter().map(|one| one.good).sum();
        assert!(total > 500, "{total}");
        for (one, share) in requests.iter().zip([0.1, 0.3, 0.6]) {
            let expected = total as f64 * share;
            let noise = 4.0 * (expected * (1.0 - share)).sqrt();
            let off = (one.good as f64 - expected).abs();
            assert!(off <= noise, "{}: {} of {total}", one.name, one.good);
            let counted: u64 = one.latency.iter().map(|(_, count)| count).sum();
            assert_eq!(counted, one.good);
        }
    }
}

#[tokio::test]
async fn a_step_uses_values_captured_from_the_previous_response() {
    let number = Arc::new(Mutex::new(0));
    let (seen, service) = recording(move |head, _| {
        if !head.starts_with("POST /login ") {
            return ok("", "ok");
        }
        let mut number = number.lock().expect("no panic");
        *number += 1;
        ok(
            &format!("x-chat: a/{number}\r\n"),
            &format!("{{\"token\":\"t{number}\"}}"),
        )
    });
    for model in [EVEN, CLOSED] {
        let level = if model == EVEN { 50.0 } else { 3.0 };
        let done = run(
            service.clone(),
            model,
            &[(level, level, 600)],
            login_and_chat(),
        )
        .await;
        let [login, chat] = done.requests.as_slice() else {
            panic!("two requests");
        };
        assert!(login.good > 20, "{login:?}");
        assert!(chat.good > 20 && chat.failed.is_empty(), "{chat:?}");
    }
    let seen = seen.lock().expect("no panic");
    let chats = seen
        .iter()
        .filter(|(head, _)| head.starts_with("POST /chats/"));
    let mut tokens = 0;
    for (head, body) in chats {
        let path = head.split(' ').nth(1).expect("a path");
        let number = path.strip_prefix("/chats/a%2F").expect("encoded");
        assert_eq!(
            header(head, "authorization"),
            Some(&*format!("Bearer t{number}"))
        );
        assert!(
            head.contains("\r\nAuthorization: "),
            "in title case: {head}"
        );
        assert_eq!(*body, format!("{{\"c\":\"a/{number}\"}}"));
        tokens += 1;
    }
    assert!(tokens > 40);
}

#[tokio::test]
async fn a_response_without_the_value_fails_and_ends_the_sequence() {
    let service: Answering = Arc::new(|_, _| ok("", "{\"token\":\"t\"}"));
    let done = run(service, EVEN, &[(50.0, 50.0, 500)], login_and_chat()).await;
    let [login, chat] = done.requests.as_slice() else {
        panic!("two requests");
    };
    assert_eq!(login.failed, [(Cause::Header, 25)]);
    assert_eq!(login.missing, [("chat".to_owned(), 25)]);
    assert_eq!((login.good, chat.good), (0, 0));
    assert!(chat.failed.is_empty());

    let long = "x".repeat(17 << 10);
    let service: Answering =
        Arc::new(move |_, _| ok("x-chat: 1\r\n", &format!("{{\"token\":\"{long}\"}}")));
    let done = run(service, EVEN, &[(50.0, 50.0, 200)], login_and_chat()).await;
    assert_eq!(done.requests[0].missing, [("token".to_owned(), 10)]);

    let service: Answering = Arc::new(move |_, _| ok("x-chat: 1\r\n", "{\"token\":\"a\nb\"}"));
    let done = run(service, EVEN, &[(50.0, 50.0, 200)], login_and_chat()).await;
    assert_eq!(done.requests[1].failed, [(Cause::Header, 10)]);
}

#[tokio::test]
async fn rows_are_taken_in_order_and_repeat_after_the_last() {
    let (seen, service) = recording(|_, _| ok("", "ok"));
    let uri = template("/?user=", Reference::Data(1), Escape::Percent);
    let by_row = Request {
        uri: Templated::Template(uri),
        ..request("/")
    };
    let rows = ["a b", "c", "d"].map(|user| vec!["1".into(), user.into()].into());
    let mut plan = Plan {
        mix: Arc::new(Mix::new(vec![alone(by_row, 1)]).expect("one")),
        rows: Rows::new(rows.into()).map(Arc::new),
        ..plan(answer(service), EVEN, &[(20.0, 20.0, 500)])
    };
    plan.threads = 1;
    assert_eq!(finished(plan).await.requests[0].good, 10);
    let seen = seen.lock().expect("no panic");
    let paths = seen
        .iter()
        .map(|(head, _)| head.split(' ').nth(1).expect("a path"));
    let expected = ["/?user=a%20b", "/?user=c", "/?user=d"];
    assert!(paths.eq(expected.into_iter().cycle().take(10)), "{seen:?}");
}

#[derive(Default)]
struct Jar(Option<HeaderValue>);

impl Cookies for Jar {
    fn keep(&mut self, _: &Uri, answer: &HeaderMap) {
        self.0 = answer.get(SET_COOKIE).cloned();
    }

    fn header(&self, _: &Uri, _: Option<&HeaderValue>) -> Option<HeaderValue> {
        self.0.clone()
    }
}

#[tokio::test]
async fn each_user_has_its_own_cookies() {
    let users = Arc::new(Mutex::new(0));
    let (seen, service) = recording(move |head, _| {
        if header(head, "cookie").is_some() {
            return ok("", "ok");
        }
        let mut users = users.lock().expect("no panic");
        *users += 1;
        ok(&format!("set-cookie: id={users}\r\n"), "ok")
    });
    let mut plan = plan(answer(service), CLOSED, &[(4.0, 4.0, 600)]);
    plan.cookies = Some(Arc::new(|| Box::new(Jar::default())));
    let good = finished(plan).await.requests[0].good;
    let seen = seen.lock().expect("no panic");
    let mut counts = [0; 5];
    for (head, _) in seen.iter() {
        let id =
            header(head, "cookie").map_or("0", |cookie| cookie.strip_prefix("id=").expect("an id"));
        counts[id.parse::<usize>().expect("at most four")] += 1;
    }
    assert!(good > 40, "{good}");
    assert_eq!(counts[0], 4, "{counts:?}");
    assert!(counts.iter().all(|count| *count > 3), "{counts:?}");
}

/// The service sets the cookie once for each user, and redirects to a new order each time.
#[tokio::test]
async fn cookies_and_parts_of_headers_are_captured() {
    let (seen, service) = recording(|head, _| match header(head, "cookie") {
        None => ok(
            "set-cookie: xsrf=a%3Db; path=/\r\nlocation: ./orders/a%2B0\r\n",
            "",
        ),
        Some(_) => ok("location: ./orders/17\r\n", ""),
    });
    let of_location = |part| Source::Header {
        name: HeaderName::from_static("location"),
        part,
    };
    let order: Arc<dyn Extract> = Arc::new(Behind("/orders/"));
    let form = Request {
        captures: vec![
            capture("xsrf", Source::Cookie("xsrf".into())),
            capture("order", of_location(Some(order))),
            capture("next", of_location(None)),
        ],
        ..request("/shop/form")
    };
    let send = Request {
        uri: Templated::Template(template("/pay/", Reference::Captured(1), Escape::Percent)),
        templated_headers: vec![
            (
                HeaderName::from_static("x-xsrf"),
                template("", Reference::Captured(0), Escape::AsIs),
            ),
            (
                HeaderName::from_static("referer"),
                template("", Reference::Captured(2), Escape::Target),
            ),
        ],
        ..request("/pay")
    };
    let sequence = Sequence {
        steps: vec![form, send],
        weight: 1,
    };
    let mut plan = Plan {
        mix: Arc::new(Mix::new(vec![sequence]).expect("one")),
        ..plan(answer(service), CLOSED, &[(1.0, 1.0, 300)])
    };
    plan.cookies = Some(Arc::new(|| Box::new(Jar::default())));
    let done = finished(plan).await;
    assert!(
        done.requests.iter().all(|one| one.errors() == 0),
        "{done:?}"
    );
    let seen = seen.lock().expect("no panic");
    let heads = seen.iter().map(|(head, _)| head);
    let paid: Vec<_> = heads.filter(|head| head.starts_with("GET /pay/")).collect();
    assert!(paid.len() > 3, "{seen:?}");
    assert!(
        paid.iter()
            .all(|head| header(head, "x-xsrf") == Some("a=b"))
    );
    let orders = paid.iter().map(|head| head.split(' ').nth(1));
    let orders: Vec<_> = orders.flatten().collect();
    assert_eq!(orders[..2], ["/pay/a%2B0", "/pay/17"]);
    let first = header(paid[0], "referer");
    assert_eq!(first, Some("/shop/orders/a%2B0"));
}

/// Requires the type `text/json`, and `ok` in the body.
#[derive(Debug)]
struct JsonOk([String; 2]);

impl Conditions for JsonOk {
    fn names(&self) -> &[String] {
        &self.0
    }

    fn need_body(&self) -> bool {
        true
    }

    fn unmet(&self, headers: &HeaderMap, body: &[u8]) -> Option<Unmet> {
        let has_type = headers
            .get("content-type")
            .is_some_and(|value| value == "text/json");
        let number = [has_type, body.ends_with(b"ok")]
            .iter()
            .position(|met| !met)?;
        let cause = [Cause::Header, Cause::Body][number];
        let words = format!("{} was not met", self.0[number]);
        Some(Unmet {
            number,
            cause,
            words,
        })
    }
}

#[tokio::test]
async fn unmet_conditions_are_failures_counted_by_name() {
    let number = Arc::new(Mutex::new(0));
    let service: Answering = Arc::new(move |_, _| {
        let mut number = number.lock().expect("no panic");
        *number += 1;
        match *number % 4 {
            0 => ok("content-type: text/json\r\n", "ok"),
            1 => ok("", "ok"),
            2 => ok("content-type: text/json\r\n", "no"),
            _ => ok(
                "content-type: text/json\r\n",
                &" ".repeat(crate::BODY_MAX + 1),
            ),
        }
    });
    let names = ["type".to_owned(), "body".to_owned()];
    let step = Request {
        conditions: Some(Arc::new(JsonOk(names))),
        captures: vec![capture("x", in_header("x-none"))],
        ..request("/")
    };
    let done = run(service, EVEN, &[(40.0, 40.0, 500)], vec![step]).await;
    let only = &done.requests[0];
    assert_eq!(only.good, 0, "all lack the capture");
    let quarter = only.errors() / 4;
    assert!(quarter >= 4, "{only:?}");
    let expected = ["type", "body"].map(|name| (name.to_owned(), quarter));
    assert_eq!(only.unmet, expected);
    assert_eq!(only.missing, [("x".to_owned(), quarter)]);
    let failed = [Cause::Header, Cause::Body, Cause::BodyTooLarge];
    let counts = failed.map(|cause| only.failed.iter().find(|(one, _)| *one == cause));
    let counts = counts.map(|found| found.map(|(_, count)| *count));
    assert_eq!(counts, [Some(2 * quarter), Some(quarter), Some(quarter)]);
    let words = done.examples.iter().map(|(_, words)| words.as_str());
    let words: Vec<_> = words.collect();
    assert!(words.contains(&"body was not met"), "{words:?}");
    let too_large = "the body is larger than 1 MiB, the maximum for `expect`";
    assert!(words.contains(&too_large), "{words:?}");
}

#[tokio::test]
async fn rate_limited_responses_are_counted_with_what_they_ask_for() {
    let number = Arc::new(Mutex::new(0));
    let service: Answering = Arc::new(move |_, _| {
        let mut number = number.lock().expect("no panic");
        *number += 1;
        let wait = match *number % 4 {
            0 => "retry-after: 2\r\n",
            1 => "retry-after: 30\r\n",
            2 => "retry-after: Mon, 30 Nov 2026 09:00:00 GMT\r\n",
            _ => "",
        };
        format!("HTTP/1.1 429 No\r\n{wait}content-length: 0\r\n\r\n")
    });
    let done = run(service, EVEN, &[(40.0, 40.0, 500)], vec![request("/")]).await;
    let only = &done.requests[0];
    assert_eq!(only.failed, [(Cause::RateLimited, 20)]);
    let waits = Some((Duration::from_secs(2), Duration::from_secs(30)));
    assert_eq!(only.retry_after, Some(RetryAfter { count: 15, waits }));
    assert_eq!(done.examples[0].1, "status 429, Retry-After: 30");
}
