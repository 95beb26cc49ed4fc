//! Comparisons of the error ratios of two runs.

use super::*;

/// Five minutes at this rate per second, with some failures.
fn failing(rate: usize, failed: impl FnMut(u64) -> u64) -> RunRecord {
    let mut failed = failed;
    let windows = (0..300).map(|second| {
        let failed = failed(second).min(rate as u64);
        window(second, 0, rate as f64, &vec![50.0; rate], failed)
    });
    let windows = windows.collect();
    run(ramp(rate as f64, rate as f64, 300), windows)
}

fn errors(before: &RunRecord, now: &RunRecord) -> Statement {
    let all = compare(before, now).into_iter();
    let mut errors = all.filter(|one| one.topic == "errors");
    errors.next().expect("compared")
}

#[test]
fn too_few_requests_state_the_smallest_detectable_difference() {
    let mut runs = [
        failing(1, |_| 0),
        failing(1, |second| u64::from(second == 9)),
    ];
    for run in &mut runs {
        run.windows.truncate(100);
    }
    let found = errors(&runs[0], &runs[1]);
    states(
        &found,
        Answer::Unknown,
        "0 of 100 requests failed before (0%), 1 of 100 now (1%), +1.00 percentage points; 5.14 would have been detected: too few requests to detect a difference (p = 1.000)",
    );
    // A large enough difference is detected with few requests, too.
    let broken = failing(1, |second| u64::from(second % 4 == 0));
    let found = errors(&runs[0], &broken);
    assert_eq!(found.answer, Answer::Bad, "{}", found.evidence);
}

#[test]
fn more_errors_are_detected_and_equally_many_are_not() {
    let calm = failing(40, |second| u64::from(second % 10 == 1));
    assert_eq!(errors(&calm, &calm).answer, Answer::Good);
    let worse = errors(&calm, &failing(40, |second| u64::from(second % 2 == 1)));
    states(&worse, Answer::Bad, "…+1.00 percentage points…");
    assert_eq!(errors(&failing(40, |_| 0), &calm).answer, Answer::Bad);
}

/// Bursts of 40 failures, about one per minute: three of four pairs of runs differ by two bursts or more.
#[test]
fn differences_between_bursts_are_chance() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut bursty = || failing(40, |_| if random.u32(..60) == 0 { 40 } else { 0 });
    let found: Vec<Answer> = (0..200)
        .map(|_| errors(&bursty(), &bursty()).answer)
        .collect();
    let bad = found.iter().filter(|one| **one == Answer::Bad).count();
    assert!(bad <= 2, "{bad} of 200");
}

#[test]
fn a_run_whose_generator_failed_is_not_compared() {
    let calm = failing(40, |_| 0);
    let failed = RunRecord {
        ending: Ending::Failed {
            why: "k6 ended with exit code 107".into(),
        },
        ..calm.clone()
    };
    for (before, now) in [(&calm, &failed), (&failed, &calm)] {
        let all = compare(before, now);
        assert_eq!((all.len(), all[0].answer), (1, Answer::Unknown), "{all:?}");
    }
}

#[test]
fn a_run_without_successes_is_not_a_baseline() {
    let (calm, down) = (failing(40, |_| 0), failing(40, |_| 40));
    assert_eq!(unfit_as_baseline(&calm), None);
    let reason = unfit_as_baseline(&down).expect("unfit");
    assert!(
        reason.starts_with("no request succeeded: all 12000 failed"),
        "{reason}"
    );
    let unmeasured = run(ramp(40.0, 40.0, 300), Vec::new());
    assert_eq!(
        unfit_as_baseline(&unmeasured).as_deref(),
        Some("no request was measured")
    );
    for baseline in [&down, &unmeasured] {
        let all = compare(baseline, &down);
        assert_eq!((all.len(), all[0].answer), (1, Answer::Unknown), "{all:?}");
    }
    assert_eq!(errors(&calm, &down).answer, Answer::Bad);
}

/// In nine windows, slower ones may not differ enough from a trend; then they are not called equal.
#[test]
fn a_slower_service_is_never_called_equal() {
    let of = |seed: u64, seconds: u64, slower: f64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut noise = 0.0;
        let windows = (0..seconds).map(|second| {
            if second % 5 == 0 {
                noise = random.f64();
            }
            window(second, 0, 40.0, &[22.0 + noise + slower; 40], 0)
        });
        run(ramp(40.0, 40.0, seconds), windows.collect())
    };
    let p50 = |seed: u64, seconds: u64, slower: f64| {
        let before = of(seed, seconds, 0.0);
        compare(&before, &of(seed + 100, seconds, slower)).remove(0)
    };
    let mut found = 0;
    for seed in 0..20 {
        let worse = p50(seed, 45, 4.0);
        assert_ne!(worse.answer, Answer::Good, "{seed}: {}", worse.evidence);
        if worse.answer == Answer::Unknown {
            let why = "perhaps worse, but not significantly: use longer runs";
            assert!(worse.evidence.contains(why), "{}", worse.evidence);
        } else {
            found += 1;
        }
        let worse = p50(seed, 300, 4.0);
        assert_eq!(worse.answer, Answer::Bad, "{seed}: {}", worse.evidence);
        let same = p50(seed, 45, 0.0);
        assert_eq!(same.answer, Answer::Good, "{seed}: {}", same.evidence);
    }
    assert!(found >= 10, "{found} of 20");
}
