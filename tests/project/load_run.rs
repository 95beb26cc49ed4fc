//! Load runs as people read them: the daemon's pages, and the reports.

use crate::made_runs::{LATER, digest, judged, spike, stored};
use expect_test::expect_file;
use slod::load::{Ending, RunRecord, compare};
use slod::report::load_run::{Compared, ReportExtras, RunReport};
use slod::report::log_file::summarize;
use slod::store::RunState;
use slod::web::page::run::render_run;
use slod::web::page::runs::{RunsPage, render_runs};
use slod::web::page::style::{HASH, NAME};
use slod::web::page::{PageQuery, View};
use std::fs;
use std::path::Path;
use std::time::Duration;

const VIEW: View<'_> = View {
    now: LATER,
    query: PageQuery::NONE,
    store_trouble: None,
    writer: None,
};
const SCRIPT: &str = "<script>alert('x')</script>|[a](//evil.example)`@all` *b*";
const LOG: &str = "2026-11-23 14:02:10 ERROR upstream timed out after 3000 ms
2026-11-23 14:04:01 ERROR upstream timed out after 2900 ms
2026-11-23 14:04:02 ERROR pool exhausted, waited 500 ms
";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run with a log and a baseline, in both formats.
fn reports(run: RunRecord) -> (String, String) {
    let span = (run.from, run.to);
    let log = summarize(LOG.as_bytes(), span, Duration::from_secs(10), chrono::Utc).expect("read");
    let compared = Compared {
        baseline: 1,
        statements: compare(&spike(&run.service, &run.scenario.name), &run),
    };
    let beside = ReportExtras {
        compared: Some(&compared),
        log: Some(&log),
    };
    let report = judged(run);
    (report.to_markdown(beside), report.to_html(beside))
}

fn hostile() -> RunRecord {
    let mut run = spike(SCRIPT, SCRIPT);
    SCRIPT.clone_into(&mut run.engine);
    SCRIPT.clone_into(&mut run.scenario.purpose);
    SCRIPT.clone_into(&mut run.scenario.stages[1].name);
    run.ending = Ending::Aborted {
        why: SCRIPT.to_owned(),
    };
    run
}

fn list(report: &RunReport) -> String {
    let runs = [
        digest(3, report, RunState::Running),
        digest(2, report, RunState::Ended),
        digest(1, report, RunState::Interrupted),
    ];
    let listed = RunsPage {
        runs: &runs,
        service: None,
        is_newest: true,
        next: Some(1),
    };
    render_runs(&listed, VIEW)
}

fn empty(service: Option<&str>) -> String {
    let listed = RunsPage {
        runs: &[],
        service,
        is_newest: true,
        next: None,
    };
    render_runs(&listed, VIEW)
}

fn one(report: &RunReport) -> String {
    render_run(report, &stored(2, &report.run), None, VIEW)
}

/// Every page, by file name.
fn pages() -> Vec<(&'static str, String)> {
    let (plain, strange) = (judged(spike("rag", "spike")), judged(hostile()));
    vec![
        ("runs", list(&plain)),
        ("runs-empty", empty(None)),
        ("runs-empty-of-one", empty(Some(SCRIPT))),
        ("runs-hostile", list(&strange)),
        ("run", one(&plain)),
        ("run-hostile", one(&strange)),
    ]
}

/// Compares with the stored page, or updates it.
fn same_as_kept(name: &str, text: &str) {
    expect_file![repository().join("tests/fixtures/report").join(name)].assert_eq(text);
}

#[test]
fn the_reports_of_a_run_read_well() {
    let (markdown, html) = reports(spike("rag", "spike"));
    same_as_kept("load_run.md", &markdown);
    let (head, rest) = html.split_once("<style>").expect("its own style");
    let (_, rest) = rest.split_once("</style>").expect("it ends");
    let parts = format!("{head}{rest}").replace("><", ">\n<");
    same_as_kept("load_run.html", &(parts + "\n"));
    let sections = [
        "Verdict",
        "Client view",
        "Application log",
        "System metrics",
        "Compared with run 1",
    ];
    for text in [&markdown, &html] {
        let places = sections
            .map(|title| text.find(title).expect(title))
            .into_iter();
        assert!(places.is_sorted(), "{text}");
    }
}

