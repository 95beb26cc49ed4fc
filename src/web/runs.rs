//! Load runs: as JSON, and as pages.

use super::WebState;
use super::api::unknown;
use super::listing;
use super::page::run::render_run;
use super::page::runs::{Listed, render_runs};
use super::problem::Problem;
use super::series::reading;
use super::status::view;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::report::load_run::{Compared, RunReport, RunSummary};
use crate::report::runs::RunEntry;
use crate::runs::{Digest, Digests};
use crate::store::{Store, StoreError, StoredRun};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Runs on a page at most. Each is read from the store once.
const LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    service: Option<String>,
    /// Where the page before ended.
    cursor: Option<i64>,
    limit: Option<u32>,
}

/// What the page of the list is asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    service: Option<String>,
    before: Option<i64>,
}

#[derive(Debug, Serialize)]
struct RunView<'a> {
    #[serde(flatten)]
    entry: RunEntry,
    /// Null if the run cannot be read.
    summary: Option<&'a RunSummary>,
}

/// Runs, the newest first. The header `Link` has the address of the next page.
pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|error| listing::invalid(&error))?;
    let limit = listing::limit(page.limit, DEFAULT_LIMIT, LIMIT)?;
    let wanted = Wanted {
        service: page.service.clone(),
        before: page.cursor.unwrap_or(i64::MAX),
        limit,
        now: state.clock.now(),
    };
    let (found, next) = wanted.read(&state).await?;
    // One that is configured no more still has those of its time.
    let has_none = found.is_empty() && page.cursor.is_none();
    if let Some(name) = page.service.as_deref().filter(|_| has_none)
        && state.ledger_view().service(name).is_none()
    {
        return Err(unknown("service", name));
    }
    let now = state.clock.now();
    let runs = found.iter().map(|digest| RunView::of(digest, now));
    let runs: Vec<RunView<'_>> = runs.collect();
    let mut response = Json(runs).into_response();
    let next = next.map(|cursor| {
        let service = page.service.map(|name| {
            let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
            format!("&service={name}")
        });
        let service = service.unwrap_or_default();
        format!("/api/v1/runs?limit={limit}&cursor={cursor}{service}")
    });
    listing::link_next(&mut response, next);
    Ok(response)
}

/// A run as `slod runs show --format json` has it.
pub async fn one(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = kept(&state, &id, |report, _, _| Ok(report.to_json())).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
}

pub async fn overview(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Html<String>, Problem> {
    let Query(asked) = asked.map_err(|error| listing::invalid(&error))?;
    let wanted = Wanted {
        service: asked.service.clone(),
        before: asked.before.unwrap_or(i64::MAX),
        limit: DEFAULT_LIMIT,
        now: state.clock.now(),
    };
    let (runs, next) = wanted.read(&state).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    let listed = Listed {
        runs: &runs,
        service: asked.service.as_deref(),
        is_newest: asked.before.is_none(),
        next,
    };
    Ok(Html(render_runs(&listed, view)))
}

pub async fn page(
    State(state): State<WebState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let draw = |report: RunReport, run: StoredRun, store: &Store| {
        let compared = Compared::read(store, Some(run.id), &report.run)?;
        Ok((report, run, compared))
    };
    let (report, run, compared) = kept(&state, &id, draw).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, query.as_deref(), trouble.as_deref());
    Ok(Html(render_run(&report, &run, compared.as_ref(), view)))
}

/// A part of all runs.
struct Wanted {
    service: Option<String>,
    before: i64,
    limit: u32,
    now: Timestamp,
}

impl Wanted {
    /// The runs, and where the next part begins if there is one.
    async fn read(self, state: &WebState) -> Result<(Vec<Digest>, Option<i64>), Problem> {
        let (digests, config) = (state.digests.clone(), config(state));
        let read = move |store: &Store| self.digests(store, &digests, &config);
        reading(state.history.clone(), read).await
    }

    fn digests(
        self,
        store: &Store,
        digests: &Digests,
        config: &Arc<Config>,
    ) -> Result<(Vec<Digest>, Option<i64>), StoreError> {
        let service = self.service.as_deref();
        let mut runs = store.runs_before(self.before, service, self.limit + 1)?;
        let has_more = runs.len() > self.limit as usize;
        runs.truncate(self.limit as usize);
        let next = runs.last().filter(|_| has_more).map(|last| last.id);
        Ok((digests.of(store, config, runs, self.now)?, next))
    }
}

/// What is made of a kept run, away from the async workers.
async fn kept<T: Send + 'static>(
    state: &WebState,
    id: &str,
    make: impl FnOnce(RunReport, StoredRun, &Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let (number, config) = (id.parse::<i64>().ok(), config(state));
    let open = state.digests.open.clone();
    let read = move |store: &Store| {
        let found = number.map(|number| open.read(store, number)).transpose()?;
        let Some((head, run)) = found.flatten() else {
            return Ok(None);
        };
        let report = RunReport::new(run, config.service(&head.service));
        make(report, head, store).map(Some)
    };
    let found = reading(state.history.clone(), read).await?;
    found.ok_or_else(|| {
        let problem = Problem::new(
            StatusCode::NOT_FOUND,
            "there is no readable run of this number",
        );
        problem.because(format!("{id} (GET /api/v1/runs lists all)"))
    })
}

fn config(state: &WebState) -> Arc<Config> {
    state.configs.borrow().clone()
}

impl<'a> RunView<'a> {
    fn of(digest: &'a Digest, now: Timestamp) -> Self {
        Self {
            entry: RunEntry::of(&digest.run, now),
            summary: digest.summary.as_deref(),
        }
    }
}
