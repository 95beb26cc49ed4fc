//! SVG badges with an objective's state, SLI or budget.

use super::WebState;
use super::api::in_other_shard;
use super::problem::Problem;
use super::request::Query;
use crate::format::numbers;
use crate::ledger::snapshot::ObjectiveView;
use crate::report::health::{Health, HealthLevel};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

/// Code hosts' proxies cache for this long; the daemon has new numbers every few seconds. Without `public`,
/// shared caches do not store responses to authenticated requests (RFC 9111, section 3.5).
const CACHE: &str = "max-age=60";

#[derive(Clone, Copy, Debug)]
enum BadgeContent {
    Sli,
    Status,
    Budget,
}

pub async fn badge(
    State(state): State<WebState>,
    Path((service, file)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Problem> {
    // Markdown files add parameters against caches, such as `?v=2`.
    let parameters = query.some(&["show"])?;
    let shown = match parameters.text("show")? {
        None | Some("sli") => BadgeContent::Sli,
        Some("status") => BadgeContent::Status,
        Some("budget") => BadgeContent::Budget,
        Some(_) => return Err(parameters.fault("`show` must be `sli`, `status` or `budget`")),
    };
    let name = file.strip_suffix(".svg").unwrap_or(&file);
    let found = state.ledger_view().service(&service);
    let objectives = found.iter().flat_map(|one| &one.objectives);
    let view = objectives
        .into_iter()
        .find(|view| view.objective.name == name);
    let view = view.ok_or_else(|| {
        let unknown = Problem::new(StatusCode::NOT_FOUND, "no objective has this name");
        in_other_shard(&state, &service)
            .unwrap_or_else(|| unknown.named(&format!("{service}/{name}")))
    })?;
    let level = Health::of_objective(view).level();
    let svg = draw(&format!("{service} {name}"), &text(view, shown), level);
    let head = [
        (header::CONTENT_TYPE, "image/svg+xml; charset=utf-8"),
        (header::CACHE_CONTROL, CACHE),
    ];
    Ok((head, svg.into_string()).into_response())
}

fn text(view: &ObjectiveView, shown: BadgeContent) -> String {
    let known = |value: Option<String>| value.unwrap_or_else(|| "no data".to_owned());
    match shown {
        BadgeContent::Status => Health::of_objective(view).label().to_owned(),
        BadgeContent::Sli => known(view.budget.period.sli.map(numbers::percent)),
        BadgeContent::Budget => known(
            view.budget
                .left()
                .map(|left| format!("{} budget left", numbers::share(left))),
        ),
    }
}

/// Background color on which white text is readable.
const fn color(level: HealthLevel) -> &'static str {
    match level {
        HealthLevel::Bad => "#b3202c",
        HealthLevel::Warn => "#8a5200",
        HealthLevel::Idle => "#5a626d",
        HealthLevel::Ok => "#17713f",
    }
}

/// Estimated width of a text at 11 px; the SVG stretches the text to exactly this width.
fn width(text: &str) -> usize {
    let of = |c: char| if c.is_ascii() { 7 } else { 12 };
    text.chars().map(of).sum()
}

fn draw(label: &str, value: &str, level: HealthLevel) -> Markup {
    let (left, right) = (width(label) + 12, width(value) + 12);
    let whole = left + right;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(whole) height="20" role="img" aria-label={ (label) ": " (value) } {
            title { (label) ": " (value) }
            rect width=(whole) height="20" rx="3" fill="#3a4049" {}
            rect x=(left) width=(right) height="20" rx="3" fill=(color(level)) {}
            rect x=(left) width="4" height="20" fill=(color(level)) {}
            g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" {
                text x=(left / 2) y="14" textLength=(left - 12) { (label) }
                text x=(left + right / 2) y="14" textLength=(right - 12) { (value) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_fit() {
        let svg = draw("<script>", "99.95%", HealthLevel::Ok).into_string();
        assert!(
            svg.contains("&lt;script&gt;") && !svg.contains("<script>"),
            "{svg}"
        );
        assert!(svg.contains("width=\"122\""), "{svg}");
    }
}
