//! Burn-rate alerts as JSON: those that fire, and those of a span of time.

use super::WebState;
use super::problem::Problem;
use crate::alert::{AlertKey, AlertRecord};
use crate::outcome::Timestamp;
use crate::store::{Store, StoreError};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Alerts in one answer at most: the newest.
const LIMIT: u32 = 10_000;

/// Those that fired in it; what fires now, if both ends are left out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
}

#[derive(Debug, Serialize)]
pub struct AlertView {
    service: String,
    slo: String,
    tier: u8,
    /// `1h/5m`
    windows: String,
    /// `page` or `ticket`
    urgency: &'static str,
    severity: &'static str,
    fired_at: DateTime<Utc>,
    /// Absent while it fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
    /// Share of the error budget that was spent when it fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_spent_ratio: Option<f64>,
    /// Whether a faster tier of the same objective was firing already.
    inhibited: bool,
}

pub async fn alerts(
    State(state): State<WebState>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Vec<AlertView>>, Problem> {
    let Query(span) =
        span.map_err(|error| Problem::invalid(StatusCode::BAD_REQUEST, "invalid query", &error))?;
    if span
        .from
        .is_some_and(|from| span.to.is_some_and(|to| to <= from))
    {
        let title = "`to` must be after `from`";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title));
    }
    let path = state.history.clone();
    let read = tokio::task::spawn_blocking(move || read(&path, &span)).await;
    let failed = || {
        let title = "the store cannot be read";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, title)
    };
    match read {
        Ok(Ok(alerts)) => Ok(Json(alerts.iter().map(AlertView::of).collect())),
        Ok(Err(error)) => Err(failed().because(error.to_string())),
        Err(_panic) => Err(failed()),
    }
}

/// Blocks.
fn read(path: &Path, span: &Span) -> Result<Vec<AlertRecord>, StoreError> {
    let store = Store::open_read_only(path)?;
    if span.from.is_none() && span.to.is_none() {
        return store.firing_alerts();
    }
    let stamp = |at: DateTime<Utc>| Timestamp(at.timestamp_millis());
    let from = span.from.map_or(Timestamp(0), stamp);
    store.alerts(from, span.to.map_or(Timestamp(i64::MAX), stamp), LIMIT)
}

impl AlertView {
    fn of(alert: &AlertRecord) -> Self {
        let AlertKey { service, slo, tier } = &alert.key;
        Self {
            service: service.to_string(),
            slo: slo.to_string(),
            tier: tier.number,
            windows: tier.windows(),
            urgency: tier.urgency.label(),
            severity: tier.urgency.severity(),
            fired_at: alert.from.to_utc(),
            ended_at: alert.to.map(Timestamp::to_utc),
            budget_spent_ratio: alert.spent,
            inhibited: alert.inhibited,
        }
    }
}
