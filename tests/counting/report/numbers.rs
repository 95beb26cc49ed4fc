//! Every number of the report on the month matches a recount.

use super::month::{
    DAY, DAYS, HOUR, at, close, config, corrected, objective, printed_at, records, reported, store,
};
use super::recount::{Asked, Probes, recount};
use slod::config::{Config, ServiceSpec};
use slod::ledger::{RestoreFrom, in_force, restore};
use slod::outcome::{Record, Timestamp};
use slod::report::slo::model::{ObjectiveReport, Report, Verdict as Result};
use slod::slo::{BudgetingMethod, Objective, StandardWindow};
use slod::store::Store;

/// The probes that count for an objective of a service.
pub fn counting(service: &ServiceSpec, objective: &Objective) -> Probes {
    let specs: Vec<_> = service.watched().collect();
    let (counts, contributing) = service.contributing(objective);
    let contributing = counts.into_iter().zip(contributing);
    let interval = |ms: u128| i64::try_from(ms).expect("small");
    contributing
        .map(|(at, contributor)| {
            let interval = interval(contributor.interval.as_millis());
            (specs[at].key.clone(), (interval, contributor.weight))
        })
        .collect()
}

fn sorted(config: &Config) -> Vec<Record> {
    let mut records = records(config);
    records.sort_by_key(|record| record.at);
    records
}

fn agrees(config: &Config, report: &Report, leave_out: &[&str]) {
    let records = sorted(config);
    for (service, reported) in config.services.iter().zip(&report.services) {
        if leave_out.contains(&&*service.name) {
            continue;
        }
        for (objective, reported) in service.objectives.iter().zip(&reported.objectives) {
            let asked = Asked {
                from: report.from.timestamp_millis(),
                to: report.to.timestamp_millis(),
                now: report.at.timestamp_millis(),
                corrected: corrected(&service.name, &objective.name),
            };
            let probes = counting(service, objective);
            agrees_on(reported, objective, &probes, &records, &asked);
        }
    }
}

pub fn agrees_on(
    reported: &ObjectiveReport,
    objective: &Objective,
    probes: &Probes,
    records: &[Record],
    asked: &Asked,
) {
    let known = recount(objective, probes, records, asked);
    let parts = f64::from(objective.budgeting.parts());
    let events = |parts_of: u64| parts_of as f64 / parts;
    close(Some(reported.good_events), events(known.good));
    close(Some(reported.bad_events), events(known.bad));
    assert_eq!(reported.void_events, known.void);
    close(
        Some(reported.corrected_seconds),
        known.taken_ms as f64 / 1000.0,
    );
    let spacing = match objective.budgeting {
        BudgetingMethod::Occurrences => {
            let per_ms = probes.values().map(|(interval, _)| 1.0 / *interval as f64);
            1.0 / per_ms.sum::<f64>()
        }
        _ => 60_000.0,
    };
    let observed = events(known.good + known.bad);
    let covered = known.covered_ms as f64 / probes.len() as f64;
    let unseen = ((asked.to - asked.from - known.taken_ms) as f64 - covered).max(0.0);
    let over = Asked {
        to: asked.to.min(asked.now),
        ..asked.clone()
    };
    let taken = recount(objective, probes, records, &over).taken_ms;
    let over_ms = (over.to - over.from - taken) as f64;
    let unseen_past = (over_ms - covered).max(0.0);
    // The unobserved past at the observed rate, the future at the current rate.
    let counted_spacing = match objective.budgeting {
        BudgetingMethod::Occurrences if observed > 0.0 => covered / observed,
        _ => spacing,
    };
    let expected = observed + unseen_past / counted_spacing + (unseen - unseen_past) / spacing;
    close(Some(reported.expected_events / expected), 1.0);
    close(reported.coverage_ratio, (covered / over_ms).min(1.0));
    close(reported.sli_ratio, events(known.good) / observed);
    let spent = events(known.bad) / ((1.0 - objective.target) * expected);
    close(reported.budget_spent_ratio, spent);
    close(reported.budget_left_ratio, 1.0 - spent);
    let shown = known.incidents.len().min(20);
    for (reported, (start, end, bad)) in reported.incidents.iter().zip(&known.incidents) {
        assert_eq!(reported.start.timestamp_millis(), *start);
        assert_eq!(reported.end.timestamp_millis(), *end);
        close(
            Some(reported.duration_seconds),
            (end - start) as f64 / 1000.0,
        );
        close(Some(reported.bad_events), events(*bad));
    }
    assert_eq!(reported.incidents.len(), shown);
    let more = (known.incidents.len() - shown) as u64;
    assert_eq!(reported.incidents_not_shown, more);
    close(Some(reported.scattered_bad_events), events(known.scattered));
}

