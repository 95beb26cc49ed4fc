//! What was sent to receivers, and what they answered.

use super::WebState;
use super::problem::Problem;
use crate::store::{Sent, Store};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Messages of one answer at most.
const LIMIT: u32 = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// The smallest `id` of the page before.
    before: Option<i64>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct Notifications {
    /// The newest first.
    sent: Vec<SentView>,
    /// How many notices wait for each receiver.
    waiting: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct SentView {
    id: i64,
    at: DateTime<Utc>,
    receiver: String,
    group: String,
    key: String,
    firing: u64,
    resolved: u64,
    delivered: bool,
    answer: String,
}

pub async fn list(
    State(state): State<WebState>,
    page: Result<Query<Listing>, QueryRejection>,
) -> Result<Json<Notifications>, Problem> {
    let title = "invalid page";
    let Query(page) =
        page.map_err(|error| Problem::invalid(StatusCode::BAD_REQUEST, title, &error))?;
    let limit = page.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT).contains(&limit) {
        let reason = format!("`limit` must be from 1 to {LIMIT}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, title).because(reason));
    }
    let (path, before) = (state.history, page.before.unwrap_or(i64::MAX));
    let read = move || {
        let store = Store::open_read_only(&path)?;
        Ok((store.notifications(before, limit)?, store.waiting()?))
    };
    let failed = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the notifications cannot be read",
    );
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok((sent, waiting))) => Ok(Json(Notifications {
            sent: sent.into_iter().map(SentView::from).collect(),
            waiting,
        })),
        Ok(Err(error)) => {
            let error: crate::store::StoreError = error;
            Err(failed.because(error.to_string()))
        }
        Err(_panic) => Err(failed),
    }
}

impl From<Sent> for SentView {
    fn from(sent: Sent) -> Self {
        Self {
            id: sent.id,
            at: sent.at.to_utc(),
            receiver: sent.receiver,
            group: sent.group,
            key: sent.key,
            firing: sent.firing,
            resolved: sent.resolved,
            delivered: sent.delivered,
            answer: sent.answer,
        }
    }
}
