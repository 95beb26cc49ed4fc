use super::*;
use crate::outcome::Cause;
use crate::stats::scalability::Scalability;

const LAW: Scalability = Scalability {
    lambda: 4.0,
    sigma: 0.01,
    kappa: 0.0001,
    error: 0.0,
};

/// Stages with constant numbers of users and the throughput of each.
fn stages(levels: &[f64], throughput: impl Fn(f64) -> f64) -> RunRecord {
    let stage =
        |level: &f64| Stage::new(format!("{level}"), *level, *level, Duration::from_mins(1));
    let scenario = Scenario {
        name: "steps".into(),
        purpose: String::new(),
        model: Model::Closed {
            think: Duration::ZERO,
        },
        stages: levels.iter().map(stage).collect(),
    };
    let windows = (0..60 * levels.len() as u64).map(|second| {
        let at = Duration::from_secs(second);
        let (stage, users) = scenario.at(at).expect("inside");
        let rate = throughput(users).round();
        window(second, stage, users, &vec![20.0; rate as usize], 0)
    });
    let windows = windows.collect();
    run(scenario, windows)
}

#[test]
fn a_law_is_fitted_to_stages_with_its_peak_and_its_limits() {
    let found = one(
        &stages(&[5.0, 20.0, 50.0, 100.0, 150.0], |users| {
            LAW.throughput(users)
        }),
        "scalability",
    );
    assert_eq!(found.answer, Answer::Good, "{}", found.evidence);
    let number = |before: &str| -> f64 {
        let rest = found.evidence.split(before).nth(1).expect("there");
        let end = rest.find([' ', '/', '%']).expect("a number");
        rest[..end].parse().expect("a number")
    };
    assert!(
        (number("highest at ") - 99.5).abs() < 5.0,
        "{}",
        found.evidence
    );
    assert!(
        (number("contention ") - 1.0).abs() < 0.2,
        "{}",
        found.evidence
    );
    assert!(
        found
            .evidence
            .ends_with("over 5 levels up to 150 users, not valid beyond 300")
    );
}

#[test]
fn three_levels_and_erratic_throughputs_fit_no_law() {
    let found = one(
        &stages(&[5.0, 20.0, 50.0], |users| LAW.throughput(users)),
        "scalability",
    );
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
    let mut wild = stages(&[5.0, 20.0, 50.0, 100.0, 150.0], |users| {
        LAW.throughput(users)
    });
    for one in &mut wild.windows {
        let rate = if one.stage % 2 == 0 { 20 } else { 200 };
        *one = window(
            one.start.as_secs(),
            one.stage,
            one.due,
            &vec![20.0; rate],
            0,
        );
    }
    let found = one(&wild, "scalability");
    assert_eq!(found.answer, Answer::Unknown, "{}", found.evidence);
}

/// A service with a fixed number of workers does not follow the law beyond them.
#[test]
fn a_law_that_does_not_predict_the_highest_level_is_not_extrapolated() {
    let levels: Vec<f64> = (1_u32..=10).map(|step| f64::from(19 * step)).collect();
    let found = |limit: f64| {
        one(
            &stages(&levels, |users| (users * 0.95).min(limit)),
            "scalability",
        )
    };
    let (workers, free) = (found(160.0), found(f64::INFINITY));
    states(
        &workers,
        Answer::Unknown,
        "…cannot be extrapolated beyond 190 users…",
    );
    states(
        &free,
        Answer::Good,
        "…rising up to 190 users, with no limit up to 380…",
    );
    let slightly = |users: f64| users * 0.95 / (1.0 + 0.0001 * users);
    let slightly = one(&stages(&levels, slightly), "scalability");
    assert!(
        !slightly.evidence.contains("at most"),
        "{}",
        slightly.evidence
    );
}

/// 0.95 requests per second for each user, of which a rate limit allows 54.
#[test]
fn the_throughput_of_a_rate_limit_is_not_that_of_the_service() {
    let levels: Vec<f64> = (1_u32..=10).map(|step| f64::from(10 * step)).collect();
    let mut limited = stages(&levels, |users| users * 0.95);
    for one in &mut limited.windows {
        let rejected = one.good.saturating_sub(54);
        one.good -= rejected;
        one.failed = vec![(Cause::RateLimited, rejected)];
    }
    states(
        &one(&limited, "knee"),
        Answer::Good,
        "no knee up to 50 users: throughput grew with them, to 48.0/s; without the loads at which a rate limit rejected requests",
    );
    let law = one(&limited, "scalability").evidence;
    says(&law, "…over 5 levels up to 50 users…");
    says(
        &law,
        "…; without the loads at which a rate limit rejected requests",
    );
}
