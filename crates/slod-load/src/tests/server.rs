//! A service with a known answer.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};

/// How long a request takes that arrives at a time: a queue, a stall.
pub type Service = Arc<Mutex<dyn FnMut(Instant) -> Instant + Send>>;

/// Serves on a thread of its own until the test ends. Answers with status 200, or 503 if the time
/// of the answer is in the past.
pub fn serve(service: Service) -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            send.send(listener.local_addr().expect("bound"))
                .expect("awaited");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, service.clone()));
            }
        });
    });
    receive.recv().expect("it listens")
}

async fn connection(mut stream: TcpStream, service: Service) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    loop {
        while !buffer.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        buffer.clear();
        let now = Instant::now();
        let until = (service.lock().expect("no panic"))(now);
        let status = if until < now { "503 No" } else { "200 OK" };
        sleep_until(until).await;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// What a request says: its first line and headers, and its body.
pub type Answering = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;

/// Serves whole answers, on a thread of its own until the test ends.
pub fn answer(answering: Answering) -> SocketAddr {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
            send.send(listener.local_addr().expect("bound"))
                .expect("awaited");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answers(stream, answering.clone()));
            }
        });
    });
    receive.recv().expect("it listens")
}

async fn answers(mut stream: TcpStream, answering: Answering) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::new();
    loop {
        let (head, body) = loop {
            let text = String::from_utf8_lossy(&buffer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.parse::<usize>().expect("a length"))
                });
                if body.len() >= length.unwrap_or(0) {
                    break (head.to_owned(), body.to_owned());
                }
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        buffer.clear();
        let answer = answering(&head, &body);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One server that takes requests in their order, each for so long.
pub fn fifo(each: impl FnMut() -> Duration + Send + 'static) -> Service {
    let mut each = each;
    let mut free: Option<Instant> = None;
    Arc::new(Mutex::new(move |now: Instant| {
        let end = free.map_or(now, |free| free.max(now)) + each();
        free = Some(end);
        end
    }))
}
