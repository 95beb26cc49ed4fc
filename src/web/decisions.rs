//! User decisions about alerts as JSON: acknowledgements and silences.

pub mod forms;

use super::WebState;
use super::alerts::now;
use super::audit::Act;
use super::auth::Identity;
use super::fields::{Fields, LINE_MAX};
use super::page::silence_form::RECENT;
use super::problem::Problem;
use super::request::{JsonBody, Query};
use super::store;
use crate::alert::{Acknowledgement, AlertRecord, Matcher, Silence};
use crate::alerting::AlertsView;
use crate::config::{AlertLabels, Config};
use crate::outcome::Timestamp;
use crate::report::alerts::AlertEntry;
use crate::report::silences::SilenceEntry;
use crate::slo::correction::YEARS;
use crate::store::{Store, StoreError};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use std::sync::Arc;

/// Title of errors in acknowledgements.
const ACKNOWLEDGEMENT: &str = "invalid acknowledgement";
/// Number of newest alerts considered for a preview.
const SEARCHED_MAX: u32 = 10_000;
/// Maximum number of alerts of each kind in a preview.
const PREVIEW_MAX: usize = 200;

/// Alerts that a silence would mute.
#[derive(Debug, Serialize)]
pub struct Preview {
    firing: Vec<AlertEntry>,
    /// Alerts of the last seven days that are resolved.
    recent: Vec<AlertEntry>,
}

pub async fn acknowledge(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: JsonBody,
) -> Result<Json<AlertEntry>, Problem> {
    let new = body.only(ACKNOWLEDGEMENT, &["note", "author"])?;
    record(&state, by, &fingerprint, &new).await.map(Json)
}

/// Keeps an acknowledgement of the firing alert with this fingerprint.
async fn record(
    state: &WebState,
    by: Identity,
    fingerprint: &str,
    new: &Fields,
) -> Result<AlertEntry, Problem> {
    let at = state.clock.now();
    let acknowledgement = Acknowledgement {
        at,
        by: new.author(&by)?,
        note: new.line("note", 0..=LINE_MAX)?,
    };
    let view = Arc::clone(&state.alerts.borrow());
    let alert = find(&view, fingerprint)?.clone();
    let act = Act::new(at, by, "alert.acknowledge");
    let entry = act.entry(&alert.key.words(), "ok");
    let (key, from, kept) = (alert.key.clone(), alert.from, acknowledgement.clone());
    let number = u64::from_str_radix(fingerprint, 16).ok();
    decide(state, move |store| {
        let acknowledge = |store: &mut Store| {
            store.acknowledge(&key, from, &kept)?;
            // An acknowledged alert is not escalated.
            number.map_or(Ok(()), |number| store.cancel_escalations(number, at))
        };
        store.audited(acknowledge, |()| entry)
    })
    .await?;
    tracing::info!(
        by = acknowledgement.by,
        "{}: acknowledged",
        alert.key.words()
    );
    let alert = AlertRecord {
        acknowledged: Some(Arc::new(acknowledgement)),
        ..alert
    };
    Ok(AlertEntry::with_fingerprint(&alert, &view.rules))
}

fn find<'a>(view: &'a AlertsView, fingerprint: &str) -> Result<&'a AlertRecord, Problem> {
    let title = "no firing alert has this fingerprint";
    let missing = || Problem::new(StatusCode::NOT_FOUND, title);
    view.find(fingerprint).ok_or_else(missing)
}

pub async fn silences(State(state): State<WebState>) -> Result<Json<Vec<SilenceEntry>>, Problem> {
    let (decisions, now) = (state.decisions.borrow().clone(), state.clock.now());
    let read = move |store: &Store| SilenceEntry::list(store, &decisions.silences, now);
    store::read(&state, read).await.map(Json)
}

pub async fn add_silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: JsonBody,
) -> Result<(StatusCode, Json<SilenceEntry>), Problem> {
    let keys = ["matchers", "from", "to", "reason", "author"];
    let new = body.only("invalid silence", &keys)?;
    let now = state.clock.now();
    let silence = Silence {
        id: 0,
        matchers: matchers(&new, "matchers")?,
        from: new.time("from")?.unwrap_or(now),
        to: new.required_time("to")?,
        author: new.author(&by)?,
        reason: new.line("reason", 1..=LINE_MAX)?,
    };
    if let Some(fault) = silence.fault() {
        return Err(new.fault(fault));
    }
    if silence.to <= now {
        return Err(new.fault("`to` is in the past"));
    }
    if silence.from < YEARS.0 || silence.to > YEARS.1 {
        return Err(new.fault("the time range must be in the years 2000 to 2099"));
    }
    let kept = keep_silence(&state, by, silence, now).await?;
    let entry = SilenceEntry {
        remarks: remarks(&state.configs.borrow(), &kept),
        ..SilenceEntry::of(&kept, now)
    };
    Ok((StatusCode::CREATED, Json(entry)))
}

