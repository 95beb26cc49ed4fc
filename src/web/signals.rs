//! Warning signs and healthy indicators as JSON.

use super::WebState;
use super::api::{check_service, unknown_service};
use super::problem::Problem;
use super::request::Query;
use crate::ledger::snapshot::ServiceView;
use crate::report::signals::{HealthAnswer, SignalEntry};
use axum::Json;
use axum::extract::{Path, State};

/// Those of a service; by default all, including the host's.
pub async fn list(
    State(state): State<WebState>,
    query: Query,
) -> Result<Json<Vec<SignalEntry>>, Problem> {
    let parameters = query.only(&["service"])?;
    let service = parameters.text("service")?;
    check_service(&state, service)?;
    let (findings, alerts) = (
        state.findings.borrow().clone(),
        state.alerts.borrow().clone(),
    );
    let wanted = findings
        .all
        .iter()
        .filter(|one| service.is_none() || one.service.as_deref() == service);
    let entry = |one| SignalEntry::of(one).with_alert(alerts.firing());
    Ok(Json(wanted.map(entry).collect()))
}

/// The health of a service.
pub async fn health(
    State(state): State<WebState>,
    Path(name): Path<String>,
) -> Result<Json<HealthAnswer>, Problem> {
    let ledger = state.ledger_view();
    ledger
        .service(&name)
        .map(|service| report(&state, Some(&service)))
        .ok_or_else(|| unknown_service(&state, &name))
}

/// The health of the host.
pub async fn host(State(state): State<WebState>) -> Json<HealthAnswer> {
    report(&state, None)
}

fn report(state: &WebState, service: Option<&ServiceView>) -> Json<HealthAnswer> {
    let (findings, alerts) = (
        state.findings.borrow().clone(),
        state.alerts.borrow().clone(),
    );
    Json(HealthAnswer::of(service, &findings, alerts.firing()))
}
