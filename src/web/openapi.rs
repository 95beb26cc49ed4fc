//! The `OpenAPI` description of the API. It is checked against the routes here, and against responses of a
//! real daemon in `tests/daemon/openapi.rs`.

use axum::http::{HeaderName, header};
use serde_json::Value;
use std::sync::LazyLock;

/// Written by hand, because handlers do not contain documentation for users.
const WRITTEN: &str = include_str!("openapi.yaml");

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

fn document() -> Value {
    let mut document: Value = serde_yaml::from_str(WRITTEN).unwrap_or_default();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    document
}

pub async fn openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], &DOCUMENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;
    use std::collections::BTreeSet;

    /// HTML pages and their forms are not part of the API.
    const PAGES: [&str; 12] = [
        "/",
        "/services/{service}",
        "/alerts",
        "/alerts/{fingerprint}/acknowledge",
        "/alerts/{fingerprint}/silence",
        "/silences/{id}/end",
        "/series",
        "/runs",
        "/runs/{id}",
        "/notifications",
        "/style.css",
        "/runbook",
    ];

    fn described() -> BTreeSet<(String, String)> {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        let methods = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("methods").keys();
            methods.map(|method| (path.clone(), method.clone()))
        });
        methods.collect()
    }

    /// Path, method and handler of each route, without paths that only add a trailing slash.
    fn routes() -> Vec<(String, String, String)> {
        let route = Regex::new(r#"\.route\(\s*"([^"]+)",\s*([a-z]+)\(([a-z_:]+)"#);
        let code = include_str!("mod.rs");
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        let route = route.expect("valid");
        let found = route.captures_iter(code);
        found
            .map(|found| [1, 2, 3].map(|part| found[part].to_owned()))
            .filter(|[path, ..]| !PAGES.contains(&path.as_str()) && !path.ends_with('/'))
            .map(|[path, method, handler]| (path, method, handler))
            .collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let routes = routes().into_iter();
        let routes: BTreeSet<(String, String)> =
            routes.map(|(path, method, _)| (path, method)).collect();
        assert!(routes.len() > 25, "{routes:?}");
        assert_eq!(routes, described());
    }

    /// The query parameters that a handler reads. Heartbeats accept more names than are documented, and
    /// reject none.
    fn read_by(handler: &str) -> BTreeSet<String> {
        let Some((module, function)) = handler.split_once("::") else {
            return BTreeSet::new();
        };
        let path = format!("{}/src/web/{module}.rs", env!("CARGO_MANIFEST_DIR"));
        let code = std::fs::read_to_string(path).expect("a module of its own");
        let begin = code.find(&format!("fn {function}(")).expect("a function");
        let (code, _) = code[begin..].split_once("\n}\n").expect("its end");
        if code.contains("Report::read(") {
            return ["msg", "status"].map(str::to_owned).into();
        }
        let asked = Regex::new(r"query\s*\.(?:only|all|some)\(([^)]*)\)").expect("valid");
        let name = Regex::new(r#""([a-z_]+)""#).expect("valid");
        let asked = asked.captures_iter(code).map(|found| found[1].to_owned());
        let names = asked.flat_map(|list| {
            let names = name.captures_iter(&list).map(|found| found[1].to_owned());
            names.collect::<Vec<_>>()
        });
        names.collect()
    }

    fn described_parameters(path: &str, method: &str) -> BTreeSet<String> {
        let document = document();
        let operation = &document["paths"][path][method];
        let all = operation["parameters"].as_array().cloned();
        let all = all.unwrap_or_default().into_iter().map(|one| {
            let reference = one["$ref"].as_str().unwrap_or_default();
            let pointer = reference.trim_start_matches('#');
            let shared = document.pointer(pointer).filter(|_| !pointer.is_empty());
            shared.cloned().unwrap_or(one)
        });
        let of_query = all.filter(|one| one["in"] == "query");
        let names = of_query.map(|one| one["name"].as_str().expect("a name").to_owned());
        names.collect()
    }

    #[test]
    fn every_parameter_of_a_query_is_described_and_nothing_else() {
        let mut count = 0;
        for (path, method, handler) in routes() {
            let read = read_by(&handler);
            assert_eq!(
                read,
                described_parameters(&path, &method),
                "{method} {path}"
            );
            count += read.len();
        }
        assert!(count > 15, "{count}");
    }

    /// Whether a path pattern matches an address.
    fn stands_for(path: &str, address: &str) -> bool {
        let (mut own, mut other) = (path.split('/'), address.split('/'));
        loop {
            match (own.next(), other.next()) {
                (None, None) => return true,
                (Some(own), Some(other)) if own == other || own.starts_with('{') => {}
                _ => return false,
            }
        }
    }

    #[test]
    fn every_path_of_the_docs_is_described() {
        let mention = Regex::new(r"/api/v1/[a-z./{}]+[a-z}]").expect("valid");
        let described = described();
        let mut count = 0;
        for text in [
            include_str!("../../docs/WEB.md"),
            include_str!("../../README.md"),
            include_str!("../../docs/GUIDE.md"),
        ] {
            // A Prometheus that gets the metrics has a path like those of slod.
            let own = |found: &regex::Match<'_>| found.as_str() != "/api/v1/write";
            for found in mention.find_iter(text).filter(own) {
                count += 1;
                let is_it = |(path, _): &(String, String)| stands_for(path, found.as_str());
                assert!(described.iter().any(is_it), "{}", found.as_str());
            }
        }
        assert!(count > 5, "{count}");
    }
}
