//! The landing page.

use axum::response::Html;

pub async fn overview() -> Html<&'static str> {
    Html(include_str!("landing.html"))
}
