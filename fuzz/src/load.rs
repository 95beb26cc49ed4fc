//! Responses to the load engine.

use super::Run;
use async_trait::async_trait;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Uri};
use slod::load::{Model, Scenario, Stage};
use slod_load::{
    Connect, ConnectError, Engine, Keep, Mix, OpenConnection, Plan, Protocol, Request, Response,
    Sequence, Templated,
};
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What a complete response of these bytes is, cut into parts: status, length of the body, and whether the connection
/// can be used again.
fn read(bytes: &[u8], method: &Method, cut: usize) -> Option<(u16, usize, bool)> {
    let mut response = Response::new(method, Keep::All);
    let mut length = 0;
    for part in bytes.chunks(cut.max(1)) {
        response.feed(part, &mut |data| length += data.len()).ok()?;
    }
    let is_reusable = response.is_reusable();
    let is_complete = response.close().ok()?;
    is_complete.then(|| (response.status(), length, is_reusable))
}

/// However it is cut, it is the same response.
pub fn responses() -> Run {
    Box::new(|data| {
        let Some((first, bytes)) = data.split_first() else {
            return;
        };
        let method = if first % 4 == 0 {
            Method::HEAD
        } else {
            Method::GET
        };
        let whole = read(bytes, &method, bytes.len());
        for cut in [1, 1 + usize::from(*first)] {
            assert_eq!(read(bytes, &method, cut), whole, "{cut}");
        }
    })
}

/// A response without an end ends with its connection, so no request takes that long, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connections of a user of the load engine to a server that sends one input each.
struct Inputs {
    /// Gets a message when the exchange over the last connection has ended.
    ended: mpsc::Sender<()>,
    next: tokio::sync::Mutex<tokio::sync::mpsc::Receiver<Vec<u8>>>,
}

#[async_trait]
impl Connect for Inputs {
    async fn connect(&self) -> Result<OpenConnection, ConnectError> {
        let _ = self.ended.send(());
        let Some(input) = self.next.lock().await.recv().await else {
            return Err(ConnectError::NoResources("no more inputs".to_owned()));
        };
        let (client, mut server) = tokio::io::duplex(64 << 10);
        tokio::spawn(async move {
            if read_request(&mut server).await.is_ok() {
                let _ = server.write_all(&input).await;
                let _ = server.shutdown().await;
                let _ = tokio::io::copy(&mut server, &mut tokio::io::sink()).await;
            }
        });
        Ok(OpenConnection {
            stream: Box::new(client),
            protocol: Protocol::Http2(Scheme::HTTP),
        })
    }
}

/// Reads the preface of HTTP/2, and the frames up to the headers of a request: a response before its request would
/// be an error.
async fn read_request(stream: &mut DuplexStream) -> io::Result<()> {
    const HEADERS: u8 = 1;
    stream.read_exact(&mut [0; 24]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}

/// The bytes are all that an HTTP/2 server sends to the load engine.
pub fn http2() -> Run {
    let (ended, ends) = mpsc::channel();
    let (inputs, next) = tokio::sync::mpsc::channel(1);
    let next = next.into();
    let engine = Engine::start(plan(Arc::new(Inputs { ended, next }))).expect("a thread");
    ends.recv_timeout(PATIENCE).expect("the user connects");
    Box::new(move |data| {
        let _running = &engine;
        inputs
            .blocking_send(data.to_vec())
            .expect("the thread runs");
        ends.recv_timeout(PATIENCE).expect("it panics or hangs");
    })
}

/// One user who sends requests until the target ends.
fn plan(connect: Arc<dyn Connect>) -> Plan {
    let stage = Stage {
        name: String::new(),
        from: 1.0,
        to: 1.0,
        length: Duration::from_hours(24 * 365),
    };
    let request = Request {
        name: "GET /".to_owned(),
        think: None,
        method: Method::GET,
        uri: Templated::Fixed(Uri::from_static("/")),
        headers: HeaderMap::from_iter([(HOST, HeaderValue::from_static("service.test"))]),
        templated_headers: Vec::new(),
        credentials: None,
        body: Templated::Fixed("".into()),
        statuses: vec![200..=299],
        conditions: None,
        captures: Vec::new(),
        watch: None,
    };
    let sequence = Sequence {
        steps: vec![request],
        weight: 1,
    };
    Plan {
        scenario: Scenario {
            name: "fuzz".to_owned(),
            purpose: String::new(),
            // Without a pause, a failed request would be followed by a longer one.
            model: Model::Closed {
                think: Duration::from_millis(1),
            },
            stages: vec![stage],
        },
        mix: Arc::new(Mix::new(vec![sequence]).expect("a request")),
        rows: None,
        cookies: None,
        connect,
        timeout: PATIENCE * 2,
        keep_alive: true,
        in_flight_max: 1,
        threads: 1,
        seed: 1,
        examples: Arc::default(),
    }
}
