//! One attempt: the request, its redirects, and the judgement on the last answer.

use super::HttpProbe;
use super::body;
use super::cookies::Cookies;
use super::exchange::Receive;
use super::expect::Check;
use super::request::{Refused, Request};
use super::text::Text;
use crate::outcome::{Cause, Outcome};
use crate::probe::Attempt;
use crate::probe::dial::{Failure, Progress};
use crate::probe::quoted::quoted;
use http::header::{COOKIE, LOCATION};
use http::{Response, StatusCode, response};
use hyper::body::Incoming;
use tokio::time::timeout_at;

pub async fn run(probe: &HttpProbe, attempt: &mut Attempt) -> Outcome {
    let deadline = attempt.deadline;
    let mut progress = Progress::new(attempt);
    let result = timeout_at(deadline, follow(probe, &mut progress)).await;
    progress.finish(result)
}

async fn follow(probe: &HttpProbe, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let mut next: Option<Request> = None;
    let mut cookies = Cookies::default();
    for followed in 0.. {
        let request = next.as_ref().unwrap_or(&probe.request);
        let answer = ask(probe, request, progress).await?;
        cookies.keep(&answer.head.headers, &request.cookie_url());
        let Some(mut redirected) = redirection(probe, request, &answer, followed, progress)? else {
            return judge(probe, answer, progress).await;
        };
        let configured = redirected.headers.get(COOKIE);
        redirected.cookies = cookies.header(&redirected.cookie_url(), configured);
        next = Some(redirected);
    }
    Ok(())
}

/// The request that the answer asks for, if it is a redirect that is to be followed.
fn redirection(
    probe: &HttpProbe,
    request: &Request,
    answer: &Answer,
    followed: u32,
    progress: &mut Progress<'_>,
) -> Result<Option<Request>, Failure> {
    let status = answer.head.status;
    let (Some(max), Some(location)) = (probe.redirects, redirect_target(&answer.head)) else {
        return Ok(None);
    };
    let location = location.as_str();
    if followed >= max {
        return Err(Failure::bad(
            Cause::Redirect,
            format!("more than {max} redirects (`max_redirects`)"),
        ));
    }
    let next = request
        .redirected(status, location, &probe.request)
        .map_err(|refused| match refused {
            Refused::Scheme(scheme) => Failure::bad(
                Cause::Redirect,
                format!("a redirect to {scheme} is never followed"),
            ),
            Refused::Unreadable => {
                let address = location.split('?').next().unwrap_or_default();
                let address = quoted(address.as_bytes());
                Failure::bad(
                    Cause::Redirect,
                    format!("the redirect address {address} is invalid"),
                )
            }
        })?;
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

async fn ask(
    probe: &HttpProbe,
    request: &Request,
    progress: &mut Progress<'_>,
) -> Result<Answer, Failure> {
    let own = request.same_origin(&probe.request);
    let receive = ReceiveWhole(probe);
    probe.transport.ask(request, own, receive, progress).await
}

/// Reads an answer to its end.
struct ReceiveWhole<'a>(&'a HttpProbe);

impl Receive for ReceiveWhole<'_> {
    type Answer = Answer;

    async fn receive(
        self,
        response: Response<Incoming>,
        progress: &mut Progress<'_>,
    ) -> Result<Answer, Failure> {
        let probe = self.0;
        let (head, incoming) = response.into_parts();
        if probe.redirects.is_some() && redirect_target(&head).is_some() {
            // The answer that counts is elsewhere, so this body is not read, as with curl.
            progress.leave();
            return Ok(Answer {
                head,
                body: Vec::new(),
            });
        }
        let keep = probe.expect.wants_body();
        let (body, length) = body::read(incoming, &head.headers, probe.body_limit, keep).await?;
        progress.leave();
        progress.record("body", || format!("{length} bytes"));
        Ok(Answer { head, body })
    }
}

/// What came back.
#[derive(Debug)]
struct Answer {
    head: response::Parts,
    /// Empty unless an expectation needs it.
    body: Vec<u8>,
}

/// Where an answer sends the client to, as written.
fn redirect_target(head: &response::Parts) -> Option<Text<'_>> {
    let target = Text::new(head.headers.get(LOCATION)?.as_bytes(), None);
    let redirects = matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    (redirects && !target.as_str().is_empty()).then_some(target)
}

/// The first expectation that does not hold is the cause; all of them are recorded.
async fn judge(
    probe: &HttpProbe,
    answer: Answer,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let status = probe.expect.check_status(answer.head.status);
    let mut failure = record(status, progress);
    if probe.expect.looks_further() {
        let expect = probe.expect.clone();
        let work = move || expect.check_content(&answer.head.headers, &answer.body);
        match probe.evaluator.evaluate(progress.deadline(), work).await {
            Ok(checks) => {
                for check in checks {
                    let failed = record(check, progress);
                    failure = failure.or(failed);
                }
            }
            // A status that is bad already says enough.
            Err(unknown) => failure = failure.or(Some(unknown)),
        }
    }
    failure.map_or(Ok(()), Err)
}

fn record(Check { failed, text }: Check, progress: &mut Progress<'_>) -> Option<Failure> {
    let holds = if failed.is_none() { "ok:" } else { "FAILED:" };
    progress.record("expect", || format!("{holds} {text}"));
    failed.map(|cause| Failure::bad(cause, text))
}
