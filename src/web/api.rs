//! The current state as JSON, as read by `slod status`.

use super::WebState;
use super::problem::{NAME_SHOWN, Problem};
use crate::diagnostic::nearest;
use crate::report::metrics::MetricsStatus;
use crate::report::status::{ServiceStatus, Status};
use crate::text::beginning;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

fn status_now(state: &WebState) -> Status {
    let alerts = Arc::clone(&state.alerts.borrow());
    Status::of(&state.ledger_view().snapshot(), alerts.firing())
}

pub async fn services(State(state): State<WebState>) -> Json<Status> {
    Json(status_now(&state))
}

pub async fn service(
    State(state): State<WebState>,
    Path(name): Path<String>,
) -> Result<Json<ServiceAnswer>, Problem> {
    let system = Arc::clone(&state.system.borrow());
    let own = system.services.iter().find(|one| *one.service == *name);
    let metrics = own.map(|metrics| MetricsStatus::of(metrics));
    let ledger = state.ledger_view();
    let found = ledger.service(&name);
    found
        .map(|service| ServiceStatus::in_depth(&service, ledger.at))
        .map(|status| Json(ServiceAnswer { status, metrics }))
        .ok_or_else(|| unknown_service(&state, &name))
}

/// A service, with its own metrics if it has them.
#[derive(Serialize)]
pub struct ServiceAnswer {
    #[serde(flatten)]
    status: ServiceStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<MetricsStatus>,
}

/// One objective of one service.
#[derive(Serialize)]
pub struct NamedObjective {
    service: String,
    #[serde(flatten)]
    objective: crate::report::status::ObjectiveStatus,
}

pub async fn objectives(State(state): State<WebState>) -> Json<Vec<NamedObjective>> {
    let status = status_now(&state);
    let named = |service: ServiceStatus| {
        let name = service.name;
        service
            .objectives
            .into_iter()
            .map(move |objective| NamedObjective {
                service: name.clone(),
                objective,
            })
    };
    Json(status.services.into_iter().flat_map(named).collect())
}

/// Rejects the name of a service that is not in the config, because an empty list would look as if there
/// were nothing to list. Lists of the past check this only if they are empty, because a service that was
/// removed from the config still has its history.
pub fn check_service(state: &WebState, name: Option<&str>) -> Result<(), Problem> {
    match name.filter(|name| state.ledger_view().service(name).is_none()) {
        Some(name) => Err(unknown_service(state, name)),
        None => Ok(()),
    }
}

/// The error for a service that another shard observes; `None` for other names.
pub fn in_other_shard(state: &WebState, service: &str) -> Option<Problem> {
    let reason = state.configs.borrow().other_shard(service)?;
    let title = "another daemon observes this service";
    Some(Problem::new(StatusCode::NOT_FOUND, title).because(reason))
}

/// The error for a service that is not in the config, with the nearest name that is.
pub fn unknown_service(state: &WebState, name: &str) -> Problem {
    if let Some(problem) = in_other_shard(state, name) {
        return problem;
    }
    let config = state.configs.borrow();
    let known = config.services.iter().map(|service| &*service.name);
    let problem = Problem::new(StatusCode::NOT_FOUND, "no service has this name");
    match nearest(name, known) {
        Some(near) => {
            let name = beginning(name, NAME_SHOWN);
            problem.because(format!("{name}; did you mean {near}?"))
        }
        None => problem.named(name),
    }
}
