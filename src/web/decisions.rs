//! What people decide about alerts: acknowledgements and silences, as JSON.

use super::WebState;
use super::alerts::now;
use super::audit::Act;
use super::auth::Identity;
use super::corrections::on_store;
use super::problem::Problem;
use crate::alert::{Acknowledgement, AlertRecord, Matcher, Silence};
use crate::outcome::Timestamp;
use crate::report::alerts::AlertEntry;
use crate::report::silences::SilenceEntry;
use crate::store::{Store, StoreError};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded;

/// Characters of a note, a reason or an author.
const TEXT: usize = 500;
/// A preview also shows alerts that fired this recently,
const RECENT: Duration = Duration::from_secs(7 * 86_400);
/// among the newest so many,
const LOOKED_THROUGH: u32 = 10_000;
/// and shows so many of each at most.
const SHOWN: usize = 200;

/// An acknowledgement as clients write it.
#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `author` (unless authenticated), and optionally `note`"
)]
pub struct NewAcknowledgement {
    #[serde(default)]
    note: String,
    /// Replaced by the name of who is authenticated.
    #[serde(default)]
    author: String,
}

/// A silence as clients write it.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `matchers`, `to`, `reason`, `author` (unless authenticated), and optionally `from`"
)]
pub struct NewSilence {
    matchers: Vec<String>,
    /// Now, if it is left out.
    from: Option<DateTime<Utc>>,
    to: DateTime<Utc>,
    reason: String,
    /// Replaced by the name of who is authenticated.
    #[serde(default)]
    author: String,
}

/// What a silence would keep from notifying.
#[derive(Debug, Serialize)]
pub struct Preview {
    firing: Vec<AlertEntry>,
    /// Alerts of the last seven days that are over.
    recent: Vec<AlertEntry>,
}

pub async fn acknowledge(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(fingerprint): Path<String>,
    body: Result<Json<NewAcknowledgement>, JsonRejection>,
) -> Result<Json<AlertEntry>, Problem> {
    let title = "invalid acknowledgement";
    let Json(new) = body.map_err(|error| Problem::invalid(error.status(), title, &error))?;
    let at = state.clock.now();
    let acknowledgement = Acknowledgement {
        at,
        by: author(&by, new.author)?,
        note: new.note.trim().to_owned(),
    };
    if acknowledgement.note.chars().count() > TEXT {
        return Err(unprocessable(format!(
            "`note` has more than {TEXT} characters"
        )));
    }
    let view = Arc::clone(&state.alerts.borrow());
    let Some(alert) = view.find(&fingerprint).cloned() else {
        let title = "no alert with this fingerprint fires";
        return Err(Problem::new(StatusCode::NOT_FOUND, title));
    };
    let act = Act {
        at,
        by,
        action: "alert.acknowledge",
    };
    let entry = act.entry(&alert.key.words(), "ok");
    let (key, from, kept) = (alert.key.clone(), alert.from, acknowledgement.clone());
    let number = u64::from_str_radix(&fingerprint, 16).ok();
    decide(&state, move |store| {
        let acknowledge = |store: &mut Store| {
            store.acknowledge(&key, from, &kept)?;
            // Somebody takes care of it, so it is not escalated.
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
    Ok(Json(AlertEntry::with_fingerprint(&alert, &view.rules)))
}

pub async fn silences(State(state): State<WebState>) -> Result<Json<Vec<SilenceEntry>>, Problem> {
    let (decisions, now) = (state.decisions.borrow().clone(), state.clock.now());
    let path = state.history;
    let read = move || {
        let store = Store::open_read_only(&path)?;
        SilenceEntry::list(&store, &decisions.silences, now)
    };
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the alerts that silences muted cannot be read",
    );
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(all)) => Ok(Json(all)),
        Ok(Err(error)) => Err(failed.because(error.to_string())),
        Err(_panic) => Err(failed),
    }
}