#[test]
fn the_month_matches_a_recount() {
    let (config, report) = reported(0, DAYS * DAY);
    agrees(&config, &report, &[]);
    let availability = objective(&report, "concierge", "availability");
    assert_eq!(availability.result, Result::Missed);
    // 25 minutes, then 21 within an hour, then single ones.
    let worst = availability.incidents.iter().map(|one| one.bad_events);
    assert_eq!(worst.collect::<Vec<_>>(), [25.0, 21.0]);
    assert_eq!(availability.incidents[0].main_cause, "refused");
    let mixed = &availability.incidents[1];
    assert_eq!(mixed.main_cause, "timeout");
    close(Some(mixed.main_cause_ratio), 2.0 / 3.0);
    // Three hours without a prober, and 15 minutes of failures of slod itself.
    assert_eq!(availability.void_events, 15);
    close(Some(availability.missing_events), 180.0);
    // Ten days of observation are not enough for a result.
    let late = objective(&report, "late", "errors");
    assert_eq!(late.result, Result::NotEnoughData);
    let latency = objective(&report, "concierge", "latency-p95");
    assert_eq!(latency.causes[0].cause, "slow");
}

#[test]
fn corrected_time_costs_no_budget() {
    let (_, report) = reported(0, DAYS * DAY);
    // The exercise is excluded for this objective only: 9 of its 25 minutes, depending on the ticks.
    let errors = objective(&report, "concierge", "errors");
    close(Some(errors.corrected_seconds), 510.0);
    // The outage in the deploy window is excluded, except for its last ten minutes. The correction of
    // the other one was revoked.
    let rag = objective(&report, "rag", "errors");
    assert_eq!(rag.result, Result::Met);
    close(Some(rag.bad_events), 30.0);
    close(Some(rag.corrected_seconds), 4.0 * 1800.0);
    let reported: Vec<_> = report
        .corrections
        .iter()
        .map(|one| (one.id.as_str(), one.occurrences, one.corrected_seconds))
        .collect();
    let all = [
        ("1", 1, 510.0),
        ("config-443837a6", 4, 7200.0),
        ("2", 1, 0.0),
        ("config-96578a5b", 1, 90.0),
    ];
    assert_eq!(reported, all);
    let taken_back = report.corrections[2].taken_back_at.expect("it was");
    assert_eq!(taken_back.timestamp_millis(), at(26 * DAY).0);
}

/// Minutes without outcomes are bad, good or unknown, depending on `on_missing`.
#[test]
fn missing_minutes_count_as_configured() {
    let (_, report) = reported(0, DAYS * DAY);
    let present = objective(&report, "gateway", "present");
    // 90 minutes with half of the outcomes, half an hour and 3 hours with none, 15 minutes of void
    // ones, and five minutes minus the two that are excluded.
    close(Some(present.bad_events), 90.0 + 30.0 + 180.0 + 15.0 + 3.0);
    assert_eq!(present.causes[2].cause, "reset");
    assert_eq!(
        (present.void_events, present.coverage_ratio),
        (0, Some(1.0))
    );
    assert_eq!(present.incidents[0].main_cause, "missing");
    let share = objective(&report, "gateway", "share");
    // Two thirds of a minute are counted in millionths.
    close(Some(share.bad_events), 90.0 * 0.666_667 + 4.0);
    assert_eq!(share.causes[0].cause, "dns");
    let either = objective(&report, "gateway", "either");
    close(Some(either.bad_events), 3.0);
    let journey = objective(&report, "journey", "all-the-way");
    assert!(journey.bad_events > 90.0 + 25.0);
    assert!(report.services[4].probes.is_empty());
}

#[test]
fn any_period_is_counted_to_the_minute() {
    // From the middle of an outage to the middle of a correction, not aligned to minutes.
    let (config, report) = reported(4 * DAY + 3 * HOUR + 725, 14 * DAY + 2 * HOUR + 999);
    assert_eq!(
        report.from.timestamp_millis(),
        at(4 * DAY + 3 * HOUR + 720).0
    );
    assert_eq!(
        report.to.timestamp_millis(),
        at(14 * DAY + 2 * HOUR + 960).0
    );
    agrees(&config, &report, &["late"]);
}

