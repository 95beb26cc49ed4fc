//! One attempt: the request, its redirects, and the evaluation of the last answer.

use super::HttpProbe;
use super::body::{self, BodySink};
use super::cookies::Cookies;
use super::excerpt::{self, careful_excerpt, excerpt};
use super::exchange::Receive;
use super::expect::Expect;
use super::oauth2::Signed;
use super::request::{Refused, Request, is_redirect};
use crate::outcome::{Cause, Outcome, Verdict};
use crate::probe::Attempt;
use crate::probe::check::Check;
use crate::probe::deadline::within;
use crate::probe::dial::{Failure, Progress};
use crate::probe::quoted::quoted;
use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Response, StatusCode, response};
use hyper::body::Incoming;
use percent_encoding::{AsciiSet, percent_encode};
use tokio::time::timeout_at;

pub async fn run(probe: &HttpProbe, attempt: &mut Attempt) -> Outcome {
    let deadline = attempt.deadline;
    let mut progress = Progress::new(attempt);
    let signed = match probe.signed(&mut progress) {
        Ok(signed) => signed,
        Err(failure) => return progress.finish(Ok(Err(failure))),
    };
    let result = within(deadline, judged(probe, &signed, &mut progress)).await;
    let mut outcome = progress.finish(result);
    signed.redact(&mut outcome, &mut attempt.trace);
    outcome
}

async fn judged(
    probe: &HttpProbe,
    signed: &Signed<'_>,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let mut kept = KeptBody {
        expect: &probe.expect,
        most: 0,
        bytes: Vec::new(),
    };
    let head = follow(probe, signed, &mut kept, progress).await?;
    judge(probe, (&signed.request, head, kept.bytes), progress).await
}

/// The body of the last answer: all of it if it is checked, otherwise the beginning of one with an unexpected
/// status.
struct KeptBody<'a> {
    expect: &'a Expect,
    /// Maximum number of bytes.
    most: usize,
    bytes: Vec<u8>,
}

impl BodySink for KeptBody<'_> {
    fn begin(&mut self, head: &response::Parts) -> Result<(), Failure> {
        self.most = if self.expect.wants_body() {
            usize::MAX
        } else if self.expect.rejects(head.status) {
            // One byte more shows that it goes on.
            excerpt::USED + 1
        } else {
            0
        };
        Ok(())
    }

    fn wants_body(&self) -> bool {
        self.expect.wants_body()
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&part[..part.len().min(room)]);
        Ok(())
    }
}

/// Makes the request and follows its redirects; returns the head of the last answer.
pub(super) async fn follow(
    probe: &HttpProbe,
    signed: &Signed<'_>,
    sink: &mut dyn BodySink,
    progress: &mut Progress<'_>,
) -> Result<response::Parts, Failure> {
    let mut next: Option<Request> = None;
    let mut cookies = Cookies::default();
    let mut followed = 0;
    loop {
        let request = next.as_ref().unwrap_or(&signed.request);
        let own = followed == 0 || request.same_origin(&signed.request);
        let receive = ReceiveWhole {
            probe,
            sink: &mut *sink,
        };
        let answer = probe.transport.ask(request, own, receive, progress);
        let head = answer.await?;
        if own {
            signed.note(head.status);
        }
        if head.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && !probe.expect.allows(head.status)
            && let Some(proxy) = probe.transport.forwards(request)
        {
            return Err(proxy.unauthorized());
        }
        if head.headers.contains_key(SET_COOKIE) {
            cookies.keep(&head.headers, &request.cookie_url());
        }
        let Some(mut redirected) = redirection(probe, request, &head, followed, progress)? else {
            return Ok(head);
        };
        let configured = redirected.headers.get(COOKIE);
        redirected.cookies = cookies.header(&redirected.cookie_url(), configured);
        next = Some(redirected);
        followed += 1;
    }
}

/// The next request, if the answer is a redirect to follow.
fn redirection(
    probe: &HttpProbe,
    request: &Request,
    head: &response::Parts,
    followed: u32,
    progress: &mut Progress<'_>,
) -> Result<Option<Request>, Failure> {
    let status = head.status;
    let (Some(max), Some(location)) = (probe.redirects, redirect_target(head)) else {
        return Ok(None);
    };
    let location = location.as_str();
    if followed >= max {
        return Err(Failure::bad(
            Cause::Redirect,
            format!(
                "more than {max} redirects (`max_redirects`), the last one from {}",
                request.shown()
            ),
        ));
    }
    let next = request
        .redirected(status, location, &probe.request)
        .map_err(|refused| not_followed(&refused, location))?;
    progress.record("redirect", || {
        let kept = if next.same_origin(&probe.request) {
            ""
        } else {
            " (another origin: without body and most headers)"
        };
        format!("{} to {}{kept}", StatusCode::as_u16(&status), next.shown())
    });
    Ok(Some(next))
}

