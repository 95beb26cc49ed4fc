//! The evidence that `docs/SIGNALS.md` quotes has the words of today.

use super::*;
use crate::observe::scrape::BreakerView;

const DOCS: &str = include_str!("../../../../docs/SIGNALS.md");

/// A text with `#` for each number.
fn without_numbers(text: &str) -> String {
    let mut words = String::new();
    let mut is_number = false;
    for letter in text.chars() {
        let continues = letter.is_ascii_digit() || (is_number && letter == '.');
        if continues && !is_number {
            words.push('#');
        } else if !continues {
            words.push(letter);
        }
        is_number = continues;
    }
    words
}

/// The evidence in the rows of the table of real services: sign and text.
fn quoted() -> Vec<(&'static str, &'static str)> {
    let rows = DOCS.lines().map(|line| line.split('|').collect::<Vec<_>>());
    let quoted = rows.filter_map(|row| match row[..] {
        ["", _, sign, after, evidence, ""] if after.trim().ends_with(" min") => {
            Some((sign.trim().trim_matches('`'), evidence.trim()))
        }
        _ => None,
    });
    quoted.collect()
}

/// The active signs of a service with all the signs of the table, after this time.
fn active(seconds: i32) -> Vec<Finding> {
    let mut history = ServiceHistory::new("app".into());
    let breaker = BreakerView {
        name: "payments".into(),
        open_since: Some(Timestamp(0)),
        or_before: false,
        opened: Some(Timestamp(0)),
    };
    history.take_breakers(&[breaker]);
    let main: Arc<str> = "main".into();
    for step in 0..=seconds / 10 {
        let at = Timestamp::from_secs(i64::from(step) * 10);
        let passed = f64::from(step);
        let numbers = [
            (Role::DbPoolInUse, RoleValue::Gauge(10.0)),
            (Role::DbPoolMax, RoleValue::Gauge(10.0)),
            (Role::CircuitBreakerOpen, RoleValue::Gauge(1.0)),
            (Role::CircuitBreakerTrips, RoleValue::Counter(passed)),
            (Role::ConnectionTimeouts, RoleValue::Counter(passed)),
            (Role::QueueDepth, RoleValue::Gauge(50.0 + passed)),
        ];
        history.take_metrics(at, &MetricNumbers::of(&metrics(&numbers)));
        let process = ProcessView {
            cpu_usage: Some(0.9),
            anonymous_bytes: Some(200_000_000 + 100_000 * u64::from(step.unsigned_abs())),
            ..ProcessView::default()
        };
        history.take_process(&main, at, &ProcessNumbers::of(&process));
        if step % 30 == 0 {
            history.judge_trends(&Settings::default());
        }
    }
    let mut all = history.findings(None, &Settings::default(), Timestamp(0));
    all.retain(|one| one.presence == Presence::Active);
    all
}

#[test]
fn quoted_evidence_has_the_words_of_the_code() {
    let findings = [active(90), active(3 * 3600)].concat();
    let quoted = quoted();
    assert_eq!(quoted.len(), 7);
    for (sign, evidence) in quoted {
        let all = findings.iter().filter(|one| one.kind.name == sign);
        let words: Vec<_> = all.map(|one| without_numbers(&one.evidence)).collect();
        assert!(
            words.contains(&without_numbers(evidence)),
            "{sign}: {evidence:?} is none of {words:?}"
        );
    }
}
