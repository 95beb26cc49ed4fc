//! An address whose answer is used for its content: a request as in the `http` kind, with its
//! credentials, TLS and redirects, but without expectations.

use super::HttpProbe;
use super::body::BodySink;
use super::keys::{self, Address};
use super::oauth2::keys::OAUTH2;
use super::read::{CHECKED_MAX, read_request, read_url};
use super::run::follow;
use super::total::{JsonTotal, Totaled};
use crate::outcome::{Cause, Verdict};
use crate::probe::deadline::{Overdue, within};
use crate::probe::dial::{Failure, Progress, options};
use crate::probe::json_text;
use crate::probe::{Attempt, Probe};
use crate::yaml::{Declared, Key, Section, Size};
use http::header::ACCEPT;
use http::{HeaderValue, Method, response};
use hyper::body::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// A page with a million samples has about 100 MiB.
pub const BODY_LIMIT: Key<Size> = Key::with_default(
    "body_limit",
    Size { max_mib: 256 },
    "16MiB",
    "Maximum size of the decoded response; a larger one is an error, and the rest of it is not read. For JSON, at most 16MiB.",
);

/// The keys of an [`Endpoint`], except its address.
pub const OPTIONS: [&dyn Declared; 14] = [
    &keys::HEADERS,
    &keys::BEARER,
    &keys::BASIC_AUTH,
    &OAUTH2,
    &keys::FOLLOW_REDIRECTS,
    &keys::MAX_REDIRECTS,
    &BODY_LIMIT,
    &keys::COMPRESSION,
    &keys::TLS,
    &options::IP_VERSION,
    &keys::HTTP_VERSION,
    &keys::PROXY,
    &keys::PROXY_AUTH,
    &keys::UNIX_SOCKET,
];

/// A request that can be made any number of times.
#[derive(Debug)]
pub struct Endpoint {
    probe: HttpProbe,
}

impl Endpoint {
    /// Reads the options from `section`, and the address from a key of `place`. Every error is
    /// reported.
    pub fn read(
        section: &Section<'_>,
        place: &Section<'_>,
        address: &Key<Address>,
        accept: &'static str,
    ) -> Option<Self> {
        let url = read_url(place, address);
        let request = read_request(section, url, Some(Method::GET), Bytes::new());
        let probe = HttpProbe::of(section, request);
        let follow = section.get(&keys::FOLLOW_REDIRECTS);
        let max = section.get(&keys::MAX_REDIRECTS);
        let body_limit = section.get(&BODY_LIMIT);
        let mut probe = HttpProbe {
            redirects: max.filter(|_| follow == Some(true)),
            body_limit: body_limit?,
            ..probe?
        };
        let headers = &mut probe.request.headers;
        if headers.get(ACCEPT).is_none_or(|value| value == "*/*") {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        Some(Self { probe })
    }

    /// The address for display.
    pub fn target(&self) -> String {
        self.probe.request.shown()
    }

    /// The path of the address.
    pub fn path(&self) -> &str {
        self.probe.request.url.path()
    }

    /// Reads the whole answer by the deadline. Returns an error message if that fails.
    pub async fn get(
        &self,
        attempt: &mut Attempt,
        receiver: &mut dyn BodySink,
    ) -> Result<(), String> {
        // Boxed, because it is large and scrapes are parts of other large futures.
        Box::pin(fetch(&self.probe, attempt, receiver)).await
    }

    /// Waits for the token that a request needs, for at most `wait`.
    pub async fn prepare(&self, wait: Duration) {
        if let Some(preparation) = self.probe.prepare(wait) {
            preparation.await;
        }
    }

    /// Removes the token of the last request from a message.
    pub fn cleaned(&self, message: String) -> String {
        self.probe.cleaned(message)
    }

    /// Reads a JSON document, and returns the results of each query.
    pub async fn get_totals(
        &self,
        attempt: &mut Attempt,
        queries: Arc<[JsonTotal]>,
    ) -> Result<Vec<Totaled>, String> {
        let mut document = Document::default();
        self.get(attempt, &mut document).await?;
        let bytes = document.bytes;
        let work = move || {
            let document = json_text::parse(&bytes).map_err(|error| error.to_string())?;
            Ok(queries.iter().map(|query| query.of(&document)).collect())
        };
        let evaluated = self.probe.evaluator.evaluate(attempt.deadline, work).await;
        let result: Result<_, String> = evaluated.map_err(|failure| failure.message)?;
        result.map_err(|fault| format!("the answer is not valid JSON: {fault}"))
    }
}

/// Reads the answer of a probe's request, without checking its expectations. Returns an error message if that fails.
pub(super) async fn fetch(
    probe: &HttpProbe,
    attempt: &mut Attempt,
    receiver: &mut dyn BodySink,
) -> Result<(), String> {
    let deadline = attempt.deadline;
    let mut progress = Progress::new(attempt);
    let request = match probe.signed(&mut progress) {
        Ok(request) => request,
        Err(failure) => return finish(progress, Ok(Err::<(), _>(failure))),
    };
    let followed = follow(probe, &request, receiver, &mut progress);
    let followed = within(deadline, followed).await;
    finish(progress, followed)
}

/// Finishes an attempt; returns the message of its outcome unless it is good.
pub(super) fn finish<T>(
    progress: Progress<'_>,
    result: Result<Result<T, Failure>, Overdue>,
) -> Result<(), String> {
    let outcome = progress.finish(result.map(|result| result.map(drop)));
    match outcome.verdict {
        Verdict::Good => Ok(()),
        _ => Err(outcome.detail.message.unwrap_or_default().to_string()),
    }
}

/// The failure of an answer whose status is not 200, for requests that need its body.
pub fn check_status(head: &response::Parts) -> Result<(), Failure> {
    match head.status.as_u16() {
        200 => Ok(()),
        status => {
            let message = format!("status {status}, expected 200");
            Err(Failure::bad(Cause::Status, message))
        }
    }
}

/// Collects a whole JSON document.
#[derive(Default)]
struct Document {
    bytes: Vec<u8>,
}

impl BodySink for Document {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        check_status(head)
    }

    fn wants_body(&self) -> bool {
        true
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(part);
        if self.bytes.len() as u64 <= CHECKED_MAX {
            return Ok(());
        }
        let message = format!("the JSON document is larger than {CHECKED_MAX} bytes");
        Err(Failure::bad(Cause::BodyTooLarge, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_too_large_is_given_up() {
        let (mut document, part) = (Document::default(), vec![b' '; 1 << 20]);
        for _ in 0..CHECKED_MAX >> 20 {
            document.take(&part).expect("within the limit");
        }
        document.take(b" ").expect_err("beyond the limit");
    }
}
