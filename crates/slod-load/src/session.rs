//! The state of one user: a connection, cookies, and the values of its sequence.

use crate::capture::BODY_MAX;
use crate::condition::Unmet;
use crate::connection::{CompleteResponse, Connection, Done};
use crate::counted::ByteCounts;
use crate::head::TOO_MANY_REQUESTS;
use crate::message::{Message, Step};
use crate::plan::{Cookies, Plan};
use crate::request::{PlannedSequence, Request};
use crate::template::Values;
use crate::watch::Fault;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use slod_core::load::RetryAfter;
use slod_core::outcome::Cause;
use std::time::Duration;
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
    /// When its user can go on: once the response was also inspected.
    pub inspected: Instant,
    /// The check that the response failed: the number of a condition, or that of a missing capture after
    /// all conditions.
    pub failed_check: Option<usize>,
    /// What the response asked for, if a rate limit rejected the request.
    pub retry_after: RetryAfter,
    /// Whether it was retried over another connection.
    pub is_retried: bool,
    pub bytes: ByteCounts,
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
        let (mut first, mut retry_after) = (None, RetryAfter::default());
        let (done, failed_check) = match answer {
            Err(done) => (done, None),
            Ok(answer) => {
                first = answer.body.first;
                if let Some(credentials) = &step.request.credentials {
                    credentials.note(answer.status);
                }
                retry_after = self::retry_after(&answer);
                self.judge(plan, &step.request, &answer)
            }
        };
        let is_inspected = step.request.needs_headers() || step.request.needs_body();
        RequestResult {
            done,
            first,
            ended,
            inspected: if is_inspected { Instant::now() } else { ended },
            retry_after,
            failed_check,
            is_retried: self.connection.has_retried,
            bytes: self.connection.take_counts(),
        }
    }

    fn judge(
        &mut self,
        plan: &Plan,
        request: &Request,
        answer: &CompleteResponse,
    ) -> (Done, Option<usize>) {
        if let Some(cookies) = &mut self.cookies
            && answer.headers.contains_key(SET_COOKIE)
            && let Some(uri) = request.uri(values(plan, &self.captured, self.row))
        {
            cookies.keep(&uri, &answer.headers);
        }
        if !request.is_expected(answer.status) {
            let status = answer.status;
            let Some(watch) = &answer.body.watch else {
                let cause = match status {
                    TOO_MANY_REQUESTS => Cause::RateLimited,
                    _ => Cause::Status,
                };
                plan.examples.record(cause, || {
                    unexpected(status, &answer.headers) + &self.of_row()
                });
                return (Done::Failed(cause), None);
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
        if let Err((cause, number)) = self.check(plan, request, answer) {
            return (Done::Failed(cause), number);
        }
        self.capture(plan, request, answer)
    }

    /// Checks the conditions; the error is the cause and the number of the unmet one.
    fn check(
        &self,
        plan: &Plan,
        request: &Request,
        answer: &CompleteResponse,
    ) -> Result<(), (Cause, Option<usize>)> {
        let Some(conditions) = &request.conditions else {
            return Ok(());
        };
        if answer.body.is_cut && conditions.need_body() {
            plan.examples.record(Cause::BodyTooLarge, || {
                let most = BODY_MAX >> 20;
                format!("the body is larger than {most} MiB, the maximum for `expect`")
            });
            return Err((Cause::BodyTooLarge, None));
        }
        let body = answer.body.bytes.as_deref().unwrap_or_default();
        let Some(Unmet {
            number,
            cause,
            words,
        }) = conditions.unmet(&answer.headers, body)
        else {
            return Ok(());
        };
        let values = values(plan, &self.captured, self.row);
        plan.examples
            .record_untrusted(cause, values, None, || words);
        Err((cause, Some(number)))
    }

    /// `, with row 4 of the data`; empty if the sequence uses none. Its values may be secrets.
    fn of_row(&self) -> String {
        let row = self
            .row
            .map(|number| format!(", with row {} of the data", number + 1));
        row.unwrap_or_default()
    }

    /// The path and query of such a request.
    fn target(&self, plan: &Plan, request: &Request) -> String {
        let uri = request.uri(values(plan, &self.captured, self.row));
        let target = uri.as_ref().and_then(|uri| uri.path_and_query());
        target.map_or_else(|| "/".to_owned(), ToString::to_string)
    }

    /// The cookies that the user sends with such a request.
    fn cookies(&self, plan: &Plan, request: &Request) -> Option<HeaderValue> {
        let uri = request.uri(values(plan, &self.captured, self.row))?;
        self.cookies.as_ref()?.header(&uri, None)
    }

    /// Captures the values for later requests.
    fn capture(
        &mut self,
        plan: &Plan,
        request: &Request,
        answer: &CompleteResponse,
    ) -> (Done, Option<usize>) {
        let body = answer.body.bytes.as_deref().unwrap_or_default();
        let conditions = request.conditions.as_ref();
        let first = conditions.map_or(0, |all| all.names().len());
        let target = self.target(plan, request);
        for (number, capture) in request.captures.iter().enumerate() {
            let cookies = || self.cookies(plan, request);
            let value = capture.find(&answer.headers, &target, cookies, body);
            if value.is_none() {
                let name = &capture.name;
                let words = || format!("the response has no value for `{name}`{}", self.of_row());
                plan.examples.record(capture.cause(), words);
                return (Done::Failed(capture.cause()), Some(first + number));
            }
            self.captured.push(value);
        }
        (Done::Good, None)
    }
}

/// Describes an unexpected status. Probes follow redirects, so that their service may be good.
fn unexpected(status: u16, headers: &HeaderMap) -> String {
    let asked = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    match (status, asked) {
        (301..=303 | 307 | 308, _) => {
            format!("status {status}: redirects are not followed; a next step can (`capture`)")
        }
        (TOO_MANY_REQUESTS, Some(asked)) => format!("status {status}, Retry-After: {asked}"),
        (TOO_MANY_REQUESTS, None) => format!("status {status} without Retry-After"),
        _ => format!("status {status}"),
    }
}

/// The `Retry-After` header of a response with status 429.
fn retry_after(answer: &CompleteResponse) -> RetryAfter {
    if answer.status != TOO_MANY_REQUESTS {
        return RetryAfter::default();
    }
    let Some(asked) = answer.headers.get(RETRY_AFTER) else {
        return RetryAfter::default();
    };
    let seconds = asked
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    RetryAfter::of(seconds.map(Duration::from_secs))
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
    fn an_unexpected_status_is_explained() {
        let mut headers = HeaderMap::new();
        for status in [301, 302, 303, 307, 308] {
            let words = unexpected(status, &headers);
            assert!(words.contains("redirects are not followed"), "{words}");
        }
        for status in [200, 304, 404] {
            assert_eq!(unexpected(status, &headers), format!("status {status}"));
        }
        assert_eq!(unexpected(429, &headers), "status 429 without Retry-After");
        headers.insert(RETRY_AFTER, http::HeaderValue::from_static("2"));
        assert_eq!(unexpected(429, &headers), "status 429, Retry-After: 2");
        assert_eq!(unexpected(503, &headers), "status 503");
    }
}