async fn keep_silence(
    state: &WebState,
    by: Identity,
    silence: Silence,
    now: Timestamp,
) -> Result<Silence, Problem> {
    let act = Act::new(now, by, "silence.add");
    let kept = decide(state, move |store| {
        let add = |store: &mut Store| store.add_silence(&silence);
        store.audited(add, |kept| act.entry(&kept.id.to_string(), "ok"))
    })
    .await?;
    tracing::info!(
        id = kept.id,
        author = kept.author,
        reason = kept.reason,
        "silence added"
    );
    Ok(kept)
}

/// Required labels and values that no alert can have. The silence is added anyway, since a service that it names
/// may be added later.
fn remarks(config: &Config, silence: &Silence) -> Vec<String> {
    let labels = AlertLabels::of(config);
    let required = silence.matchers.iter().filter_map(Matcher::required);
    let unknown = required.filter_map(|(label, value)| labels.unknown(label, value));
    unknown
        .map(|one| format!("{}; {}", one.message, one.help))
        .collect()
}

pub async fn remove_silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    end_silence(&state, by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends an active silence, or removes a planned one.
async fn end_silence(state: &WebState, by: Identity, id: &str) -> Result<(), Problem> {
    let missing = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no planned or active silence has this id",
        )
    };
    let id: i64 = id.parse().map_err(|_| missing())?;
    let now = state.clock.now();
    let act = Act::new(now, by, "silence.remove");
    let removed = decide(state, move |store| {
        let remove = |store: &mut Store| store.remove_silence(id, now);
        let outcome = |removed: bool| if removed { "ok" } else { "not found" };
        store.audited(remove, |removed| {
            act.entry(&id.to_string(), outcome(*removed))
        })
    })
    .await?;
    if !removed {
        return Err(missing());
    }
    tracing::info!(id, "silence removed");
    Ok(())
}

/// Alerts that match `?matcher=...&matcher=...`.
pub async fn preview(
    State(state): State<WebState>,
    query: Query,
) -> Result<Json<Preview>, Problem> {
    let asked = query.all("matcher")?;
    let silence = Silence {
        id: 0,
        matchers: matchers(&asked, "matcher")?,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
        author: String::new(),
        reason: String::new(),
    };
    if let Some(fault) = silence.fault() {
        return Err(asked.fault(fault));
    }
    let rules = state.alerts.borrow().rules.clone();
    let matching = move |alerts: Vec<AlertRecord>| -> Vec<AlertEntry> {
        let found = alerts
            .iter()
            .filter(|one| silence.matches(&rules.labels(one)));
        let entry = |one| AlertEntry::with_fingerprint(one, &rules);
        found.take(PREVIEW_MAX).map(entry).collect()
    };
    let (firing, at) = (now(&state), state.clock.now());
    let look = move |store: &Store| {
        let mut past = store.alerts(at.before(RECENT), Timestamp(i64::MAX), SEARCHED_MAX)?;
        past.retain(|one| one.to.is_some());
        Ok(Preview {
            firing: matching(firing),
            recent: matching(past),
        })
    };
    store::read(&state, look).await.map(Json)
}

/// Changes the store and publishes the new decisions. Both happen on the writer thread, so that the last
/// change is also published last.
async fn decide<T: Send + 'static>(
    state: &WebState,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let decisions = state.decisions.clone();
    store::write(state, move |store| {
        let done = change(store)?;
        decisions.send_replace(Arc::new(store.decisions()?));
        Ok(done)
    })
    .await
}

fn matchers(given: &Fields, name: &str) -> Result<Vec<Matcher>, Problem> {
    let texts = given.strings(name)?;
    let read = texts.iter().map(|text| Matcher::parse_list(text));
    let lists: Result<Vec<Vec<_>>, _> = read.collect();
    Ok(lists.map_err(|fault| given.fault(fault))?.concat())
}
