//! One attempt: the request, its redirects, and the judgement on the last answer.

use super::HttpProbe;
use super::cookies::Cookies;
use super::exchange::{Answer, Line, exchange, is_http2, redirect_target};
use super::expect::Check;
use super::proxy::by_proxy;
use super::request::{Refused, Request};
use crate::outcome::{Cause, Outcome};
use crate::probe::Attempt;
use crate::probe::dial::{Failure, Host, Progress, connect, resolve};
use crate::probe::quoted::quoted;
use http::StatusCode;
use http::header::{COOKIE, SET_COOKIE};
use tokio::net::TcpStream;
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
        if answer.head.headers.contains_key(SET_COOKIE) {
            cookies.keep(&answer.head.headers, &request.cookie_url());
        }
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
    let mut stream = open(probe, request, progress).await?;
    if !request.is_https() {
        let line = Line {
            http2: probe.version == super::Version::Http2,
            forwarded_by: probe.proxy.as_ref(),
        };
        return exchange(probe, request, stream, line, progress).await;
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
    exchange(probe, request, stream, line, progress).await
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
