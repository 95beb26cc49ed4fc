//! A service that counts its requests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
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

/// A request, with header names in lowercase.
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// It ends with the test's process.
pub fn start() -> (SocketAddr, Counts) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("bound");
    let counts = Counts::default();
    let shared = counts.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = shared.clone();
            thread::spawn(move || serve(&stream, &counts));
        }
    });
    (address, counts)
}

fn serve(mut stream: &TcpStream, counts: &Counts) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, headers, body) = answer(&request, counts);
        counts.count(&request.path, status);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n{headers}\r\n");
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    let path = rest.split(' ').next()?.to_owned();
    let mut request = Request {
        method: method.to_owned(),
        path,
        headers: BTreeMap::new(),
        body: String::new(),
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        let name = name.to_ascii_lowercase();
        request.headers.insert(name, value.to_owned());
    }
    let length = request.headers.get("content-length");
    let length: u64 = length.map_or(Ok(0), |text| text.parse()).ok()?;
    let read = reader.take(length).read_to_string(&mut request.body).ok()?;
    (read as u64 == length).then_some(request)
}

/// Status, additional headers, body.
fn answer(request: &Request, counts: &Counts) -> (u16, String, String) {
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
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
        "moved" => (302, "location: /elsewhere\r\n".to_owned(), String::new()),
        _ => plain(200),
    }
}

/// A text that is valid in a cookie.
fn in_numbers(text: &str) -> String {
    let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
    numbers.join("-")
}
