//! The status page's routes.

use super::WebState;
use super::page::{View, render_overview, render_service, style};
use super::problem::Problem;
use crate::slo::occurrence::Cursor;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;

/// What the pages fetch under its hash never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub async fn overview(State(state): State<WebState>, RawQuery(query): RawQuery) -> Html<String> {
    let snapshot = state.ledger_view().snapshot();
    let system = Arc::clone(&state.system.borrow());
    let view = view(&state, query.as_deref());
    let alerts = Arc::clone(&state.alerts.borrow());
    Html(render_overview(&snapshot, &alerts, &system, view))
}

pub async fn service(
    State(state): State<WebState>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Html<String>, Problem> {
    let ledger = state.ledger_view();
    let service = ledger.service(&name).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no service has this name").because(name)
    })?;
    let system = Arc::clone(&state.system.borrow());
    let alerts = Arc::clone(&state.alerts.borrow());
    let view = view(&state, query.as_deref());
    let older = query.as_deref().and_then(older);
    Ok(Html(render_service(
        &service,
        &ledger.corrections,
        &alerts,
        &system,
        ledger.at,
        view,
        older.as_ref(),
    )))
}

/// Where the list of corrections goes on; from its start on where that is no place in it.
fn older(query: &str) -> Option<Cursor> {
    let mut parts = query.split('&');
    parts.find_map(|part| Cursor::parse(part.strip_prefix("corrections=")?))
}

fn view(state: &WebState, query: Option<&str>) -> View {
    let asked = |query: &str| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("reload"))
    };
    View {
        now: state.clock.now(),
        reload: query.is_some_and(asked),
    }
}

pub async fn stylesheet(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", *style::HASH);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|seen| seen.as_bytes() == tag.as_bytes());
    let head = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, FOR_EVER.to_owned()),
        (header::ETAG, tag),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        (head, style::STYLE).into_response()
    }
}
