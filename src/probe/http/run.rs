//! One attempt: the request, its redirects, and the judgement on the last answer.

use super::HttpProbe;
use super::body::Receive;
use super::cookies::Cookies;
use super::exchange::{Line, exchange, is_http2, redirect_target};
use super::expect::Check;
use super::proxy::by_proxy;
use super::request::{Refused, Request};
use crate::outcome::{Cause, Outcome};
use crate::probe::Attempt;
use crate::probe::dial::{Failure, Host, Progress, connect, resolve};
use crate::probe::quoted::quoted;
use http::header::COOKIE;
use http::{StatusCode, response};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

pub async fn run(probe: &HttpProbe, attempt: &mut Attempt) -> Outcome {
    let deadline = attempt.deadline;
    let mut progress = Progress::new(attempt);
    let result = timeout_at(deadline, judged(probe, &mut progress)).await;
    progress.finish(result)
}

/// The body, as far as an expectation needs it.
struct Kept {
    wanted: bool,
    bytes: Vec<u8>,
}

impl Receive for Kept {
    fn wants_body(&self) -> bool {
        self.wanted
    }

    fn take(&mut self, part: &[u8]) -> Result<(), Failure> {
        if self.wanted {
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }
}

async fn judged(probe: &HttpProbe, progress: &mut Progress<'_>) -> Result<(), Failure> {
    let mut kept = Kept {
        wanted: probe.expect.wants_body(),
        bytes: Vec::new(),
    };
    let head = follow(probe, &mut kept, progress).await?;
    judge(probe, head, kept.bytes, progress).await
}

/// Makes the request and those of its redirects, and returns the head of the last answer.
pub(super) async fn follow(
    probe: &HttpProbe,
    receiver: &mut dyn Receive,
    progress: &mut Progress<'_>,
) -> Result<response::Parts, Failure> {
    let mut next: Option<Request> = None;
    let mut cookies = Cookies::default();
    let mut followed = 0;
    loop {
        let request = next.as_ref().unwrap_or(&probe.request);
        let head = ask(probe, request, receiver, progress).await?;
        cookies.keep(&head.headers, &request.cookie_url());
        let Some(mut redirected) = redirection(probe, request, &head, followed, progress)? else {
            return Ok(head);
        };
        let configured = redirected.headers.get(COOKIE);
        redirected.cookies = cookies.header(&redirected.cookie_url(), configured);
        next = Some(redirected);
        followed += 1;
    }
}

/// The request that the answer asks for, if it is a redirect that is to be followed.
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
    receiver: &mut dyn Receive,
    progress: &mut Progress<'_>,
) -> Result<response::Parts, Failure> {
    let mut stream = open(probe, request, progress).await?;
    if !request.is_https() {
        let line = Line {
            http2: probe.version == super::Version::Http2,
            forwarded_by: probe.proxy.as_ref(),
        };
        return exchange(probe, request, stream, line, receiver, progress).await;
    }
    if let Some(proxy) = &probe.proxy {
        proxy.tunnel(&mut stream, request, progress).await?;
    }
    let own = request.same_origin(&probe.request);
    let tls = if own { &probe.tls } else { &probe.foreign_tls };
    let host = request.url.host_str().unwrap_or_default();
    let name = tls.server_name(host.trim_matches(['[', ']']))?;
    let stream = tls.handshake(stream, name, progress).await?;
    let line = Line {
        http2: is_http2(probe.version, stream.alpn()),
        forwarded_by: None,
    };
    exchange(probe, request, stream, line, receiver, progress).await
}

/// A connection to the server, or to the proxy in front of it.
async fn open(
    probe: &HttpProbe,
    request: &Request,
    progress: &mut Progress<'_>,
) -> Result<TcpStream, Failure> {
    if let Some(proxy) = &probe.proxy {
        let result = reach(&proxy.host, proxy.port, probe, progress).await;
        return result.map_err(by_proxy);
    }
    let host = Host::of(&request.url)
        .ok_or_else(|| Failure::bad(Cause::Redirect, "the address has no host"))?;
    reach(&host, request.port(), probe, progress).await
}

async fn reach(
    host: &Host,
    port: u16,
    probe: &HttpProbe,
    progress: &mut Progress<'_>,
) -> Result<TcpStream, Failure> {
    let addresses = resolve(host, probe.family, progress).await?;
    connect(&addresses, port, progress).await
}

/// The first expectation that does not hold is the cause; all of them are recorded.
async fn judge(
    probe: &HttpProbe,
    head: response::Parts,
    body: Vec<u8>,
    progress: &mut Progress<'_>,
) -> Result<(), Failure> {
    let status = probe.expect.check_status(head.status);
    let mut failure = record(status, progress);
    if probe.expect.looks_further() {
        let expect = probe.expect.clone();
        let work = move || expect.check_content(&head.headers, &body);
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