#[test]
fn pages_are_written_for_visual_checks() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("page");
    fs::create_dir_all(&folder).expect("the target folder is ours");
    for (name, html) in pages() {
        let html = html.replace(&format!("../{NAME}?"), &format!("{NAME}?"));
        fs::write(folder.join(name).with_extension("html"), html).expect("ours too");
    }
    let (_, html) = reports(spike("rag", "spike"));
    fs::write(folder.join("report-run.html"), html).expect("ours too");
}

#[test]
fn external_names_never_become_markup() {
    let (markdown, html) = reports(hostile());
    let hostile: Vec<_> = pages().into_iter().map(|(_, page)| page).collect();
    for page in hostile.iter().chain([&html]) {
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains(" style="), "{page}");
    }
    assert!(html.contains("&lt;script&gt;"));
    // In Markdown, external text is in a code span, or escaped.
    let spans: String = markdown.split('`').step_by(2).collect();
    for markup in ["<script", "[a](", "@all", " *b*"] {
        let escaped = spans
            .replace("\\[", "")
            .replace("\\*", "")
            .replace("\\`", "");
        assert!(!escaped.contains(markup), "{markup}: {spans}");
    }
    // No cell contains an unescaped separator.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = 0;
    for line in markdown.lines() {
        match (line.starts_with("| "), head) {
            (false, _) => head = 0,
            (true, 0) => head = cells(line),
            (true, head) => assert_eq!(cells(line), head, "{line}"),
        }
    }
    assert!(markdown.contains("evil.example"), "{markdown}");
}

#[test]
fn pages_of_runs_contain_no_external_resources() {
    for (name, html) in pages() {
        for (at, _) in html.match_indices("href=\"") {
            let target = &html[at + 6..];
            // The icon is embedded in the page.
            let own = ["./", "../", "#", "?", "data:image/svg+xml,"];
            let is_own = own.iter().any(|start| target.starts_with(start));
            assert!(is_own, "{name}: {}", &target[..40]);
        }
        assert!(html.contains(&format!("{NAME}?v={}", *HASH)), "{name}");
        let levels = html.match_indices("<h");
        let levels = levels.filter_map(|(at, _)| html[at + 2..].chars().next()?.to_digit(10));
        let levels: Vec<u32> = levels.collect();
        let skips = levels.windows(2).any(|pair| pair[1] > pair[0] + 1);
        assert!(!skips && levels.first() == Some(&1), "{name}: {levels:?}");
    }
}

#[test]
fn the_list_shows_states_and_engines() {
    let page = list(&judged(spike("rag", "spike")));
    for word in ["running", "failed", "interrupted", "100 users", "baseline"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert!(page.contains("href=\"?cursor=1\""), "{page}");
    assert!(empty(None).contains("slod load baseline --service NAME"));
}

#[test]
fn the_page_of_a_current_run_follows_it() {
    let mut report = judged(spike("rag", "spike"));
    let mut run = stored(2, &report.run);
    (run.is_open, run.to) = (true, LATER);
    report.run.windows.truncate(100);
    let page = render_run(&report, &run, None, VIEW);
    assert!(page.contains("http-equiv=\"refresh\" content=\"5\""));
    assert!(
        page.contains("spike of rag is running: 1m40s of 5m"),
        "{page}"
    );
    let page = one(&judged(spike("rag", "spike")));
    assert!(!page.contains("http-equiv=\"refresh\""));
    let died = render_run(
        &report,
        &{
            run.to = run.from;
            run
        },
        None,
        VIEW,
    );
    assert!(died.contains("interrupted") && !died.contains("http-equiv"));
}

/// Each line of a chart exists, and stays within the drawing.
#[test]
fn charts_stay_in_their_frame() {
    let page = one(&judged(spike("rag", "spike")));
    assert_eq!(
        page.matches("<figure class=\"plotted\">").count(),
        5,
        "{page}"
    );
    let mut points = 0;
    for path in page
        .split("<path")
        .skip(1)
        .filter(|path| path.contains("h.5"))
    {
        let path = path
            .split("d=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        for point in path.expect("a path").split(['M', 'L']).skip(1) {
            let (x, y) = point
                .trim_end_matches("h.5")
                .split_once(' ')
                .expect("a point");
            let (x, y): (f64, f64) = (x.parse().expect("x"), y.parse().expect("y"));
            assert!(
                (0.0..=1000.0).contains(&x) && (0.0..=100.0).contains(&y),
                "{point}"
            );
            points += 1;
        }
    }
    assert!(points > 500, "{points}");
}
