//! Endpoint for reports of jobs (heartbeats).

mod fields;
mod report;

use super::WebState;
use super::api::in_other_shard;
use super::auth::{Peer, is_unguessable};
use super::problem::{Problem, stopping};
use super::store::{WRITE_TIMEOUT, join_failed};
use crate::config::Role;
use crate::diagnostic::nearest;
use crate::outcome::{Detail, ProbeKey};
use crate::probe::heartbeat::{Beat, Refused};
use crate::store::{Durability, PendingBeat};
use crate::tasks::blocking;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fields::NotJson;
use http_body_util::BodyExt;
use report::Report;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::timeout;

/// Number of bytes of a report's text that are used; the rest is discarded.
const TEXT_MAX: usize = 4096;
/// Number of bytes of a body that are searched for fields, if the address does not state the result.
const FIELDS_MAX: usize = 256 << 10;
/// Maximum number of bytes to wait for in an upload; the report counts anyway.
const UPLOAD_MAX: usize = 16 << 20;
/// Maximum number of bytes read after the response. Closing the connection while the client is sending
/// would reset it, and the client would not see the response.
const DRAINED_MAX: usize = 64 << 20;
/// Maximum time to wait for an upload, and again for reading after the response.
const UPLOAD_TIME: Duration = Duration::from_secs(10);

/// Job of a report.
#[derive(Deserialize)]
pub struct Address {
    service: String,
    probe: String,
    /// Status in the path, as in Healthchecks: `/fail`, `/1`.
    status: Option<String>,
}

/// Receives a job's report; its text, if any, is shown with a failure. Responds once the report is stored,
/// or with 202 if slod cannot write: the report counts all the same, because this is not the job's fault.
/// Unknown parameters are ignored, so that no report is lost because of them.
pub async fn beat(
    State(state): State<WebState>,
    Path(Address {
        service,
        probe,
        status,
    }): Path<Address>,
    Query(mut parameters): Query<Vec<(String, String)>>,
    parts: Parts,
    body: Body,
) -> Result<Response, Problem> {
    let key = ProbeKey::new(&service, &probe);
    admit(&state, &key, &parts).await?;
    parameters.extend(status.map(|status| ("status".to_owned(), status)));
    let mut report = Report::read(&parameters)?;
    let states_result = parameters.iter().any(report::states_result);
    let room = if states_result { TEXT_MAX } else { FIELDS_MAX };
    let (mut text, rest) = beginning(body, room).await;
    if !states_result {
        let fields = fields::of_body(content_type(&parts.headers), &text).map_err(not_json)?;
        if !fields.is_empty() {
            text.clear();
            parameters.extend(fields);
            report = Report::read(&parameters)?;
        }
    }
    if text.is_empty() {
        text = report.text.into_bytes();
    }
    text.truncate(TEXT_MAX);
    let beat = Beat {
        // After the upload: a slow report must not replace one that arrived meanwhile.
        at: state.clock.now(),
        failed: report.failed,
        message: message(&text),
    };
    let kept = take(&state, &key, beat).await?;
    if let Some(rest) = rest {
        tokio::spawn(drain(rest));
        return Err(too_long());
    }
    Ok(match kept {
        Durability::OnDisk => StatusCode::NO_CONTENT.into_response(),
        Durability::InMemory(why) => {
            let text = format!("the report counts, but is not saved yet: {why}\n");
            (StatusCode::ACCEPTED, text).into_response()
        }
    })
}

fn not_json(_: NotJson) -> Problem {
    let title = "the body does not state the result of the job: it is not valid JSON, or longer than 256 KiB";
    let problem = Problem::new(StatusCode::BAD_REQUEST, title);
    problem
        .because("add ?status=ok or ?status=fail to the address, and send any text as text/plain")
}

/// Stores and counts a report.
async fn take(state: &WebState, key: &ProbeKey, beat: Beat) -> Result<Durability, Problem> {
    let known = state.heartbeats.stored(key, &beat);
    let kept = match known {
        Some(_) => Durability::OnDisk,
        None => keep(state, key, &beat).await?,
    };
    let stored = known.or_else(|| (kept == Durability::OnDisk).then_some(beat.at));
    state.heartbeats.take(key, beat, stored);
    Ok(kept)
}

/// Passes a report to the store.
async fn keep(state: &WebState, key: &ProbeKey, beat: &Beat) -> Result<Durability, Problem> {
    let (store, key) = (state.store.clone(), key.clone());
    let pending = PendingBeat::new(beat.clone(), state.heartbeats.judged(&key, beat.at));
    let keep = move || store.keep_beat(&key, pending, WRITE_TIMEOUT);
    let kept = blocking(keep).await.map_err(join_failed)?;
    kept.ok_or_else(stopping)
}

