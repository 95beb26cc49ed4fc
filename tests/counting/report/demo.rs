//! The demo's generated history in a real store: a report on it, and the live windows after a start,
//! match the generated data.

use super::month::{DAY, DAYS, at, close, config_of};
use super::numbers::agrees_on;
use super::recount::{Asked, Probes};
use slod::config::Config;
use slod::demo::{self, History, INTERVAL, SERVICES, Simulated};
use slod::ledger::snapshot::ObjectiveView;
use slod::ledger::{RestoreFrom, in_force, plans, restore};
use slod::outcome::{ProbeKey, Record};
use slod::report::slo::model::{ObjectiveReport, Report};
use slod::report::slo::report;
use slod::report::slo::span::Span;
use slod::slo::StandardWindow;
use slod::store::Store;
use std::path::Path;
use std::sync::Arc;

/// The second half of the month: a gap in probing, a correction, and incidents of all kinds.
fn history() -> History {
    let to = at(DAYS * DAY + 2221);
    let from = at(DAYS * DAY - 15 * DAY);
    History { from, to }
}

fn config() -> Config {
    let listen = ([127, 0, 0, 1], 9771).into();
    let services = SERVICES.map(|profile| Simulated {
        profile,
        address: listen,
    });
    config_of(&demo::config(&services, listen))
}

/// Stored in the same way as in the demo.
fn store(config: &Config, folder: &Path) -> Store {
    let mut store = Store::open(&folder.join("slod.db")).expect("a new store");
    let plans = plans(config);
    let plan = |key: &ProbeKey| Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default());
    let stored = history().store(&mut store, &plan).expect("stored");
    let generated: usize = history().hours().map(|hour| hour.len()).sum();
    assert_eq!(stored, generated);
    store
}

fn asked(report: &Report, service: &str) -> Asked {
    let work = history().correction();
    let is_for = work.services.iter().any(|name| name == service);
    let corrected = is_for.then_some((work.from.0, work.to.0));
    Asked {
        from: report.from.timestamp_millis(),
        to: report.to.timestamp_millis(),
        now: report.at.timestamp_millis(),
        corrected: corrected.into_iter().collect(),
    }
}

/// A report ends with a whole minute. Live state can have one more outcome, and has not judged the
/// last two minutes yet.
fn agrees_live(live: &ObjectiveView, reported: &ObjectiveReport) {
    let budgeting = live.objective.budgeting;
    let month = live.windows[StandardWindow::Days30];
    close(Some(reported.bad_events), budgeting.events(month.bad));
    let missing = reported.good_events - budgeting.events(month.good);
    let open = if budgeting.is_sliced() { 2.0 } else { 0.0 };
    assert!(
        (-1.0..=open).contains(&missing),
        "{missing} of {}",
        reported.name
    );
}

#[test]
fn every_number_matches_the_generated_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, History { from, to }) = (config(), history());
    let store = store(&config, folder.path());
    let report = report(&config, &store, Span::new(from, to, to)).expect("readable");
    let corrections = in_force(&config, &store).expect("readable");
    let ledger = restore(RestoreFrom::new(&config, &corrections, Some(&store), to));
    let snapshot = ledger.expect("restored").advance(to).snapshot();
    let interval = i64::try_from(INTERVAL.as_millis()).expect("small");
    for (at, service) in config.services.iter().enumerate() {
        let own = |hour: &Vec<Record>| hour.iter().all(|one| *one.key.service == *service.name);
        let records: Vec<Record> = history().hours().filter(own).flatten().collect();
        let key = records[0].key.clone();
        let probes = Probes::from([(key, (interval, 1))]);
        let reported = report.services[at].objectives.iter();
        let live = snapshot.services[at].objectives.iter();
        for ((objective, reported), live) in service.objectives.iter().zip(reported).zip(live) {
            agrees_on(
                reported,
                objective,
                &probes,
                &records,
                &asked(&report, &service.name),
            );
            agrees_live(live, reported);
        }
    }
}
