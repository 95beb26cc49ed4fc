use super::*;
use crate::cli::progress::state::State;
use crate::load::{RunRecord, builtin};
use crate::outcome::Timestamp;
use crate::report::load_run::Requirement;
use crate::sample::{SeriesKey, SeriesKind};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use crate::store::Tick;
use std::sync::Arc;

fn run() -> RunRecord {
    let scenario = builtin("spike", 1.0).expect("built in");
    RunRecord::begun("rag", scenario, "slod", Timestamp(0))
}

fn window(second: u64, users: f64, stage: usize) -> LoadWindow {
    let mut latency = Histogram::default();
    let scale = Scale::new([]);
    for request in 0..100 {
        latency.add(scale.code(Duration::from_millis(20 + request + second)), 1);
    }
    LoadWindow {
        start: Duration::from_secs(second),
        length: Duration::from_secs(1),
        stage,
        due: users,
        active: users - 1.0,
        started: 100 + second,
        good: 97,
        failed: vec![(Cause::Timeout, 1), (Cause::Status, 2)],
        latency,
        ..LoadWindow::default()
    }
}

fn view() -> RunView {
    let whole = |text: &str| Requirement::of_all(text.parse().expect("valid"), "threshold");
    let requirements = ["p95<500ms", "errors<1%", "p99.99<1s"].map(whole).to_vec();
    let mut state = State::new(&run(), requirements, "spike of rag, by slod".to_owned());
    for second in 0..100 {
        let users = if second < 90 { 10.0 } else { 100.0 };
        state.window(&window(second, users, usize::from(second >= 90)));
        let key = |name: &str| {
            let labels = [("service", "rag"), ("process", "app")];
            Arc::new(SeriesKey::new(name, labels))
        };
        let value = second as f64;
        let gauge = |name: &str, value: f64| (key(name), SeriesKind::Gauge, value);
        state.sampled(&Tick {
            at: Timestamp(i64::try_from(second).expect("small") * 1000),
            samples: vec![
                gauge("slod_process_resident_memory_bytes", 1e6 * value),
                gauge("slod_process_cpu_usage_ratio", value / 100.0),
                gauge("slod_service_queue_depth", 3.0),
                gauge("slod_process_start_time_seconds", value),
            ],
        });
    }
    state.workers(Some(2));
    state.view()
}

#[test]
fn a_run_fits_a_usual_terminal() {
    let text = lines(&view(), Duration::from_secs(100), (80, 24), false).join("\n") + "\n";
    expect_test::expect_file!["shown.txt"].assert_eq(&text);
}

#[test]
fn the_lines_fit_the_screen() {
    let view = view();
    for size in [(80, 24), (200, 60), (40, 10), (10, 3), (1, 1), (0, 0)] {
        let shown = lines(&view, Duration::from_secs(100), size, false);
        assert!(shown.len() <= size.1.saturating_sub(1), "{size:?}");
        let longest = shown
            .iter()
            .map(|line| crate::format::width::columns(line))
            .max();
        assert!(longest.unwrap_or(0) <= size.0.saturating_sub(1), "{size:?}");
    }
    let wide = lines(&view, Duration::from_secs(100), (160, 40), false);
    assert!(
        wide.iter().any(|line| line.contains("Memory app")),
        "{wide:#?}"
    );
}

#[test]
fn only_thresholds_are_colored_and_only_if_color_is_wanted() {
    let (view, size) = (view(), (120, 40));
    let plain = lines(&view, Duration::ZERO, size, false);
    assert!(!plain.concat().contains('\x1b'));
    let colored = lines(&view, Duration::ZERO, size, true).concat();
    assert_eq!(colored.matches('\x1b').count(), 4, "{colored}");
    assert!(colored.contains("\x1b[31mmissed\x1b[0m") && colored.contains("\x1b[32mok\x1b[0m"));
}

#[test]
fn an_external_load_has_no_stage() {
    let mut view = view();
    let scenario = view.scenario.as_mut().expect("planned");
    scenario.stages.truncate(1);
    (scenario.stages[0].from, scenario.stages[0].to) = (0.0, 0.0);
    let text = lines(&view, Duration::from_secs(5), (80, 24), false).join("\n");
    assert!(!text.contains("stage") && !text.contains("due"), "{text}");
    scenario_length(&mut view, Duration::ZERO);
    let text = lines(&view, Duration::from_secs(5), (80, 24), false).join("\n");
    assert!(
        text.lines()
            .next()
            .is_some_and(|line| line.ends_with("running, 5s")),
        "{text}"
    );
}

#[test]
fn the_resource_that_starts_lacked_is_shown() {
    let mut view = view();
    assert!(
        !lines(&view, Duration::ZERO, (80, 24), false)
            .concat()
            .contains("lacked")
    );
    (view.total.dropped, view.total.lacking) = (30, 20);
    view.lack = Some("no port is left".to_owned());
    let shown = lines(&view, Duration::ZERO, (80, 24), false);
    let words = [
        "20 of them for lack of resources on this machine, first:",
        "no port is left",
    ];
    let place = shown.iter().position(|line| line.contains("30 dropped"));
    let next = place.and_then(|place| shown.get(place + 1..place + 3));
    let next: Vec<_> = next
        .unwrap_or_default()
        .iter()
        .map(|line| line.trim())
        .collect();
    assert_eq!(next, words, "{shown:#?}");
}

fn scenario_length(view: &mut RunView, length: Duration) {
    let scenario = view.scenario.as_mut().expect("planned");
    scenario.stages[0].length = length;
}
