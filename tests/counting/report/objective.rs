//! One objective over one span: its limits, and any history against a recount.

use super::month::{DAY, at, close, config};
use super::numbers::counting;
use super::recount::{Asked, recount};
use proptest::prelude::*;
use slod::config::ServiceSpec;
use slod::outcome::{Cause, Outcome, Record, Timestamp, Verdict, VoidReason};
use slod::report::slo::measure::Measure;
use slod::report::slo::span::Span;
use slod::slo::absence::Presence;
use slod::slo::correction::Spans;
use slod::slo::{Objective, Tally};
use std::time::Duration;

fn record(service: &ServiceSpec, probe: usize, at: Timestamp, verdict: Verdict) -> Record {
    let probe = &service.probes[probe];
    Record {
        key: probe.key.clone(),
        at,
        interval: probe.interval,
        outcome: Outcome::new(verdict, Duration::from_millis(20)),
    }
}

fn contributing(service: &ServiceSpec, objective: &Objective) -> Vec<slod::slo::ContributingProbe> {
    service.contributing(objective).1
}

/// Probes, the first of which started then.
fn began(first: Option<Timestamp>) -> [Presence; 1] {
    let absent = Spans::default();
    [Presence { first, absent }]
}

/// A measurement of one objective over a span; its probe has been there from the start.
fn measure<'a>(service: &ServiceSpec, objective: &'a Objective, span: Span) -> Measure<'a> {
    let contributing = contributing(service, objective);
    let began = began(Some(at(0)));
    Measure::new(objective, contributing, &Spans::default(), span, &began)
}

#[test]
fn a_period_beyond_the_retention_is_withheld() {
    let config = config();
    let service = &config.services[2];
    let objective = &service.objectives[0];
    let reported = |kept: i64| {
        let span = Span::new(at(-7200), at(6000), at(6000));
        let span = span.with_retention(Duration::from_secs(kept.unsigned_abs()));
        let mut measure = measure(service, objective, span);
        for minute in 0..100 {
            measure.record(0, &record(service, 0, at(minute * 60), Verdict::Good));
        }
        let reported = measure.finish();
        let view = reported.view;
        (view.good, view.sli, reported.left, reported.burn_down.len())
    };
    let (good, sli, left, points) = reported(13_200);
    assert_eq!((good, sli, left), (100, Some(1.0), Some(1.0)));
    assert!(points > 0);
    assert_eq!(reported(3600), (100, None, None, 0));
}

#[test]
fn missed_and_met_to_the_last_event() {
    let config = config();
    let service = &config.services[2];
    let objective = &service.objectives[0];
    let span = Span::new(at(0), at(6000), at(DAY));
    let left = |bad: i64| {
        let mut measure = measure(service, objective, span);
        for minute in 0..100 {
            let verdict = if minute < bad {
                Verdict::Bad(Cause::Reset)
            } else {
                Verdict::Good
            };
            measure.record(0, &record(service, 0, at(minute * 60), verdict));
        }
        measure.finish().left
    };
    close(left(0), 1.0);
    // One in a hundred is the whole budget.
    close(left(1), 0.0);
    close(left(2), -1.0);
}

/// Real requests may have been counted from before the start of the report on.
#[test]
fn requests_from_before_the_span_count_from_its_start() {
    let config = config();
    let service = &config.services[2];
    let objectives = service.objectives.iter();
    let mut counting_events = objectives.filter(|one| !one.budgeting.is_sliced());
    let objective = counting_events.next().expect("one");
    let span = Span::new(at(6000), at(12_000), at(DAY));
    let mut measure = measure(service, objective, span);
    for (second, covered_ms) in [(6060, 3_600_000), (6120, 60_000)] {
        let tally = Tally {
            good: 10,
            bad: 5,
            void: 0,
            covered_ms,
        };
        measure.traffic(at(second), tally);
    }
    let measured = measure.finish();
    assert_eq!(measured.incidents[0].start, at(6000));
    let last = measured.burn_down.last().expect("a point");
    close(measured.left, last.left);
}

/// Random outcomes of two probes, some of them with equal times.
fn history(service: &ServiceSpec, steps: Vec<(i64, u8, usize)>) -> Vec<Record> {
    let mut clock = at(0).0;
    let mut records = Vec::new();
    for (step, kind, probe) in steps {
        clock += step;
        let verdict = match kind {
            0..3 => Verdict::Bad(Cause::Timeout),
            3 => Verdict::Void(VoidReason::Network),
            _ => Verdict::Good,
        };
        let mut record = record(service, probe, Timestamp(clock), verdict);
        if kind == 4 {
            record.outcome.latency = Duration::from_millis(700);
        }
        records.push(record);
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_history_matches_a_recount(
        steps in prop::collection::vec((0_i64..400_000, 0_u8..8, 0_usize..2), 1..400),
        gaps in prop::collection::vec((0_i64..40_000_000, 1_i64..3_000_000), 0..4),
        cut in (0_i64..200, 1_i64..2000),
        known in 1_i64..2200,
        place in prop::sample::select(vec![0_usize, 3]),
    ) {
        let config = config();
        let service = &config.services[place];
        let base = at(0).0;
        let from = base + cut.0 * 60_000;
        let asked = Asked {
            from,
            to: from + cut.1 * 60_000,
            now: from + known * 60_000 + 7,
            corrected: gaps.iter().map(|(start, length)| (base + start, base + start + length)).collect(),
        };
        let mut records = history(service, steps);
        records.retain(|record| record.at.0 < asked.now);
        let span = Span::new(Timestamp(asked.from), Timestamp(asked.to), Timestamp(asked.now));
        for objective in &service.objectives {
            let spans = asked.corrected.iter().map(|(start, end)| (Timestamp(*start), Timestamp(*end)));
            let probes = counting(service, objective);
            let seen: Vec<_> = records.iter().filter(|record| probes.contains_key(&record.key)).collect();
            let since = seen.first().map(|record| record.at);
            let contributing = contributing(service, objective);
            let mut measure = Measure::new(objective, contributing, &Spans::new(spans), span, &began(since));
            let counts = service.contributing(objective).0;
            for record in seen {
                let at = service.probes.iter().position(|probe| probe.key == record.key);
                let place = counts.iter().position(|counts| Some(*counts) == at);
                measure.record(place.expect("it counts"), record);
            }
            let reported = measure.finish();
            let known = recount(objective, &probes, &records, &asked);
            prop_assert_eq!((reported.view.good, reported.view.bad, reported.void), (known.good, known.bad, known.void), "{}", &objective.name);
            prop_assert_eq!(i64::try_from(reported.corrected.as_millis()), Ok(known.taken_ms));
            let incidents: Vec<_> = reported.incidents.iter().map(|one| (one.start.0, one.end.0, one.bad)).collect();
            let in_incidents: u64 = incidents.iter().map(|one| one.2).sum();
            prop_assert_eq!(in_incidents + reported.scattered, reported.view.bad);
            prop_assert_eq!(incidents, known.incidents);
            prop_assert_eq!(reported.scattered, known.scattered);
            prop_assert_eq!(reported.view.sli.is_none(), known.good + known.bad == 0);
            if let (Some(left), Some(last)) = (reported.left, reported.burn_down.last()) {
                prop_assert!((last.left - left).abs() < 1e-9);
            }
        }
    }
}
