//! What reads bytes from elsewhere, each as a function of bytes that must not panic, whatever they are.
//!
//! cargo-fuzz runs them with coverage; `cargo test` runs the same functions for some seconds
//! (`tests/project/fuzz.rs`).

mod config;
mod daemon_answers;
mod decisions;
mod host;
mod imported;
mod load;
mod pages;
mod receivers;
mod requests;
mod schedules;
mod service;
mod services;
mod store;
mod texts;
mod zones;

use std::cell::RefCell;

/// Takes one input after the other.
pub type Run = Box<dyn FnMut(&[u8])>;

/// A reader of bytes from elsewhere.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the folder of its corpus.
    pub name: &'static str,
    /// Folders with more inputs, below the root of the repository.
    pub seeds: &'static [&'static str],
    /// Sets up what it needs.
    pub start: fn() -> Run,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("answers", &[], services::answers),
    target("certificates", &[], services::certificates),
    target(
        "config",
        &["config", "tests/fixtures/check"],
        config::config,
    ),
    target("cookies", &[], services::cookies),
    target("daemon_answers", &[], daemon_answers::daemon_answers),
    target(
        "data_files",
        &["tests/fixtures/check/files"],
        texts::data_files,
    ),
    target("dialogs", &[], services::dialogs),
    target("dns", &[], services::dns),
    target("events", &[], services::events),
    target("expectations", &[], texts::expectations),
    target("grpc", &[], services::grpc),
    target("host", &[], host::host),
    target("http2", &[], services::http2),
    target(
        "imported_blackbox",
        &["src/import/blackbox/fixtures"],
        imported::blackbox,
    ),
    target("imported_k6_lines", &[], imported::followed),
    target(
        "imported_k6_options",
        &["src/import/k6_options/fixtures"],
        imported::options,
    ),
    target(
        "imported_objectives",
        &["src/import/slo/fixtures"],
        imported::objectives,
    ),
    target(
        "imported_requests",
        &["src/import/requests/tests/fixtures"],
        imported::requests,
    ),
    target("imports", &[], texts::imports),
    target("load_http2", &[], load::http2),
    target("load_responses", &[], load::responses),
    target("logs", &[], texts::logs),
    target(
        "pages",
        &[
            "tests/fixtures/metrics-pages",
            "tests/fixtures/protobuf-pages",
        ],
        pages::pages,
    ),
    target("proxies", &[], services::proxies),
    target("receivers", &[], receivers::receivers),
    target("redactions", &[], texts::redactions),
    target("requests", &[], requests::requests),
    target("schedules", &[], schedules::schedules),
    target("store", &[], store::blocks),
    target("store_file", &[], store::file),
    target("templates", &[], texts::templates),
    target("web_file", &[], config::web_file),
    target("websocket", &[], services::websocket),
    target("zones", &[], zones::zones),
];

const fn target(name: &'static str, seeds: &'static [&'static str], start: fn() -> Run) -> Target {
    Target { name, seeds, start }
}

thread_local! {
    static RUNNING: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Passes an input to the target of this process; for cargo-fuzz.
pub fn feed(name: &str, data: &[u8]) {
    RUNNING.with_borrow_mut(|running| {
        let run = running.get_or_insert_with(|| {
            let target = TARGETS.iter().find(|target| target.name == name);
            (target.expect("listed").start)()
        });
        run(data);
    });
}
