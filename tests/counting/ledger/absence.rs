//! Minutes without outcomes count as bad, unless slod was not supposed to probe.

use super::config::{SLICES, config, sliced};
use slod::config::Config;
use slod::ledger::{Ledger, RestoreFrom, Unread, plans, reload, restore};
use slod::outcome::{Outcome, ProbeKey, Record, Timestamp, Verdict};
use slod::report::slo::{report, span::Span};
use slod::slo::{Combine, NoDataPolicy};
use slod::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: i64 = 60_000;
/// A whole hour.
const START: i64 = 1_698_364_800_000;

/// A daemon with one service, whose probes run every minute.
struct Daemon {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
    ledger: Ledger,
    config: Config,
    now: i64,
}

fn with(path: &std::path::Path, probes: &[&str]) -> Config {
    let mut config = config(path, 60_000, false);
    config.services.truncate(1);
    let service = &mut config.services[0];
    service
        .probes
        .retain(|probe| probes.contains(&&*probe.key.probe));
    service.objectives =
        vec![sliced("missing", SLICES, Combine::All, NoDataPolicy::Bad, &[]).into()];
    if probes.is_empty() {
        config.services.clear();
    }
    config
}

impl Daemon {
    fn new(probes: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("slod.db");
        let (config, store) = (with(&path, probes), Store::open(&path).expect("a store"));
        let mut daemon = Self {
            _folder: folder,
            path,
            store,
            ledger: Ledger::default(),
            config,
            now: START,
        };
        daemon.start();
        daemon
    }

    fn source(&self) -> RestoreFrom<'_> {
        RestoreFrom::new(&self.config, &[], Some(&self.store), Timestamp(self.now))
    }

    fn start(&mut self) {
        let now = Timestamp(self.now);
        let probes = self.config.running_keys();
        self.store.configured(&probes, now).expect("kept");
        self.ledger = restore(self.source()).expect("readable");
    }

    /// Stops the daemon, and starts it again with these probes.
    fn restart(&mut self, probes: &[&str]) {
        self.config = with(&self.path, probes);
        self.start();
    }

    fn reload(&mut self, probes: &[&str]) {
        let now = Timestamp(self.now);
        self.config = with(&self.path, probes);
        let running = self.config.running_keys();
        self.store.configured(&running, now).expect("kept");
        let old = std::mem::take(&mut self.ledger);
        let rebuilt = reload(old, &Unread::new(), self.source());
        rebuilt.result.expect("readable");
        self.ledger = rebuilt.ledger;
    }

    /// Runs the configured probes, half a minute into each minute.
    fn run(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now += MINUTE;
            let at = Timestamp(self.now - MINUTE / 2);
            for key in self.config.running_keys() {
                let record = Record {
                    key,
                    at,
                    interval: Duration::from_mins(1),
                    outcome: Outcome::new(Verdict::Good, Duration::from_millis(5)),
                };
                self.store
                    .append(std::slice::from_ref(&record))
                    .expect("kept");
                self.ledger.record(&record);
            }
            self.ledger.advance(Timestamp(self.now)).snapshot();
        }
    }

    fn compact(&mut self) {
        let plans = plans(&self.config);
        let plan =
            |key: &ProbeKey| Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default());
        while self
            .store
            .compact_step(Timestamp(self.now), &plan)
            .expect("compaction")
        {}
    }

    /// Good and bad minutes: live, after a restart, from blocks, and in a report.
    #[track_caller]
    fn assert_counts(&mut self, wanted: (u64, u64)) {
        assert_eq!(self.live(), wanted, "live");
        self.start();
        assert_eq!(self.live(), wanted, "after a restart");
        let report = self.report();
        assert_eq!(report, wanted, "in a report");
        self.now += 26 * 60 * MINUTE;
        self.compact();
        self.now -= 26 * 60 * MINUTE;
        self.start();
        assert_eq!(self.live(), wanted, "from blocks");
        assert_eq!(self.report(), wanted, "in a report from blocks");
    }

    fn live(&mut self) -> (u64, u64) {
        let snapshot = self.ledger.advance(Timestamp(self.now)).snapshot();
        let period = &snapshot.services[0].objectives[0].budget.period;
        (period.good, period.bad)
    }

    fn report(&self) -> (u64, u64) {
        let now = Timestamp(self.now);
        let span = Span::new(Timestamp(START - 86_400_000), now, now);
        let report = report(&self.config, &self.store, span).expect("readable");
        let reported = &report.services[0].objectives[0];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "minutes"
        )]
        (reported.good_events as u64, reported.bad_events as u64)
    }
}

