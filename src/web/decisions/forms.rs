//! The forms of alerts and silences on pages. A browser returns to the page of firing alerts afterwards.

use super::{ACKNOWLEDGEMENT, end_silence, keep_silence, record};
use crate::alert::Silence;
use crate::web::WebState;
use crate::web::auth::Identity;
use crate::web::fields::LINE_MAX;
use crate::web::page::silence_form::{
    AUTHOR, HOURS, LASTS, OF_SERVICE, REASON, SILENCED, matchers,
};
use crate::web::problem::Problem;
use crate::web::request::FormBody;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use std::time::Duration;

type Redirect = (StatusCode, [(HeaderName, &'static str); 1]);

/// Relative, so that it also works below the path prefix of a proxy.
const BACK: Redirect = (
    StatusCode::SEE_OTHER,
    [(header::LOCATION, "../../alerts?state=firing")],
);

pub async fn acknowledge(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    let new = body.only(ACKNOWLEDGEMENT, &["note", "author"])?;
    record(&state, by, &fingerprint, &new).await?;
    Ok(BACK)
}

pub async fn silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    let new = body.only("invalid silence", &[SILENCED, LASTS, REASON, AUTHOR])?;
    let hours = new.required_text(LASTS)?.parse().ok();
    let hours = hours.filter(|hours| HOURS.iter().any(|(known, _)| known == hours));
    let hours = hours.ok_or_else(|| new.fault("`hours` must be one of the offered values"))?;
    let is_whole = new.text(SILENCED)? == Some(OF_SERVICE);
    let now = state.clock.now();
    let view = state.alerts.borrow().clone();
    let alert = super::find(&view, &fingerprint)?;
    let silence = Silence {
        id: 0,
        matchers: matchers(alert, &view.rules, is_whole).map_err(|fault| new.fault(fault))?,
        from: now,
        to: now.after(Duration::from_hours(hours)),
        author: new.author(&by)?,
        reason: new.line(REASON, 1..=LINE_MAX)?,
    };
    keep_silence(&state, by, silence, now).await?;
    Ok(BACK)
}

pub async fn end(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(id): Path<String>,
    body: FormBody,
) -> Result<Redirect, Problem> {
    body.only("invalid request", &[])?;
    end_silence(&state, by, &id).await?;
    Ok(BACK)
}
