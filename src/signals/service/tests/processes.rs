//! Signs based on processes and containers.

use super::*;

/// Samples every ten seconds with these numbers of processes, and restarts between them.
fn running(counts: &[(usize, u64, u64)]) -> ServiceHistory {
    let mut history = ServiceHistory::new("app".into());
    history.reported_after = std::time::Duration::from_mins(3);
    let counts = counts
        .iter()
        .flat_map(|(samples, count, restarts)| std::iter::repeat_n((*count, *restarts), *samples));
    for (second, (count, restarts)) in (0..).step_by(10).zip(counts) {
        let process = ProcessView {
            count,
            restarts,
            ..ProcessView::default()
        };
        let at = Timestamp::from_secs(second);
        history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
    }
    history
}

#[test]
fn a_new_process_is_evaluated_immediately() {
    let mut history = probed(60, |_| (0.2, Verdict::Good));
    judged(&mut history, "latency_rising");
    let process = ProcessNumbers::of(&ProcessView::default());
    history.take_process(&"main".into(), Timestamp::from_secs(60), &process);
    let memory = judged(&mut history, "memory_growing");
    assert_eq!(memory.presence, Presence::Unknown, "{}", memory.evidence);
}

#[test]
fn a_process_without_container_that_uses_the_processors_is_reported() {
    let mut history = ServiceHistory::new("app".into());
    for step in 0..=60 {
        let process = ProcessView {
            cpu_usage: Some(0.9),
            ..ProcessView::default()
        };
        let at = Timestamp::from_secs(step * 10);
        history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
    }
    let busy = judged(&mut history, "cpu_high");
    assert_eq!(busy.presence, Presence::Active);
    assert_eq!(
        &*busy.evidence,
        "its usage of the host's processors was above 80% in 5 of the last 5 minutes, last 90%"
    );
}

#[test]
fn one_outage_of_a_process_is_one_sign() {
    let signs = |history: &mut ServiceHistory| {
        ["process_gone", "restarted"].map(|name| judged(history, name).presence)
    };
    let (active, clear) = (Presence::Active, Presence::Clear);
    let gone = |samples: usize| running(&[(10, 2, 0), (samples, 0, 0), (3, 2, 1)]);
    let mut still = running(&[(10, 2, 0), (20, 0, 0)]);
    assert_eq!(signs(&mut still), [active, clear]);
    // Too short for the alert of the first sign.
    assert_eq!(signs(&mut gone(20)), [clear, active]);
    let mut long = gone(30);
    assert_eq!(signs(&mut long), [clear, clear]);
    assert_eq!(
        &*judged(&mut long, "restarted").evidence,
        "1 restart in the last 10 minutes; explained by an absence that was reported"
    );
    let mut again = running(&[(10, 2, 0), (30, 0, 0), (10, 2, 1), (10, 2, 2)]);
    assert_eq!(signs(&mut again), [clear, active], "another restart");
    let mut off = Settings::default();
    off.off.insert("process_gone");
    let all = gone(30).findings(None, &off, Timestamp(0));
    let restarted = all.iter().find(|one| one.kind.name == "restarted");
    assert_eq!(restarted.expect("judged").presence, active, "not reported");
}

#[test]
fn processes_that_end_in_maintenance_are_not_reported() {
    let mut history = running(&[(10, 2, 0), (20, 0, 0)]);
    history.is_maintained = true;
    let gone = judged(&mut history, "process_gone");
    assert_eq!(gone.presence, Presence::Clear);
    assert!(
        gone.evidence.ends_with("; in maintenance"),
        "{}",
        gone.evidence
    );
    history.is_maintained = false;
    assert_eq!(
        judged(&mut history, "process_gone").presence,
        Presence::Active
    );
    history.deployed(Timestamp::from_secs(60));
    assert_eq!(
        judged(&mut history, "process_gone").presence,
        Presence::Clear
    );
}

#[test]
fn a_process_killed_for_lack_of_memory_is_one_sign() {
    let active = |kills: u64, restarts: u64| -> Vec<&str> {
        let mut history = ServiceHistory::new("app".into());
        let main: Arc<str> = "main".into();
        for minute in 0..8 {
            let at = Timestamp::from_secs(minute * 60);
            let process = ProcessView {
                restarts: if minute > 3 { restarts } else { 0 },
                ..ProcessView::default()
            };
            let container = ContainerView {
                oom_kills: Some(if minute > 3 { kills } else { 0 }),
                ..ContainerView::default()
            };
            history.take_process(&main, at, &ProcessNumbers::of(&process));
            history.take_container(&main, at, &ContainerNumbers::of(&container));
        }
        let all = history.findings(None, &Settings::default(), Timestamp(0));
        let all = all.iter();
        let active = all.filter(|one| one.presence == Presence::Active);
        active.map(|one| one.kind.name).collect()
    };
    assert_eq!(active(1, 1), ["out_of_memory"]);
    assert_eq!(active(2, 1), ["out_of_memory"]);
    assert_eq!(active(1, 3), ["restarted", "out_of_memory"]);
    assert_eq!(active(0, 1), ["restarted"]);
}

#[test]
fn subjects_no_longer_sampled_or_configured_are_removed() {
    let text = "services:
  - { name: app, probes: [ { name: p, http: { url: 'http://127.0.0.1:1/' } } ], processes: [ { name: main, port: 1 } ] }
";
    let mut config: crate::config::Config = text.parse().expect("valid");
    let mut spec = config.services.remove(0);
    let restarted = || {
        let mut history = ServiceHistory::new("app".into());
        for minute in 0..8 {
            let process = ProcessView {
                name: "main".into(),
                restarts: u64::from(minute > 3),
                ..ProcessView::default()
            };
            let at = Timestamp::from_secs(minute * 60);
            history.take_process(&"main".into(), at, &ProcessNumbers::of(&process));
        }
        history
    };
    let active = |history: &mut ServiceHistory| {
        let all = history
            .findings(None, &Settings::default(), Timestamp(0))
            .into_iter();
        all.filter(|one| one.presence == Presence::Active).count()
    };
    let mut history = restarted();
    history.advance(Timestamp::from_secs(8 * 60), &spec);
    assert_eq!(active(&mut history), 1);
    history.advance(Timestamp::from_secs(60 * 60), &spec);
    assert_eq!(active(&mut history), 0, "nothing was sampled for an hour");
    let mut history = restarted();
    spec.processes.clear();
    history.advance(Timestamp::from_secs(8 * 60), &spec);
    assert_eq!(
        active(&mut history),
        0,
        "the process is no longer configured"
    );
}
