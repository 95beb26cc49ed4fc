//! The state of one user: a connection, cookies, and the values of its sequence.

use crate::connection::{Answer, Connection, Done};
use crate::message::{Message, Step};
use crate::plan::{Cookies, Plan};
use crate::request::{PlannedSequence, Request};
use crate::template::Values;
use crate::watch::Fault;
use http::header::SET_COOKIE;
use slod_core::outcome::Cause;
use tokio::time::Instant;

pub struct Session {
    connection: Connection,
    cookies: Option<Box<dyn Cookies>>,
    captured: Vec<Option<String>>,
    row: Option<usize>,
}

/// The result of a request.
#[derive(Clone, Copy, Debug)]
pub struct RequestResult {
    pub done: Done,
    /// When the first token of its response arrived.
    pub first: Option<Instant>,
    pub ended: Instant,
    /// The number of the capture that the response lacks.
    pub missing: Option<usize>,
    /// Whether it was retried over another connection.
    pub is_retried: bool,
}

impl Session {
    /// Uses `connection`, which may not be open yet.
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

    /// Begins a sequence without captured values, and with the next row if it uses one.
    pub fn begin(&mut self, plan: &Plan, sequence: &PlannedSequence) {
        self.captured.clear();
        self.row = match &plan.rows {
            Some(rows) if sequence.uses_data => Some(rows.next()),
            _ => None,
        };
    }

    /// Makes one request with a deadline, reads its response to the end, and captures the values for later
    /// requests.
    pub async fn send(&mut self, plan: &Plan, step: &Step, deadline: Instant) -> RequestResult {
        let message = Message {
            step,
            values: values(plan, &self.captured, self.row),
            cookies: self.cookies.as_deref(),
        };
        let answer = self.connection.exchange(plan, &message, deadline).await;
        let ended = Instant::now();
        let mut first = None;
        let (done, missing) = match answer {
            Err(done) => (done, None),
            Ok(answer) => {
                first = answer.body.first;
                self.judge(plan, &step.request, &answer)
            }
        };
        RequestResult {
            done,
            first,
            ended,
            missing,
            is_retried: self.connection.has_retried,
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
            let status = answer.status;
            let Some(watch) = &answer.body.watch else {
                plan.examples.record(Cause::Status, || unexpected(status));
                return (Done::Failed(Cause::Status), None);
            };
            let Fault { cause, words } = watch.refusal(status);
            let values = values(plan, &self.captured, self.row);
            plan.examples
                .record_untrusted(cause, values, None, || words);
            return (Done::Failed(cause), None);
        }
        if let Some(Fault { cause, words }) = &answer.body.fault {
            let values = values(plan, &self.captured, self.row);
            plan.examples
                .record_untrusted(*cause, values, None, || words.clone());
            return (Done::Failed(*cause), None);
        }
        let body = answer.body.bytes.as_deref().unwrap_or_default();
        for (number, capture) in request.captures.iter().enumerate() {
            let value = capture.find(&answer.headers, body);
            if value.is_none() {
                let words = || format!("the response has no value for `{}`", capture.name);
                plan.examples.record(capture.cause(), words);
                return (Done::Failed(capture.cause()), Some(number));
            }
            self.captured.push(value);
        }
        (Done::Good, None)
    }
}

/// Describes an unexpected status. Probes follow redirects, so that their service may be good.
fn unexpected(status: u16) -> String {
    match status {
        301..=303 | 307 | 308 => format!("status {status}: load runs do not follow redirects"),
        _ => format!("status {status}"),
    }
}

/// The values for templates.
fn values<'a>(plan: &'a Plan, captured: &'a [Option<String>], row: Option<usize>) -> Values<'a> {
    let rows = plan.rows.as_ref().zip(row);
    Values {
        captured,
        row: rows.and_then(|(rows, number)| rows.get(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_said_to_be_not_followed() {
        for status in [301, 302, 303, 307, 308] {
            let words = unexpected(status);
            assert!(words.ends_with("do not follow redirects"), "{words}");
        }
        for status in [200, 304, 404] {
            assert_eq!(unexpected(status), format!("status {status}"));
        }
    }
}
