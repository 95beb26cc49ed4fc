//! Reports for people and for programs.

use super::month::{DAY, DAYS, HOUR, printed_at, reported};
use expect_test::expect_file;
use slod::report::slo::model::{Report, Verdict as Result};
use std::fs;
use std::path::Path;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn missing_history_is_unknown() {
    let (_, report) = reported(-20 * DAY, -10 * DAY);
    assert!(!report.any_missed());
    for objective in report.services.iter().flat_map(|one| &one.objectives) {
        assert_eq!(objective.result, Result::NotEnoughData);
        let known = (objective.sli_ratio, objective.budget_left_ratio);
        assert_eq!(known, (None, None));
        assert!(objective.burn_down.points.is_empty() && objective.incidents.is_empty());
    }
    for text in [report.to_text(), report.to_markdown(), report.to_html()] {
        assert!(text.contains("The store has no outcomes for this time range"));
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

/// Outcomes of probes can be deleted before the counts of real requests.
#[test]
fn counts_without_outcomes_are_judged() {
    let (_, mut report) = reported(0, DAYS * DAY);
    report.outcomes = 0;
    let text = report.to_text();
    assert!(text.contains(" objectives missed"), "{text}");
    assert!(text.contains("missed: "), "{text}");
}

#[test]
fn json_is_preserved() {
    let (_, report) = reported(0, DAYS * DAY);
    let text = serde_json::to_string_pretty(&report).expect("written");
    let back: Report = serde_json::from_str(&text).expect("read");
    // Ratios can differ in the last bit, which readers do not notice.
    assert!(back.to_html() == report.to_html() && back.to_text() == report.to_text());
    let tree: serde_json::Value = serde_json::from_str(&text).expect("read");
    let first = &tree["services"][0]["objectives"][0];
    assert_eq!(first["result"], "missed");
    assert_eq!(first["incidents"][0]["bad_events"], 25.0);
    let origins: Vec<_> = (0..4)
        .map(|at| tree["corrections"][at]["origin"].as_str().expect("text"))
        .collect();
    assert_eq!(origins, ["by_hand", "config", "by_hand", "config"]);
}

#[test]
fn text_and_markdown_read_well() {
    let (_, report) = reported(0, DAYS * DAY);
    for (name, reported) in [
        ("text", report.to_text()),
        ("markdown", report.to_markdown()),
    ] {
        let file = repository().join(format!("tests/fixtures/report/{name}.txt"));
        expect_file![file].assert_eq(&reported);
    }
}

#[test]
fn an_incomplete_period_is_marked() {
    let (_, report) = printed_at(0, 60 * DAY, DAYS * DAY);
    for text in [report.to_text(), report.to_markdown(), report.to_html()] {
        assert!(text.contains("coverage is up to 2026-12-01 00:00 UTC"));
        assert!(text.contains("None of 10 objectives has been missed so far"));
    }
}

#[test]
fn the_page_is_self_contained_and_external_text_is_never_markup() {
    let (_, report) = reported(0, DAYS * DAY);
    let page = report.to_html();
    let (_, running) = printed_at(20 * DAY, 36 * DAY, DAYS * DAY - 7 * HOUR);
    let (_, short) = reported(21 * DAY - 5 * HOUR, 22 * DAY);
    let (_, empty) = reported(-20 * DAY, -10 * DAY);
    let folder = repository().join("target/page");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, page) in [
        ("report", &page),
        ("report-running", &running.to_html()),
        ("report-short", &short.to_html()),
        ("report-empty", &empty.to_html()),
    ] {
        fs::write(folder.join(format!("{name}.html")), page).expect("written");
    }
    assert!(page.contains("&lt;script&gt;alert"), "the example is shown");
    // Text can contain anything and closes nothing; a tag must not.
    let (style, body) = page.split_once("</style>").expect("one style");
    for word in ["url(", "@import", "http"] {
        assert!(!style.contains(word), "{word}");
    }
    for tag in body.split('<').skip(1) {
        let tag = tag.split('>').next().expect("closed");
        let name = tag.split(' ').next().expect("a name");
        assert!(!["script", "img", "link", "iframe", "object"].contains(&name));
        for word in ["src=", " on", "style=", "javascript", "http"] {
            assert!(!tag.contains(word), "{tag}");
        }
    }
    // Every link refers to a part of the page.
    for (place, _) in page.match_indices("href=\"") {
        let to = page[place + 6..].split('"').next().expect("closed");
        let id = to.strip_prefix('#').expect("inside the page");
        assert!(page.contains(&format!("id=\"{id}\"")), "{to}");
    }
}

#[test]
fn external_text_is_never_markdown() {
    let (_, report) = reported(0, DAYS * DAY);
    let markdown = report.to_markdown();
    for (place, _) in markdown.match_indices("<script") {
        let before = markdown[..place].rsplit('\n').next().expect("a line");
        let ticks = before.matches('`').count();
        assert!(ticks % 2 == 1, "not in a code span: {before}");
    }
}
