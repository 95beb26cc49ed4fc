//! Servers for the daemon, which run until the test's process ends.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A request, with header names in lowercase.
pub struct Request {
    pub method: String,
    pub path: String,
    headers: BTreeMap<String, String>,
    pub body: String,
}

impl Request {
    /// The value of a header; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let (method, rest) = line.split_once(' ')?;
        let mut request = Self {
            method: method.to_owned(),
            path: rest.split(' ').next()?.to_owned(),
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
        let length: u64 = request.header("content-length").parse().unwrap_or(0);
        let read = reader.take(length).read_to_string(&mut request.body).ok()?;
        (read as u64 == length).then_some(request)
    }
}

/// Serves each connection on its own thread.
pub fn serve(each: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let each = Arc::new(each);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let each = each.clone();
            thread::spawn(move || each(stream));
        }
    });
    address
}

/// Sends the bytes that `answer` returns for each request of a connection, and closes it after a response that has
/// [`CLOSE`].
pub fn http(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> SocketAddr {
    serve(move |stream| {
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader) {
            let answer = answer(&request);
            let is_sent = reader.get_mut().write_all(answer.as_bytes()).is_ok();
            if !is_sent || answer.contains(CLOSE) {
                return;
            }
        }
    })
}

/// A response with these additional header lines.
pub fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

pub const CLOSE: &str = "connection: close\r\n";
