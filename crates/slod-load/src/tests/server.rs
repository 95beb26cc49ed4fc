//! A service with known behavior.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};

/// When a request that arrives at a given time is answered: a queue, a stall.
pub type Service = Arc<Mutex<dyn FnMut(Instant) -> Instant + Send>>;

/// Serves connections on its own thread until the test ends.
fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
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
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(stream));
            }
        });
    });
    receive.recv().expect("it listens")
}

/// Reads a whole request: its first line and headers, and its body. `None` if the client closed the
/// connection.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut buffer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&buffer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().expect("a length"))
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((head.to_owned(), body.to_owned()));
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Responds with status 200, or 503 if the time of the response is in the past.
pub fn serve(service: Service) -> SocketAddr {
    listen(move |mut stream| {
        let service = service.clone();
        async move {
            while request(&mut stream).await.is_some() {
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
    })
}

/// Maps a request (head and body) to the complete response.
pub type Answering = Arc<dyn Fn(&str, &str) -> String + Send + Sync>;

pub fn answer(answering: Answering) -> SocketAddr {
    listen(move |mut stream| {
        let answering = answering.clone();
        async move {
            while let Some((head, body)) = request(&mut stream).await {
                let answer = answering(&head, &body);
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
}

/// A single server that processes requests in order, each for the given time.
pub fn fifo(each: impl FnMut() -> Duration + Send + 'static) -> Service {
    let mut each = each;
    let mut free: Option<Instant> = None;
    Arc::new(Mutex::new(move |now: Instant| {
        let end = free.map_or(now, |free| free.max(now)) + each();
        free = Some(end);
        end
    }))
}

/// How a server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Closed,
    Reset,
}

/// Reads the first data, sends these bytes, and ends the connection.
pub fn breaking(sent: &[u8], ending: Ending) -> SocketAddr {
    let sent: Arc<[u8]> = sent.into();
    listen(move |mut stream| {
        let sent = sent.clone();
        async move {
            let mut all = vec![0; 4096];
            let _ = stream.read(&mut all).await;
            let _ = stream.write_all(&sent).await;
            match ending {
                // Unread data of the client would change how the connection ends.
                Ending::Reset => {
                    let quiet = Duration::from_millis(50);
                    while let Ok(Ok(1..)) = timeout(quiet, stream.read(&mut all)).await {}
                    let _ = stream.set_zero_linger();
                }
                // Unread data would reset the connection on close.
                Ending::Closed => {
                    let _ = stream.shutdown().await;
                    while stream.read(&mut all).await.is_ok_and(|count| count > 0) {}
                }
            }
        }
    })
}

/// Answers one request per connection, and resets the connection when it reads another one.
pub fn forgetful() -> SocketAddr {
    listen(|mut stream| async move {
        if request(&mut stream).await.is_some() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            let _ = stream.write_all(answer).await;
            let _ = stream.readable().await;
            let _ = stream.set_zero_linger();
        }
    })
}

/// An HTTP/2 server that answers streams with status 200, but ends every other one with `refuse`: frames
/// whose last four bytes are the number of the stream.
pub fn refusing(refuse: fn(stream: u8) -> Vec<u8>) -> SocketAddr {
    let number = Arc::new(AtomicU64::new(0));
    listen(move |mut stream| {
        let number = number.clone();
        async move {
            let _ = http2(&mut stream, &number, refuse).await;
        }
    })
}

async fn http2(
    stream: &mut TcpStream,
    number: &AtomicU64,
    refuse: fn(u8) -> Vec<u8>,
) -> io::Result<()> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&SETTINGS).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        stream.read_exact(&mut vec![0; length]).await?;
        // HEADERS of a request.
        if head[3] == 1 {
            if number.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
                stream.write_all(&refuse(head[8])).await?;
            } else {
                // With `:status: 200` from the static table, and END_STREAM.
                let answer = [0, 0, 1, 1, 5, 0, 0, 0, head[8], 0x88];
                stream.write_all(&answer).await?;
            }
        }
    }
}
