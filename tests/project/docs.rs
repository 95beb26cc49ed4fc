//! Generated pages are up to date, and Prometheus' own tools accept the metrics page.

use crate::synthetic;
use expect_test::expect_file;
use slod::alert::{AlertKey, AlertRecord, Condition, TIERS, Urgency};
use slod::alerting::AlertsView;
use slod::exposition::TextFormat;
use slod::exposition::accept::PageFormat;
use slod::ledger::{Ledger, RestoreFrom, restore};
use slod::metrics::{MetricsPage, SelfMetrics, markdown, write_page};
use slod::observe::SystemView;
use slod::outcome::{Cause, Measurement, Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::runs::RunsView;
use slod::signal::Findings;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_metrics_docs_match_the_declarations() {
    let text = markdown(&SelfMetrics::new().expect("the instruments register"));
    expect_file![repository().join("docs/METRICS.md")].assert_eq(&text);
}

/// Every row of `docs/LIMITS.md` names a file, mostly with a constant, and a test that reaches the
/// limit.
#[test]
fn the_limits_of_the_docs_exist() {
    let text = fs::read_to_string(repository().join("docs/LIMITS.md")).expect("there");
    let mut tests = String::new();
    let mut folders: Vec<_> = ["src", "tests", "crates"]
        .map(|name| repository().join(name))
        .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                tests += &fs::read_to_string(&path).expect("readable");
            }
        }
    }
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        let [_, _, place, reached_by] = cells[..] else {
            panic!("{row}")
        };
        let quoted: Vec<_> = place.split('`').skip(1).step_by(2).collect();
        let (files, constants): (Vec<&str>, Vec<&str>) =
            quoted.into_iter().partition(|one| one.contains('/'));
        let read = |file: &&str| fs::read_to_string(repository().join(file)).expect(file);
        let code: String = files.iter().map(read).collect();
        for path in constants {
            let name = path.rsplit("::").next().unwrap_or(path);
            assert!(code.contains(&format!("const {name}: ")), "{name}: {row}");
        }
        for test in reached_by.split('`').skip(1).step_by(2) {
            assert!(tests.contains(&format!("fn {test}(")), "no test: {row}");
        }
        count += 1;
    }
    assert!(count > 30, "{count}");
}

/// A metrics page with every family, including unusual names.
fn page(format: TextFormat) -> String {
    let own = SelfMetrics::new().expect("the instruments register");
    String::from_utf8(page_of(&own, PageFormat::Text(format))).expect("text")
}

/// Same, with these metrics of slod itself.
pub fn page_of(own: &SelfMetrics, format: PageFormat) -> Vec<u8> {
    let mut ledger = without_past();
    let now = Timestamp(1_700_000_000_000);
    for age in (0..400).rev() {
        let verdict = if age % 50 == 0 {
            Verdict::Bad(Cause::Timeout)
        } else {
            Verdict::Good
        };
        let mut outcome = Outcome::new(verdict, Duration::from_millis(100));
        outcome
            .measured
            .add(Measurement::Connect, Duration::from_millis(1));
        outcome.code = Some(200);
        outcome.detail.tls_not_after = Some(1_800_000_000);
        ledger.record(&Record {
            key: ProbeKey::new(ODD, "p"),
            at: now.before(Duration::from_secs(age)),
            interval: Duration::from_secs(1),
            outcome,
        });
    }
    let (view, system) = (ledger.advance(now).view(), synthetic::system());
    let page = write_page(
        Vec::new(),
        format,
        MetricsPage {
            ledger: &view,
            alerts: &firing(),
            system: &system,
            findings: &Findings::default(),
            runs: &RunsView::default(),
            own,
        },
    );
    page.expect("memory takes everything")
}

fn without_past() -> Ledger {
    let ledger = restore(RestoreFrom::new(&odd_config(), &[], None, Timestamp(0)));
    ledger.expect("nothing is read")
}

/// One alert of that page's objective.
fn firing() -> AlertsView {
    let key = AlertKey::budget(ODD.into(), "fast".into(), Condition::Tier(TIERS[0]));
    let alert = AlertRecord::new(key, "", Urgency::Page, Timestamp(0), "");
    AlertsView::new(Timestamp(0), vec![alert])
}

/// A service name with everything that needs escaping.
const ODD: &str = "a \"b\" \\ ü";

