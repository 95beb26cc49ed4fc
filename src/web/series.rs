//! Gauges and counters with a history as JSON: a list, and a range of one of them.

use super::WebState;
use super::listing;
use super::problem::Problem;
use crate::outcome::{Timestamp, millis};
use crate::report::series::{ROWS_MAX, SeriesEntry, SeriesRange, range};
use crate::sample::SeriesKey;
use crate::store::{Store, StoreError};
use crate::units::{self, HOUR, show_duration};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// Those of a service, or of a name; all without either.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    service: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// An hour before `to`, if left out.
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    /// A duration; a row for everything that is kept, if left out.
    step: Option<String>,
}

pub async fn list(
    State(state): State<WebState>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Vec<SeriesEntry>>, Problem> {
    let Query(filter) = filter.map_err(|error| listing::invalid(&error))?;
    let all = reading(state.history, Store::series).await?;
    let is_wanted = |key: &SeriesKey| {
        let (name, service) = (filter.name.as_deref(), filter.service.as_deref());
        name.is_none_or(|name| key.name() == name)
            && service.is_none_or(|service| key.label("service") == Some(service))
    };
    let wanted = all.iter().filter(|info| is_wanted(&info.key));
    Ok(Json(wanted.map(SeriesEntry::of).collect()))
}

pub async fn one(
    State(state): State<WebState>,
    Path(id): Path<String>,
    asked: Result<Query<Range>, QueryRejection>,
) -> Result<Json<SeriesRange>, Problem> {
    let Query(asked) = asked.map_err(|error| listing::invalid(&error))?;
    let step = asked.step()?;
    let (from, to) = asked.bounds(state.clock.now(), step)?;
    let wanted = id.clone();
    let read = move |store: &Store| {
        let all = store.series()?;
        let number = wanted.parse().ok();
        let Some(info) = all.iter().find(|info| Some(info.id) == number) else {
            return Ok(None);
        };
        range(store, info, (from, to), step).map(Some)
    };
    match reading(state.history, read).await? {
        Some(Some(range)) => Ok(Json(range)),
        Some(None) => Err(too_many_rows((from, to))),
        None => {
            let problem = Problem::new(StatusCode::NOT_FOUND, "no series has this id");
            Err(problem.because(format!("{id} (GET /api/v1/series lists all)")))
        }
    }
}

impl Range {
    fn step(&self) -> Result<Option<Duration>, Problem> {
        let Some(text) = &self.step else {
            return Ok(None);
        };
        let step = units::duration(text).filter(|step| !step.is_zero());
        let expected = "`step` must be a duration such as 30s, 5m or 1h";
        step.map(Some)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid query").because(expected))
    }

    fn bounds(
        &self,
        now: Timestamp,
        step: Option<Duration>,
    ) -> Result<(Timestamp, Timestamp), Problem> {
        let (from, to) = listing::span(self.from, self.to)?;
        let to = to.unwrap_or(Timestamp(now.0 + 1));
        let from = from.unwrap_or(to.before(HOUR));
        // Nothing is kept that is newer than now, or older than the clock.
        let rows = (to.min(Timestamp(now.0 + 1)).0 - from.0.max(0))
            .checked_div(step.map_or(i64::MAX, millis).max(1));
        if rows.is_some_and(|rows| rows > ROWS_MAX as i64) {
            return Err(too_many_rows((from.max(Timestamp(0)), to)));
        }
        Ok((from, to))
    }
}

fn too_many_rows((from, to): (Timestamp, Timestamp)) -> Problem {
    let seconds = (to.0.saturating_sub(from.0) / 1000 / ROWS_MAX as i64 + 1).unsigned_abs();
    let step = show_duration(Duration::from_secs(seconds));
    let title = format!("the range has more than {ROWS_MAX} rows");
    Problem::new(StatusCode::BAD_REQUEST, title).because(format!(
        "use a `step` of at least {step}, or a shorter range"
    ))
}

/// Reads the store away from the async workers.
pub async fn reading<T: Send + 'static>(
    path: PathBuf,
    read: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let read = move || Store::open_read_only(&path).and_then(|store| read(&store));
    let failed = || {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the store cannot be read",
        )
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(failed().because(error.to_string())),
        Err(_panic) => Err(failed()),
    }
}