/// An incomplete month has the budget of the whole month.
#[test]
fn the_future_is_not_observed() {
    let (config, report) = printed_at(0, 31 * DAY, DAYS * DAY);
    agrees(&config, &report, &[]);
    assert!(!report.is_over());
    for reported in report.services.iter().flat_map(|one| &one.objectives) {
        let open = [Result::NotOver, Result::Missed];
        assert!(open.contains(&reported.result), "it could still be missed");
        let points = &reported.burn_down.points;
        assert_eq!(points.len(), 31, "the last day is not drawn");
    }
    let spent = |report: &Report| objective(report, "rag", "errors").budget_spent_ratio;
    let (_, month) = reported(0, DAYS * DAY);
    let (running, over) = (
        spent(&report).expect("known"),
        spent(&month).expect("known"),
    );
    assert!(running < over);
    let probes = report.services.iter().flat_map(|one| &one.probes);
    for probe in probes.filter(|probe| probe.outcomes > 20_000) {
        let late = if probe.name.ends_with("side") {
            2.0
        } else {
            0.0
        };
        let unwatched = probe.unwatched_seconds - 3.0 * 3600.0;
        assert!(
            (0.0..=late * 3600.0 + 7.0).contains(&unwatched),
            "{}",
            probe.name
        );
    }
}

/// The daemon counts outcomes in slots as they arrive; a report reads all of them.
#[test]
fn a_report_agrees_with_the_status() {
    let config = config();
    let store = Store::open_read_only(store()).expect("readable");
    let now = Timestamp(at(DAYS * DAY).0 - 1);
    let corrections = in_force(&config, &store).expect("readable");
    let ledger = restore(RestoreFrom::new(&config, &corrections, Some(&store), now));
    let snapshot = ledger.expect("restored").advance(now).snapshot();
    let (_, report) = printed_at(0, DAYS * DAY, DAYS * DAY);
    for (service, reported) in snapshot.services.iter().zip(&report.services) {
        for (view, reported) in service.objectives.iter().zip(&reported.objectives) {
            let budgeting = view.objective.budgeting;
            let month = view.windows[StandardWindow::Days30];
            close(Some(reported.bad_events), budgeting.events(month.bad));
            // The current and the previous minute may still get outcomes.
            let missing = reported.good_events - budgeting.events(month.good);
            let open = if budgeting.is_sliced() { 2.0 } else { 0.0 };
            assert!(
                (0.0..=open).contains(&missing),
                "{missing} of {}",
                reported.name
            );
        }
    }
}

#[test]
fn the_period_matches_the_slo_window_or_is_marked() {
    let is = |report: &Report, service: &str, name: &str| {
        let reported = objective(report, service, name);
        (reported.window.clone(), reported.span_is_window)
    };
    let (_, month) = reported(0, DAYS * DAY);
    let berlin = "month (Europe/Berlin)".to_owned();
    // Midnight in Berlin is an hour earlier.
    assert_eq!(is(&month, "rag", "availability"), (berlin.clone(), false));
    assert_eq!(is(&month, "rag", "errors"), ("7d".to_owned(), true));
    assert_eq!(is(&month, "late", "errors"), ("30d".to_owned(), true));
    let (_, month) = reported(-HOUR, DAYS * DAY - HOUR);
    assert_eq!(is(&month, "rag", "availability"), (berlin, true));
}

#[test]
fn the_burn_down_ends_at_the_remaining_budget() {
    let (_, report) = reported(0, DAYS * DAY);
    for objective in report.services.iter().flat_map(|one| &one.objectives) {
        let points = &objective.burn_down.points;
        assert_eq!(points.len(), 31);
        let (first, last) = (&points[0], &points[30]);
        assert_eq!((first.left_ratio, first.ideal_left_ratio), (1.0, 1.0));
        close(objective.budget_left_ratio, last.left_ratio);
        close(Some(last.ideal_left_ratio), 0.0);
        assert_eq!((first.at, last.at), (report.from, report.to));
        assert!(points.is_sorted_by(|a, b| a.at < b.at && a.left_ratio >= b.left_ratio));
    }
    let (_, hours) = reported(4 * DAY, 5 * DAY);
    let points = &objective(&hours, "rag", "errors").burn_down.points;
    assert_eq!(points.len(), 25);
}
