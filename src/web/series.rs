//! Gauges and counters with a history as JSON: a list, and a time range of one series.

use super::WebState;
use super::api::check_service;
use super::fields::Fields;
use super::page::PageQuery;
use super::page::series_list::{SeriesFilter, SeriesPage, render_series};
use super::problem::{NAME_SHOWN, Problem};
use super::request::Query;
use super::status::view;
use super::store;
use crate::outcome::{Timestamp, millis};
use crate::report::series::{ROWS_MAX, SeriesEntry, SeriesRange, range};
use crate::sample::SeriesKey;
use crate::store::Store;
use crate::text::beginning;
use crate::units::{self, HOUR, show_duration};
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Html;
use std::time::Duration;

/// Series of a service or with a name; all series by default.
pub async fn list(
    State(state): State<WebState>,
    query: Query,
) -> Result<Json<Vec<SeriesEntry>>, Problem> {
    let asked = query.only(&["service", "name"])?;
    let (service, name) = (asked.text("service")?, asked.text("name")?);
    let all = store::read(&state, Store::series).await?;
    let of_service = |key: &SeriesKey| service.is_none_or(|one| key.label("service") == Some(one));
    if !all.iter().any(|info| of_service(&info.key)) {
        check_service(&state, service)?;
    }
    let has_name = |key: &SeriesKey| name.is_none_or(|name| key.name() == name);
    let wanted = all
        .iter()
        .filter(|info| of_service(&info.key) && has_name(&info.key));
    Ok(Json(wanted.map(SeriesEntry::of).collect()))
}

/// HTML page of series.
pub async fn page(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let query = PageQuery::of(query.as_deref());
    let (asked, at) = (SeriesFilter::of(query), state.ledger_view().at);
    let read = {
        let asked = asked.clone();
        move |store: &Store| SeriesPage::read(store, &asked, at)
    };
    let listed = store::read(&state, read).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, query, trouble.as_deref());
    Ok(Html(render_series(&listed, &asked, at, view)))
}

pub async fn one(
    State(state): State<WebState>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<SeriesRange>, Problem> {
    let asked = query.only(&["from", "to", "step"])?;
    let step = step(&asked)?;
    let (from, to) = bounds(&asked, state.clock.now(), step)?;
    let wanted = id.clone();
    let read = move |store: &Store| {
        let all = store.series()?;
        let number = wanted.parse().ok();
        let Some(info) = all.iter().find(|info| Some(info.id) == number) else {
            return Ok(None);
        };
        range(store, info, (from, to), step).map(Some)
    };
    match store::read(&state, read).await? {
        Some(Some(range)) => Ok(Json(range)),
        Some(None) => Err(too_many_rows((from, to))),
        None => {
            let problem = Problem::new(StatusCode::NOT_FOUND, "no series has this id");
            let id = beginning(&id, NAME_SHOWN);
            Err(problem.because(format!("{id} (GET /api/v1/series lists all)")))
        }
    }
}

/// Step of the rows; `None` returns every sample.
fn step(asked: &Fields) -> Result<Option<Duration>, Problem> {
    let Some(text) = asked.text("step")? else {
        return Ok(None);
    };
    let step = units::duration(text).filter(|step| !step.is_zero());
    let fault = || asked.fault("`step` must be a duration such as 30s, 5m or 1h");
    step.map(Some).ok_or_else(fault)
}

/// The default of `from` is one hour before `to`.
fn bounds(
    asked: &Fields,
    now: Timestamp,
    step: Option<Duration>,
) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = asked.span()?;
    let to = to.unwrap_or(Timestamp(now.0 + 1));
    let from = from.unwrap_or(to.before(HOUR));
    // No sample is newer than now, or older than the epoch.
    let rows = (to.min(Timestamp(now.0 + 1)).0 - from.0.max(0))
        .checked_div(step.map_or(i64::MAX, millis).max(1));
    if rows.is_some_and(|rows| rows > ROWS_MAX as i64) {
        return Err(too_many_rows((from.max(Timestamp(0)), to)));
    }
    Ok((from, to))
}

fn too_many_rows((from, to): (Timestamp, Timestamp)) -> Problem {
    let seconds = (to.0.saturating_sub(from.0) / 1000 / ROWS_MAX as i64 + 1).unsigned_abs();
    let step = show_duration(Duration::from_secs(seconds));
    let title = format!("the range has more than {ROWS_MAX} rows");
    Problem::new(StatusCode::BAD_REQUEST, title).because(format!(
        "use a `step` of at least {step}, or a shorter range"
    ))
}
