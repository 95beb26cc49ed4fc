//! The shipped dashboards.

mod answers;
mod conventions;

use super::server::repository;
use serde_json::Value;
use std::fs;

fn dashboards() -> Vec<Value> {
    let files = fs::read_dir(repository().join("dashboards")).expect("shipped");
    let all: Vec<_> = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| serde_json::from_str(&fs::read_to_string(path).expect("readable")))
        .collect::<Result<_, _>>()
        .expect("JSON");
    assert!(!all.is_empty());
    all
}

fn dashboard(uid: &str) -> Value {
    let mut all = dashboards().into_iter();
    let found = all.find(|dashboard| dashboard["uid"] == uid);
    found.unwrap_or_else(|| panic!("no dashboard {uid}"))
}

fn list<'a>(value: &'a Value, what: &str) -> &'a Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{what}: {value} is not a list"))
}

fn label_values(query: &str) -> (&str, &str) {
    query
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
        .unwrap_or_else(|| panic!("{query} does not ask for the values of a label"))
}
