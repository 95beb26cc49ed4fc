//! Errors as HTML pages, for browsers.

use super::frame::{Page, View, capitalized};
use super::headline::Headline;
use super::query::PageQuery;
use crate::report::health::HealthLevel;
use crate::web::problem::Problem;
use axum::extract::Request;
use axum::http::{Method, header};
use maud::html;

/// Maximum depth of a page's path.
const DEPTH_MAX: usize = 8;

fn is_html(accept: &str) -> bool {
    accept.to_ascii_lowercase().contains("text/html")
}

/// A browser that requests a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Relative path from the requested address to the front page.
    root: String,
    query: String,
}

impl Reader {
    /// `None` for other clients, and for paths of the API.
    pub fn of(request: &Request) -> Option<Self> {
        let accepts = request.headers().get_all(header::ACCEPT).iter();
        let mut kinds = accepts.filter_map(|one| one.to_str().ok());
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let uri = request.uri();
        if !reads || uri.path().starts_with("/api/") || !kinds.any(is_html) {
            return None;
        }
        let root = match uri.path().matches('/').count() {
            0 | 1 => "./".to_owned(),
            steps => "../".repeat((steps - 1).min(DEPTH_MAX)),
        };
        let query = uri.query().unwrap_or_default().to_owned();
        Some(Self { root, query })
    }

    pub fn query(&self) -> PageQuery<'_> {
        PageQuery::of(Some(&self.query))
    }
}

pub fn render_problem(problem: &Problem, reader: &Reader, view: View<'_>) -> String {
    let level = if problem.status().is_server_error() {
        HealthLevel::Bad
    } else {
        HealthLevel::Warn
    };
    let page = Page {
        headline: Headline::new(level, capitalized(problem.title())),
        below: html! {
            @if let Some(detail) = problem.detail() { p { (detail) } }
            p { a href=(reader.root) { "All services" } span.quiet { " (status " (problem.status().as_u16()) ")" } }
        },
        root: &reader.root,
        at: view.now,
        content: html! {},
    };
    page.render(view)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn reader(method: &str, uri: &str, accept: &str) -> Option<Reader> {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header(header::ACCEPT, accept).body(Body::empty());
        Reader::of(&request.expect("valid"))
    }

    #[test]
    fn browsers_read_pages_and_programs_do_not() {
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert!(reader("GET", "/nowhere", browser).is_some());
        assert_eq!(reader("GET", "/nowhere", "*/*"), None);
        assert_eq!(reader("POST", "/-/reload", browser), None);
        assert_eq!(reader("GET", "/api/v1/services/none", browser), None);
    }

    #[test]
    fn a_page_knows_its_way_home() {
        for (uri, root) in [
            ("/", "./"),
            ("/nowhere?reload", "./"),
            ("/services/none", "../"),
            ("/services/none/", "../../"),
            (&"/a".repeat(10_000), &"../".repeat(DEPTH_MAX)),
        ] {
            let reader = reader("GET", uri, "text/html").expect("a browser");
            assert_eq!(reader.root, root, "{uri}");
        }
    }
}
