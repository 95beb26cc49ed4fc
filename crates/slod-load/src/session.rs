//! What one user has: a connection, cookies, and the values of its sequence.

use crate::capture::Capture;
use crate::connection::{Answer, Body, Connection, Done};
use crate::plan::{Cookies, Plan};
use crate::request::{Message, Placed, Request};
use crate::template::Values;
use crate::watch::NewWatch;
use http::header::SET_COOKIE;
use slod_core::outcome::Cause;
use tokio::time::{Instant, timeout_at};

pub struct Session {
    connection: Connection,
    cookies: Option<Box<dyn Cookies>>,
    captured: Vec<Option<String>>,
    row: Option<usize>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub struct Exchanged {
    pub done: Done,
    /// When it was sent over its open connection.
    pub sent: Instant,
    /// When the first token of its answer arrived.
    pub first: Option<Instant>,
    pub ended: Instant,
    /// The number of the capture that the answer lacks.
    pub missing: Option<usize>,
}

impl Session {
    /// Over a connection that is free, or none yet.
    pub fn new(plan: &Plan, connection: Connection) -> Self {
        Self {
            connection,
            cookies: plan.cookies.as_ref().map(|new| new()),
            captured: Vec::new(),
            row: None,
        }
    }

    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Begins a sequence: without captured values, and with the next row if it uses one.
    pub fn begin(&mut self, plan: &Plan, sequence: &Placed) {
        self.captured.clear();
        self.row = match &plan.rows {
            Some(rows) if sequence.uses_data => Some(rows.take()),
            _ => None,
        };
    }

    /// Makes one request within the deadline, reads its answer to the end, and takes from it what
    /// later requests need.
    pub async fn ask(&mut self, plan: &Plan, request: &Request, deadline: Instant) -> Exchanged {
        let mut sent = Instant::now();
        let keeps = request.captures.iter().any(Capture::is_of_body);
        let new_body = || Body {
            bytes: keeps.then(Vec::new),
            watch: request.watch.as_ref().map(|NewWatch(new)| new()),
            ..Body::default()
        };
        let values = values(plan, &self.captured, self.row);
        let cookies = self.cookies.as_deref();
        let make = || message(request, values, cookies);
        let exchange = self.connection.exchange(plan, make, new_body, &mut sent);
        let answer = timeout_at(deadline, exchange).await;
        let ended = Instant::now();
        let mut first = None;
        let (done, missing) = match answer {
            Err(_elapsed) => (Done::Failed(Cause::Timeout), None),
            Ok(Err(done)) => (done, None),
            Ok(Ok(answer)) => {
                first = answer.body.first;
                self.judge(plan, request, &answer)
            }
        };
        Exchanged {
            done,
            sent,
            first,
            ended,
            missing,
        }
    }

    fn judge(&mut self, plan: &Plan, request: &Request, answer: &Answer) -> (Done, Option<usize>) {
        if let Some(cookies) = &mut self.cookies
            && answer.headers.contains_key(SET_COOKIE)
            && let Some(uri) = request.uri(values(plan, &self.captured, self.row))
        {
            cookies.keep(&uri, &answer.headers);
        }
        if !request.is_expected(answer.status) {
            return (Done::Failed(Cause::Status), None);
        }
        if let Some(cause) = answer.body.fault {
            return (Done::Failed(cause), None);
        }
        let body = answer.body.bytes.as_deref().unwrap_or_default();
        for (number, capture) in request.captures.iter().enumerate() {
            let value = capture.take(&answer.headers, body);
            if value.is_none() {
                return (Done::Failed(capture.cause()), Some(number));
            }
            self.captured.push(value);
        }
        (Done::Good, None)
    }
}

/// What templates are filled with.
fn values<'a>(plan: &'a Plan, captured: &'a [Option<String>], row: Option<usize>) -> Values<'a> {
    let rows = plan.rows.as_ref().zip(row);
    Values {
        captured,
        row: rows.and_then(|(rows, number)| rows.get(number)),
    }
}

fn message(
    request: &Request,
    values: Values<'_>,
    cookies: Option<&dyn Cookies>,
) -> Option<Message> {
    let mut message = request.message(values)?;
    if let Some(cookies) = cookies {
        let uri = message.uri().clone();
        cookies.send(&uri, message.headers_mut());
    }
    Some(message)
}