fn odd_config() -> slod::config::Config {
    "services:\n  - name: 'a \"b\" \\ ü'\n    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]\n    objectives: [ { name: fast, sli: latency, below: 123ms, target: 99%, window: 30d } ]\n"
        .parse()
        .expect("valid")
}

/// Runs a checker over a page. A missing checker fails only in CI, which guarantees it.
fn check(program: &str, args: &[&str], page: &str) {
    let spawned = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "{program} is needed in CI: {error}"
            );
            return;
        }
    };
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(page.as_bytes())
        .expect("read");
    let output = child.wait_with_output().expect("it ends");
    let reported = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && reported.trim().is_empty(),
        "{program} says:\n{reported}\nof\n{page}"
    );
}

#[test]
fn promtool_reports_no_problems() {
    check("promtool", &["check", "metrics"], &page(TextFormat::Text));
}

#[test]
fn the_reference_parser_reads_openmetrics() {
    let page = page(TextFormat::OpenMetrics);
    assert!(page.ends_with("# EOF\n"));
    let has_parser = Command::new("python3")
        .args(["-c", "import prometheus_client"])
        .stderr(Stdio::null())
        .status();
    if !has_parser.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "the Python package prometheus-client is needed in CI"
        );
        return;
    }
    let script = repository().join("tests/tools/openmetrics.py");
    check("python3", &[script.to_str().expect("UTF-8")], &page);
}

#[test]
fn every_line_is_a_sample_of_a_declared_family_and_nothing_is_nan() {
    let page = page(TextFormat::Text);
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let known = families.iter().any(|family| {
            name == *family
                || name
                    .strip_prefix(family)
                    .is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
        });
        assert!(known, "{line}");
        assert!(!line.ends_with("NaN") && !line.ends_with("Inf"), "{line}");
    }
    assert!(page.contains("slod_probe_duration_seconds_bucket{service=\"a \\\"b\\\" \\\\ ü\",probe=\"p\",le=\"0.123\"} 400"));
    for part in [
        "quantile=\"0.99\",window=\"1h\"",
        "phase=\"connect\"",
        "exhaustion_timestamp_seconds{",
        "reason=\"timeout\"} 8",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains(",le=\"1.0\"}") && page.contains(",le=\"+Inf\"}"));
}

#[test]
fn data_that_the_system_does_not_provide_is_absent() {
    let own = SelfMetrics::new().expect("the instruments register");
    let nothing = without_past().view();
    let shown = |system: &SystemView| {
        let page = write_page(
            Vec::new(),
            PageFormat::Text(TextFormat::Text),
            MetricsPage {
                ledger: &nothing,
                alerts: &AlertsView::default(),
                system,
                findings: &Findings::default(),
                runs: &RunsView::default(),
                own: &own,
            },
        );
        String::from_utf8(page.expect("memory takes everything")).expect("text")
    };
    let mut system = synthetic::system();
    let page = shown(&system);
    for there in [
        "\nslod_host_load1 1.25\n",
        "\nslod_host_network_receive_bytes_total{device=\"eth0\"} 3\n",
        "\nslod_process_instances{service=\"concierge\",process=\"<b>gone</b>\"} 0\n",
        "\nslod_process_cpu_seconds_total{service=\"concierge\",process=\"server\"} 8640.5\n",
        "\nslod_process_open_fds{service=\"concierge\",process=\"server\"} 118\n",
        "\nslod_collector_success{collector=\"host\"} 1\n",
    ] {
        assert!(page.contains(there), "{there} in {page}");
    }
    for unknown in [
        "slod_process_threads{service=\"concierge\",process=\"<b>gone</b>\"}",
        "slod_process_open_fds{service=\"concierge\",process=\"workers\"}",
    ] {
        assert!(!page.contains(unknown), "{unknown} in {page}");
    }
    if let Some(host) = &mut system.host {
        host.load[0] = None;
    }
    system.network.clear();
    let page = shown(&system);
    for gone in ["\nslod_host_load1 ", "eth0"] {
        assert!(!page.contains(gone), "{gone} in {page}");
    }
    let off = shown(&SystemView::default());
    assert!(!off.contains("slod_host") && !off.contains("slod_collector"));
}

#[test]
fn every_warning_sign_has_its_section_in_the_runbook() {
    let path = repository().join("docs/RUNBOOK.md");
    let text = fs::read_to_string(path).expect("there");
    for kind in slod::signal::SIGNALS {
        let heading = format!("\n## {}\n", kind.alert);
        assert!(text.contains(&heading), "{} has no section", kind.alert);
    }
}
