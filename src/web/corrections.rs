//! Corrections as JSON: what is in force, a new one, and one taken back.

use super::problem::Problem;
use super::{Reloaded, WebState};
use crate::diagnostic::nearest;
use crate::ledger::Snapshot;
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG};
use crate::store::{Store, StoreError};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a client waits for the disk.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(31 * 86_400);
/// Characters of a reason or an author, and names in a list.
const TEXT: usize = 500;
const NAMES: usize = 1000;

/// A correction as clients write and read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectionView {
    /// Given by the daemon.
    #[serde(default, skip_deserializing)]
    id: String,
    from: DateTime<Utc>,
    /// Exclusive.
    to: DateTime<Utc>,
    /// Empty or left out means all.
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    slos: Vec<String>,
    reason: String,
    author: String,
}

/// Those of the config and those made by hand, the latest first.
pub async fn list(State(state): State<WebState>) -> Json<Vec<CorrectionView>> {
    let snapshot = state.snapshots.borrow();
    Json(
        snapshot
            .corrections
            .iter()
            .map(CorrectionView::of)
            .collect(),
    )
}

pub async fn add(
    State(state): State<WebState>,
    body: Result<Json<CorrectionView>, JsonRejection>,
) -> Result<(StatusCode, Json<CorrectionView>), Problem> {
    let Json(view) = body.map_err(|error| {
        Problem::new(error.status(), "this is no correction").because(error.body_text())
    })?;
    view.check(&state.snapshots.borrow())
        .map_err(|reason| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    let (new, now) = (view.correction(), state.clock.now());
    let kept = on_store(&state, move |store| store.add_correction(&new, now)).await?;
    tracing::info!(
        id = kept.id,
        author = kept.author,
        reason = kept.reason,
        "a correction was made"
    );
    taken(&state).await?;
    Ok((StatusCode::CREATED, Json(CorrectionView::of(&kept))))
}

pub async fn take_back(
    State(state): State<WebState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    if id.starts_with(IN_CONFIG) {
        let title = "this correction stands in the config: remove it there";
        return Err(Problem::new(StatusCode::CONFLICT, title));
    }
    let (wanted, now) = (id.clone(), state.clock.now());
    let found = on_store(&state, move |store| {
        store.take_back_correction(&wanted, now)
    })
    .await?;
    if !found {
        let title = "no correction in force has this id";
        return Err(Problem::new(StatusCode::NOT_FOUND, title).because(id));
    }
    tracing::info!(id, "a correction was taken back");
    taken(&state).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the thread that writes.
pub(super) async fn on_store<T: Send + 'static>(
    state: &WebState,
    errand: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let store = state.store.clone();
    let asked = tokio::task::spawn_blocking(move || store.ask(PATIENCE, errand)).await;
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the store cannot keep this now",
    );
    match asked {
        Ok(Some(Ok(done))) => Ok(done),
        Ok(Some(Err(error))) => Err(failed.because(error.to_string())),
        Ok(None) => Err(failed.because("it does not answer in time")),
        Err(_panic) => Err(failed),
    }
}

/// Waits until the numbers are those of the changed corrections.
async fn taken(state: &WebState) -> Result<(), Problem> {
    state.take(Reloaded::Corrections).await?.map_err(|reason| {
        let title = "it is kept, but not counted yet";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, title).because(reason)
    })
}

impl CorrectionView {
    fn of(correction: &Correction) -> Self {
        Self {
            id: correction.id.clone(),
            from: correction.from.to_utc(),
            to: correction.to.to_utc(),
            services: correction.services.clone(),
            slos: correction.slos.clone(),
            reason: correction.reason.clone(),
            author: correction.author.clone(),
        }
    }

    fn correction(&self) -> Correction {
        Correction {
            id: String::new(),
            from: Timestamp(self.from.timestamp_millis()),
            to: Timestamp(self.to.timestamp_millis()),
            services: self.services.clone(),
            slos: self.slos.clone(),
            reason: self.reason.clone(),
            author: self.author.clone(),
        }
    }

    fn check(&self, snapshot: &Snapshot) -> Result<(), String> {
        let length = (self.to - self.from).to_std().unwrap_or_default();
        if length.is_zero() || length > LONGEST {
            return Err("`to` must be after `from`, by 31 days at most".to_owned());
        }
        for (key, text) in [("reason", &self.reason), ("author", &self.author)] {
            if text.trim().is_empty() || text.chars().count() > TEXT {
                return Err(format!("`{key}` needs 1 to {TEXT} characters"));
            }
        }
        if self.services.len() > NAMES || self.slos.len() > NAMES {
            return Err(format!("at most {NAMES} names"));
        }
        let services = snapshot.services.iter().map(|service| &*service.name);
        check_names("service", &self.services, &services.collect::<Vec<_>>())?;
        let objectives = snapshot.services.iter().flat_map(|s| &s.objectives);
        let slos = objectives.map(|view| view.objective.name.as_str());
        check_names("objective", &self.slos, &slos.collect::<Vec<_>>())
    }
}

fn check_names(what: &str, names: &[String], known: &[&str]) -> Result<(), String> {
    let unknown = names.iter().find(|name| !known.contains(&name.as_str()));
    let Some(name) = unknown else { return Ok(()) };
    Err(match nearest(name, known.iter().copied()) {
        Some(near) => format!("no {what} is named `{name}`; did you mean `{near}`?"),
        None => format!("no {what} is named `{name}`"),
    })
}