fn not_followed(refused: &Refused, location: &str) -> Failure {
    let message = match refused {
        Refused::Scheme(scheme) => format!("a redirect to {scheme} is never followed"),
        Refused::Unreadable => {
            let address = location.split('?').next().unwrap_or_default();
            // The text before it may contain a password.
            let address = address.rsplit('@').next().unwrap_or_default();
            let address = quoted(address.as_bytes());
            format!("the redirect address {address} is invalid")
        }
    };
    Failure::bad(Cause::Redirect, message)
}

/// Reads an answer to its end, except the body of a redirect.
struct ReceiveWhole<'a> {
    probe: &'a HttpProbe,
    sink: &'a mut dyn BodySink,
}

impl Receive for ReceiveWhole<'_> {
    type Answer = response::Parts;

    async fn receive(
        self,
        response: Response<Incoming>,
        progress: &mut Progress<'_>,
    ) -> Result<response::Parts, Failure> {
        let Self { probe, sink } = self;
        let (head, incoming) = response.into_parts();
        if probe.redirects.is_some() && redirect_target(&head).is_some() {
            // Only the last answer is checked, so the body of a redirect is not read, as with curl.
            progress.leave();
            return Ok(head);
        }
        sink.begin(&head)?;
        let read = body::read(incoming, &head, probe.body_limit, sink);
        let length = if probe.expect.rejects(head.status) {
            // The status decides, whatever happens to the body.
            let text = probe.expect.status_text(head.status);
            let failed = |why| Failure::bad(Cause::Status, format!("{text}; {why}"));
            match timeout_at(progress.deadline(), read).await {
                Ok(length) => length.map_err(|failure| failed(failure.message))?,
                Err(_elapsed) => {
                    return Err(failed("its body did not end by the timeout".to_owned()));
                }
            }
        } else {
            read.await?
        };
        progress.leave();
        progress.record("body", || format!("{length} bytes"));
        Ok(head)
    }
}

/// The target of a redirect. Bytes other than ASCII are escaped, as in Chrome, curl and Go, since only the
/// server knows their encoding.
fn redirect_target(head: &response::Parts) -> Option<String> {
    let location = head.headers.get(LOCATION)?.as_bytes();
    let redirects = is_redirect(head.status.as_u16());
    (redirects && !location.is_empty())
        .then(|| percent_encode(location, &AsciiSet::EMPTY).to_string())
}

/// The first expectation that is not met determines the cause; all of them are recorded.
async fn judge(
    probe: &HttpProbe,
    (request, head, body): (&Request, response::Parts, Vec<u8>),
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let (expect, status) = (&probe.expect, head.status);
    let check = Check::new(
        expect.allows(status),
        Cause::Status,
        expect.status_text(status),
    );
    let secrets = || request.secrets();
    let mut failure = check.record(progress).map(|failed| {
        let excerpt = if status.is_client_error() || status.is_server_error() {
            excerpt
        } else {
            careful_excerpt
        };
        with_excerpt(failed, excerpt(&head.headers, &body, &secrets()))
    });
    if probe.expect.checks_content() {
        let expect = probe.expect.clone();
        let work = move || (expect.check_content(&head.headers, &body), head, body);
        match probe.evaluator.evaluate(progress.deadline(), work).await {
            Ok((checks, head, body)) => {
                for check in checks {
                    let failed = check.record(progress);
                    failure = failure.or_else(|| {
                        let excerpt = || careful_excerpt(&head.headers, &body, &secrets());
                        failed.map(|failed| explained(failed, excerpt))
                    });
                }
            }
            // A bad status is already the failure.
            Err(unknown) => failure = failure.or(Some(unknown)),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The failure of an expectation, with what the body says if it is about the body.
fn explained(failure: Failure, excerpt: impl FnOnce() -> Option<String>) -> Failure {
    if failure.verdict != Verdict::Bad(Cause::Body) {
        return failure;
    }
    with_excerpt(failure, excerpt())
}

fn with_excerpt(mut failure: Failure, excerpt: Option<String>) -> Failure {
    if let Some(excerpt) = excerpt {
        failure.message = format!("{}; {excerpt}", failure.message);
    }
    failure
}
