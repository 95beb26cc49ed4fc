//! A service that counts its requests.

use crate::server::{Request, http, response};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Requests by the first path segment and the status: `chat 200`.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

impl Counts {
    pub fn of(&self, answer: &str) -> u64 {
        let counts = self.0.lock().expect("no panic holds it");
        counts.get(answer).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.0.lock().expect("no panic holds it").values().sum()
    }

    pub fn all(&self) -> String {
        format!("{:?}", self.0.lock().expect("no panic holds it"))
    }

    fn count(&self, path: &str, status: u16) -> u64 {
        let name = path.split('/').nth(1).unwrap_or_default();
        let mut counts = self.0.lock().expect("no panic holds it");
        *counts.entry(format!("{name} {status}")).or_default() += 1;
        counts.values().sum()
    }
}

/// Starts the service.
pub fn start() -> (SocketAddr, Counts) {
    let counts = Counts::default();
    let shared = counts.clone();
    let address = http(move |request| {
        let (status, headers, body) = answer(request, &shared);
        shared.count(&request.path, status);
        response(&format!("{status} Status"), &headers, &body)
    });
    (address, counts)
}

/// Status, additional headers, body.
fn answer(request: &Request, counts: &Counts) -> (u16, String, String) {
    let header = |name: &str| request.header(name);
    let plain = |status| (status, String::new(), "ok".to_owned());
    match request.path.split('/').nth(1).unwrap_or_default() {
        "chat" => {
            thread::sleep(Duration::from_millis(20));
            let is_allowed = header("x-api-key") == "s3cretkey";
            let is_tenth = counts.total() % 10 == 9;
            plain(match (is_allowed, is_tenth) {
                (false, _) => 401,
                (_, true) => 503,
                _ => 200,
            })
        }
        "login" if request.method == "POST" => {
            let user = serde_json::from_str::<serde_json::Value>(&request.body).ok();
            let user = user.and_then(|body| Some(body["user"].as_str()?.to_owned()));
            let user = in_numbers(&user.unwrap_or_default());
            let cookie = format!("set-cookie: sid={user}; Path=/\r\n");
            (200, cookie, format!("{{\"tokens\":[\"t/{user}\"]}}"))
        }
        "mine" => {
            let user = request.path.rsplit('/').next().unwrap_or_default();
            let user = percent_encoding::percent_decode_str(user).decode_utf8_lossy();
            let user = in_numbers(&user);
            let is_own = header("x-token") == format!("t/{user}")
                && header("cookie") == format!("sid={user}");
            plain(if is_own { 200 } else { 403 })
        }
        "limited" if counts.total().is_multiple_of(2) => {
            (429, "retry-after: 2\r\n".to_owned(), String::new())
        }
        "begin" => {
            let location = "location: ../arrived?code=a%2Bb%2F\r\n";
            (302, location.to_owned(), String::new())
        }
        "empty" => plain(if header("content-length") == "0" {
            200
        } else {
            411
        }),
        "code" => plain(if request.path == "/code/a%2Bb%2F" {
            200
        } else {
            400
        }),
        "moved" => (302, "location: /elsewhere\r\n".to_owned(), String::new()),
        _ => plain(200),
    }
}

/// A text that is valid in a cookie.
fn in_numbers(text: &str) -> String {
    let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    numbers.join("-")
}