pub async fn add_silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    body: Result<Json<NewSilence>, JsonRejection>,
) -> Result<(StatusCode, Json<SilenceEntry>), Problem> {
    let title = "invalid silence";
    let Json(new) = body.map_err(|error| Problem::invalid(error.status(), title, &error))?;
    let now = state.clock.now();
    let stamp = |at: DateTime<Utc>| Timestamp(at.timestamp_millis());
    let silence = Silence {
        id: 0,
        matchers: matchers(&new.matchers)?,
        from: new.from.map_or(now, stamp),
        to: stamp(new.to),
        author: author(&by, new.author)?,
        reason: text("reason", new.reason)?,
    };
    if let Some(fault) = silence.fault() {
        return Err(unprocessable(fault));
    }
    if silence.to <= now {
        return Err(unprocessable("`to` is in the past".to_owned()));
    }
    let act = Act {
        at: now,
        by,
        action: "silence.add",
    };
    let kept = decide(&state, move |store| {
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
    Ok((StatusCode::CREATED, Json(SilenceEntry::of(&kept, now))))
}

pub async fn remove_silence(
    State(state): State<WebState>,
    Extension(by): Extension<Identity>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let missing = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no silence that is not over has this id",
        )
    };
    let id: i64 = id.parse().map_err(|_| missing())?;
    let now = state.clock.now();
    let act = Act {
        at: now,
        by,
        action: "silence.remove",
    };
    let removed = decide(&state, move |store| {
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
    Ok(StatusCode::NO_CONTENT)
}

/// What matches `?matcher=...&matcher=...`.
pub async fn preview(
    State(state): State<WebState>,
    RawQuery(query): RawQuery,
) -> Result<Json<Preview>, Problem> {
    let query = query.unwrap_or_default();
    let mut given = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if name != "matcher" {
            return Err(unprocessable(format!(
                "unknown parameter `{name}`; expected `matcher`"
            )));
        }
        given.push(value.into_owned());
    }
    let silence = Silence {
        id: 0,
        matchers: matchers(&given)?,
        from: Timestamp(0),
        to: Timestamp(i64::MAX),
        author: String::new(),
        reason: String::new(),
    };
    if let Some(fault) = silence.fault() {
        return Err(unprocessable(fault));
    }
    let rules = state.alerts.borrow().rules.clone();
    let matching = move |alerts: Vec<AlertRecord>| -> Vec<AlertEntry> {
        let found = alerts
            .iter()
            .filter(|one| silence.matches(&rules.labels(one)));
        let entry = |one| AlertEntry::with_fingerprint(one, &rules);
        found.take(SHOWN).map(entry).collect()
    };
    let (firing, path, at) = (now(&state), state.history.clone(), state.clock.now());
    let look = move || {
        let store = Store::open_read_only(&path)?;
        let mut past = store.alerts(at.before(RECENT), Timestamp(i64::MAX), LOOKED_THROUGH)?;
        past.retain(|one| one.to.is_some());
        Ok::<_, StoreError>(Preview {
            firing: matching(firing),
            recent: matching(past),
        })
    };
    let failed = Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the store cannot be read",
    );
    match tokio::task::spawn_blocking(look).await {
        Ok(Ok(preview)) => Ok(Json(preview)),
        Ok(Err(error)) => Err(failed.because(error.to_string())),
        Err(_panic) => Err(failed),
    }
}

/// Makes a change in the store, and publishes what is decided then. Both on the thread that writes,
/// so that the last change is the last that is published.
async fn decide<T: Send + 'static>(
    state: &WebState,
    change: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let decisions = state.decisions.clone();
    on_store(state, move |store| {
        let done = change(store)?;
        decisions.send_replace(Arc::new(store.decisions()?));
        Ok(done)
    })
    .await
}

fn matchers(given: &[String]) -> Result<Vec<Matcher>, Problem> {
    let read = given.iter().map(|text| Matcher::parse_list(text));
    let lists: Vec<Vec<_>> = read.collect::<Result<_, _>>().map_err(unprocessable)?;
    Ok(lists.concat())
}

/// Who is authenticated, or else who they say they are.
fn author(by: &Identity, given: String) -> Result<String, Problem> {
    if by.is_authenticated {
        return Ok(by.name.to_string());
    }
    text("author", given)
}

fn text(key: &str, given: String) -> Result<String, Problem> {
    let is_valid = !given.trim().is_empty() && given.chars().count() <= TEXT;
    let fault = || unprocessable(format!("`{key}` must have 1 to {TEXT} characters"));
    is_valid.then_some(given).ok_or_else(fault)
}

fn unprocessable(reason: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
}