#[test]
fn minutes_are_missing_while_the_daemon_is_down() {
    let mut daemon = Daemon::new(&["a"]);
    daemon.run(30);
    daemon.now += 60 * MINUTE;
    daemon.start();
    daemon.run(30);
    daemon.assert_counts((60, 60));
}

#[test]
fn a_probe_that_was_not_configured_missed_nothing() {
    let mut daemon = Daemon::new(&["a"]);
    daemon.run(30);
    daemon.reload(&[]);
    daemon.run(90);
    daemon.reload(&["a"]);
    daemon.run(10);
    daemon.assert_counts((40, 0));
}

#[test]
fn a_probe_removed_within_a_minute_misses_no_minute() {
    for seconds in [1, 29, 31, 59] {
        let mut daemon = Daemon::new(&["a"]);
        daemon.run(30);
        daemon.now += seconds * 1000;
        daemon.reload(&[]);
        daemon.now += 5 * MINUTE - seconds * 1000;
        daemon.run(7);
        daemon.now += seconds * 1000;
        daemon.reload(&["a"]);
        daemon.now += MINUTE - seconds * 1000;
        daemon.run(10);
        daemon.assert_counts((40, 0));
    }
}

#[test]
fn a_start_without_the_probe_ends_its_missing_time() {
    let mut daemon = Daemon::new(&["a"]);
    daemon.run(30);
    // Down for 20 minutes, then running without it for 40, then down again.
    daemon.now += 20 * MINUTE;
    daemon.restart(&[]);
    daemon.run(40);
    daemon.now += 15 * MINUTE;
    daemon.restart(&["a"]);
    daemon.run(10);
    daemon.assert_counts((40, 20));
    // Later gaps count as missing.
    daemon.now += 3 * MINUTE;
    daemon.start();
    daemon.run(5);
    daemon.assert_counts((45, 23));
}

#[test]
fn one_active_probe_of_two_makes_minutes_count() {
    let mut daemon = Daemon::new(&["a", "b"]);
    daemon.run(10);
    daemon.reload(&["b"]);
    daemon.run(10);
    daemon.now += 5 * MINUTE;
    daemon.reload(&["a", "b"]);
    daemon.run(10);
    daemon.assert_counts((30, 5));
}

#[test]
fn an_added_probe_has_no_missing_time_before_it() {
    let mut daemon = Daemon::new(&["b"]);
    daemon.run(30);
    daemon.reload(&[]);
    daemon.run(20);
    daemon.reload(&["a"]);
    daemon.run(10);
    daemon.assert_counts((10, 0));
    daemon.reload(&["a", "b"]);
    daemon.run(10);
    daemon.assert_counts((50, 0));
}

#[test]
fn a_window_beyond_the_retention_is_withheld() {
    let mut daemon = Daemon::new(&["a"]);
    daemon.run(30);
    daemon.config.store.retention = Duration::from_hours(7 * 24);
    daemon.start();
    let snapshot = daemon.ledger.advance(Timestamp(daemon.now)).snapshot();
    let objective = &snapshot.services[0].objectives[0];
    let budget = &objective.budget;
    assert!(budget.period.beyond_retention && objective.is_beyond_retention());
    assert_eq!((budget.period.good, budget.period.sli), (30, None));
    assert_eq!(
        (budget.remaining, budget.affordable, budget.left()),
        (None, None, None)
    );
    let known = objective.windows.iter();
    let known: Vec<_> = known
        .map(|(_, view)| (view.sli.is_some(), view.burn_rate.is_some()))
        .collect();
    assert!(
        known[..8].iter().all(|one| *one == (true, true)),
        "{known:?}"
    );
    assert!(
        known[8..].iter().all(|one| *one == (false, false)),
        "{known:?}"
    );
}
