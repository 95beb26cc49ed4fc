//! Load runs as JSON and as pages.

use super::WebState;
use super::api::check_service;
use super::audit::{self, Act};
use super::auth::Identity;
use super::fields::Fields;
use super::listing::{cut, link_next};
use super::page::PageQuery;
use super::page::run::render_run;
use super::page::runs::{RunsPage, render_runs};
use super::problem::{NAME_SHOWN, Problem};
use super::request::{JsonBody, Query};
use super::status::view;
use super::store;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::report::load_run::{Compared, RunReport};
use crate::report::runs::RunRow;
use crate::runs::observed::{LONGEST, check_thresholds, past};
use crate::runs::{Digest, Digests};
use crate::store::{Store, StoreError, StoredRun};
use crate::text::beginning;
use crate::threshold::Threshold;
use crate::units::show_duration;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use std::sync::Arc;

/// Maximum number of thresholds of a run.
const THRESHOLDS_MAX: usize = 20;
/// Maximum number of runs on a page. Each is read from the store once.
const LIMIT: u32 = 100;
const DEFAULT_LIMIT: u32 = 50;

/// Runs, the newest first. The header `Link` has the URL of the next page.
pub async fn list(State(state): State<WebState>, query: Query) -> Result<Response, Problem> {
    let parameters = query.only(&["service", "cursor", "limit"])?;
    let service = parameters.text("service")?.map(str::to_owned);
    let (limit, now) = (parameters.limit(DEFAULT_LIMIT, LIMIT)?, state.clock.now());
    let wanted = RunsQuery {
        service: service.clone(),
        before: parameters.number("cursor")?,
        limit,
        now,
    };
    let (found, next) = wanted.read(&state).await?;
    let runs = found.iter().map(|digest| row(digest, now));
    let runs: Vec<RunRow> = runs.collect();
    let mut response = Json(runs).into_response();
    if let Some(cursor) = next {
        let mut next = vec![("limit", limit.to_string()), ("cursor", cursor.to_string())];
        next.extend(service.map(|name| ("service", name)));
        link_next(&mut response, &next);
    }
    Ok(response)
}

/// Judges a service over a time range in the past, as `slod observe --from` does, and stores the run.
pub async fn add(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let keys = ["service", "from", "to", "thresholds"];
    let new = body.only("invalid run", &keys)?;
    let (now, config) = (state.clock.now(), config(&state));
    let (span, thresholds) = (span(&new, now)?, thresholds(&new)?);
    let name = new.required_text("service")?.to_owned();
    check_service(&state, Some(&name))?;
    let judge = move |_: &Store| {
        let Some(service) = config.service(&name) else {
            return Ok(None);
        };
        let mut run = past(&config, service, span)?;
        run.thresholds = thresholds;
        Ok(Some(RunReport::new(run, Some(service))))
    };
    let judged = store::read(&state, judge).await?;
    let report = judged.ok_or_else(|| new.fault("the service was removed from the config"))?;
    let (run, act) = (report.run.clone(), Act::new(now, by, "run.observe"));
    let keep = move |store: &mut Store| store.keep_run(&run);
    let entry = |id: &i64, act: Act| act.entry(&id.to_string(), "ok");
    let id = audit::change(&state, act, keep, entry).await?;
    let head = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::LOCATION, format!("runs/{id}")),
    ];
    Ok((StatusCode::CREATED, head, report.to_json()).into_response())
}

/// The time range of a run, which ends now at the latest.
fn span(new: &Fields, now: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
    let (from, to) = (new.required_time("from")?, new.time("to")?);
    let to = to.map_or(now, |to| to.min(now));
    if to <= from {
        return Err(new.fault("`from` must be before `to` and in the past"));
    }
    if to.since(from) > LONGEST {
        let longest = show_duration(LONGEST);
        return Err(new.fault(format!("a run can take at most {longest}")));
    }
    Ok((from, to))
}

fn thresholds(new: &Fields) -> Result<Vec<String>, Problem> {
    let texts = new.strings("thresholds")?;
    if texts.len() > THRESHOLDS_MAX {
        let reason = format!("`thresholds` must have at most {THRESHOLDS_MAX} conditions");
        return Err(new.fault(reason));
    }
    let parse = |text: &String| text.parse::<Threshold>();
    let all: Result<Vec<_>, _> = texts.iter().map(parse).collect();
    let all = all.map_err(|reason| new.fault(format!("`thresholds`: {reason}")))?;
    check_thresholds(&all).map_err(|reason| new.fault(format!("`thresholds`: {reason}")))?;
    Ok(all.iter().map(Threshold::written).collect())
}

/// A run in the format of `slod runs show --format json`.
pub async fn one(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = read_run(&state, &id, |report, _, _| Ok(report.to_json())).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
}

pub async fn overview(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let query = PageQuery::of(query.as_deref());
    let (service, before) = (query.value("service"), query.number("cursor"));
    let wanted = RunsQuery {
        service: service.clone(),
        before,
        limit: DEFAULT_LIMIT,
        now: state.clock.now(),
    };
    let (runs, next) = wanted.read(&state).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, query, trouble.as_deref());
    let listed = RunsPage {
        runs: &runs,
        service: service.as_deref(),
        is_newest: before.is_none(),
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
    let (report, run, compared) = read_run(&state, &id, draw).await?;
    let trouble = state.store.stats().trouble();
    let view = view(&state, PageQuery::of(query.as_deref()), trouble.as_deref());
    Ok(Html(render_run(&report, &run, compared.as_ref(), view)))
}

/// Requested page of runs.
struct RunsQuery {
    service: Option<String>,
    /// Cursor: the end of the previous page.
    before: Option<i64>,
    limit: u32,
    now: Timestamp,
}

impl RunsQuery {
    /// The runs, and the cursor of the next page, if any.
    async fn read(self, state: &WebState) -> Result<(Vec<Digest>, Option<i64>), Problem> {
        let (digests, config) = (state.digests.clone(), config(state));
        let (service, is_newest) = (self.service.clone(), self.before.is_none());
        let read = move |store: &Store| self.digests(store, &digests, &config);
        let (found, next) = store::read(state, read).await?;
        if found.is_empty() && is_newest {
            check_service(state, service.as_deref())?;
        }
        Ok((found, next))
    }

    fn digests(
        self,
        store: &Store,
        digests: &Digests,
        config: &Arc<Config>,
    ) -> Result<(Vec<Digest>, Option<i64>), StoreError> {
        let (service, before) = (self.service.as_deref(), self.before.unwrap_or(i64::MAX));
        let runs = store.runs_before(before, service, self.limit + 1)?;
        let (runs, has_more) = cut(runs, self.limit);
        let next = runs.last().filter(|_| has_more).map(|last| last.id);
        Ok((digests.of(store, config, runs, self.now)?, next))
    }
}

/// Runs a function on a stored run outside of the async workers.
async fn read_run<T: Send + 'static>(
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
    let found = store::read(state, read).await?;
    found.ok_or_else(|| {
        let problem = Problem::new(StatusCode::NOT_FOUND, "no readable run has this number");
        let id = beginning(id, NAME_SHOWN);
        problem.because(format!("{id} (GET /api/v1/runs lists all)"))
    })
}

fn config(state: &WebState) -> Arc<Config> {
    state.configs.borrow().clone()
}

fn row(digest: &Digest, now: Timestamp) -> RunRow {
    RunRow::of(&digest.run, now, digest.summary.as_deref().cloned())
}
