//! Where jobs report that they ran.

use super::WebState;
use super::corrections::on_store;
use super::problem::Problem;
use crate::diagnostic::nearest;
use crate::outcome::{Detail, ProbeKey};
use crate::probe::beats::{Beat, Refused};
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// How the job went.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Ok,
    Fail,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    #[serde(default)]
    status: Status,
}

/// Takes a job's report; its text, if any, is shown with a failure. Answers once it is on the disk.
pub async fn beat(
    State(state): State<WebState>,
    Path((service, probe)): Path<(String, String)>,
    Query(report): Query<Report>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let key = ProbeKey::new(&service, &probe);
    let admitted = state.beats.admit(&key, token(&headers));
    admitted.map_err(|refused| refusal(&state, &key, refused))?;
    let beat = Beat {
        at: state.clock.now(),
        failed: matches!(report.status, Status::Fail),
        message: message(&body),
    };
    let news = state.beats.is_news(&key, &beat);
    if news {
        let (kept, key) = (beat.clone(), key.clone());
        on_store(&state, move |store| store.keep_beat(&key, &kept)).await?;
    }
    state.beats.take(key, beat, news);
    Ok(StatusCode::NO_CONTENT)
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// As outcomes tell messages: cut, and without control characters.
fn message(body: &Bytes) -> Option<Box<str>> {
    let mut detail = Detail::default();
    let text = String::from_utf8_lossy(body);
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
            "this heartbeat needs its token, as `Authorization: Bearer`",
        ),
        Refused::Unknown => {
            let names = state.beats.names();
            let near = nearest(&key.to_string(), names.iter().map(String::as_str));
            let problem = Problem::new(StatusCode::NOT_FOUND, "no heartbeat probe has this name");
            match near {
                Some(near) => problem.because(format!("did you mean {near}?")),
                None => problem.because(key.to_string()),
            }
        }
    }
}