/// Unlike a success, an error makes clients stop sending.
fn too_long() -> Problem {
    let title = "the text of the report is longer than 16 MiB";
    let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, title);
    problem.because("the report counts, with its text truncated; send at most 4096 bytes")
}

/// Checks the token of the job's probe. Without one, the job needs the same authentication as every write.
async fn admit(state: &WebState, key: &ProbeKey, parts: &Parts) -> Result<(), Problem> {
    let refused = |refused| refusal(state, key, refused);
    if !state.heartbeats.has_token(key) {
        // Clients without read access must not find out which names exist.
        if state.heartbeats.admit(key, None).is_ok() || state.access.rules().needs_login() {
            state.access.authorize(parts, Role::Write).await?;
        }
        return state.heartbeats.admit(key, None).map_err(refused);
    }
    let Some(token) = token(&parts.headers) else {
        return Err(refused(Refused::Token));
    };
    let admitted = state.heartbeats.admit(key, Some(token));
    if admitted != Err(Refused::Token) && is_unguessable(token) {
        return admitted.map_err(refused);
    }
    let name = key.to_string();
    let attempt = state.access.begin_heartbeat(Peer::of(parts)?, &name)?;
    if admitted == Err(Refused::Token) {
        attempt.failed();
    } else {
        attempt.succeeded();
    }
    admitted.map_err(refused)
}

/// Why other methods are rejected: clients that only follow a link, such as browsers, chats and crawlers,
/// must not report that a job ran.
pub async fn use_post(Path(Address { service, probe, .. }): Path<Address>) -> Response {
    let title = "reports require the method POST";
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, title);
    let how = format!(
        "such as: curl -fsS -X POST http://HOST/api/v1/heartbeat/{service}/{probe} (add ?status=fail if the job failed)"
    );
    let mut answer = problem.because(how).into_response();
    let methods = header::HeaderValue::from_static("POST");
    answer.headers_mut().insert(header::ALLOW, methods);
    answer
}

/// The first bytes of a body, and the remaining body if it is too long. Parts that cannot be read or arrive
/// too slowly are left out.
async fn beginning(mut body: Body, max: usize) -> (Vec<u8>, Option<Body>) {
    let (mut text, mut read) = (Vec::new(), 0);
    let reading = async {
        while read < UPLOAD_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            if let Some(data) = frame.data_ref() {
                read += data.len();
                let room = max - text.len();
                text.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
    };
    let _ = timeout(UPLOAD_TIME, reading).await;
    let rest = (read >= UPLOAD_MAX && !body.is_end_stream()).then_some(body);
    (text, rest)
}

/// Reads and discards up to a limit.
async fn drain(mut body: Body) {
    let reading = async {
        let mut read = 0;
        while read < DRAINED_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            read += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    let _ = timeout(UPLOAD_TIME, reading).await;
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Formats the text like messages of outcomes: truncated and without control characters.
fn message(text: &[u8]) -> Option<Box<str>> {
    let mut detail = Detail::default();
    let text = String::from_utf8_lossy(text);
    let text = text.trim();
    if !text.is_empty() {
        detail.say(text);
    }
    detail.message
}

fn refusal(state: &WebState, key: &ProbeKey, refused: Refused) -> Problem {
    match refused {
        Refused::Token => Problem::new(
            StatusCode::UNAUTHORIZED,
            "this heartbeat requires its token as `Authorization: Bearer`",
        ),
        Refused::Unknown => in_other_shard(state, &key.service).unwrap_or_else(|| {
            let names = state.heartbeats.names();
            let near = nearest(&key.to_string(), names.iter().map(String::as_str));
            let problem = Problem::new(StatusCode::NOT_FOUND, "no heartbeat probe has this name");
            match near {
                Some(near) => problem.because(format!("did you mean {near}?")),
                None => problem.named(&key.to_string()),
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_beginning_of_a_text_is_kept() {
        for max in [TEXT_MAX, FIELDS_MAX] {
            for (length, kept) in [(0, 0), (max, max), (40 * max, max)] {
                let (text, rest) = beginning(Body::from(vec![b'x'; length]), max).await;
                assert_eq!(text.len(), kept);
                assert!(rest.is_none());
            }
        }
    }

    #[tokio::test]
    async fn a_text_without_an_end_is_given_up() {
        let part = || Ok::<_, std::io::Error>(vec![b'x'; 1 << 20]);
        let parts = futures_util::stream::repeat_with(part);
        let (text, rest) = beginning(Body::from_stream(parts), TEXT_MAX).await;
        assert_eq!(text.len(), TEXT_MAX);
        drain(rest.expect("too long")).await;
    }
}
