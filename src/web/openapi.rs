//! The description of the API, for generators of clients. What it says is checked against the routes here, and
//! against the answers of a real daemon in `tests/daemon/openapi.rs`.

use axum::http::{HeaderName, header};
use serde_json::Value;
use std::sync::LazyLock;

/// Written by hand, because handlers do not know what people have to know about them.
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

    /// Pages are for people.
    const PAGES: [&str; 7] = [
        "/",
        "/services/{service}",
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

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let route = Regex::new(r#"\.route\(\s*"([^"]+)",\s*([a-z]+)\("#).expect("valid");
        let code = include_str!("mod.rs");
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        let found = route.captures_iter(code);
        let routes: BTreeSet<(String, String)> = found
            .map(|found| (found[1].to_owned(), found[2].to_owned()))
            .filter(|(path, _)| !PAGES.contains(&path.as_str()))
            .collect();
        assert!(routes.len() > 25, "{routes:?}");
        assert_eq!(routes, described());
    }

    /// Whether an address is one of a path with parameters, or the path itself.
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
        ] {
            for found in mention.find_iter(text) {
                count += 1;
                let is_it = |(path, _): &(String, String)| stands_for(path, found.as_str());
                assert!(described.iter().any(is_it), "{}", found.as_str());
            }
        }
        assert!(count > 5, "{count}");
    }
}
