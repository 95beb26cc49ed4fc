//! The daemon's burn-rate alerts on a real store.

mod agreed;
mod continued;
mod recorded;
mod replayed;
mod signs;

use slod::alert::{AlertKey, AlertRecord};
use slod::alerting::{Inputs, LiveAlerts};
use slod::config::Config;
use slod::ledger::{Ledger, RestoreFrom, Unread, reload, restore};
use slod::outcome::{Cause, Outcome, Record, Timestamp, Verdict};
use slod::slo::correction::Correction;
use slod::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// A whole hour.
const START: i64 = 1_700_000_000 / 3600 * 3600;
const SLOS: &str = "
      - { name: errors, sli: success, target: 99.9%, window: 30d }
      - { name: uptime, sli: availability, target: 99.9%, window: 30d }
";

fn config(slos: &str) -> Config {
    let text = format!(
        "services:\n  - name: web\n    probes: [ {{ name: a, interval: 10s, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: {slos}\n"
    );
    text.parse().expect("valid")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(START + second)
}

/// A daemon without its tasks: the test runs what the ledger's task does, at chosen times.
struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
    config: Config,
    corrections: Vec<Correction>,
    ledger: Ledger,
    alerts: LiveAlerts,
    /// Seconds since the start.
    now: i64,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("slod.db")).expect("a new store");
        let config = config(SLOS);
        let mut fixture = Self {
            folder,
            store,
            config,
            corrections: Vec::new(),
            ledger: Ledger::default(),
            alerts: LiveAlerts::default(),
            now: 0,
        };
        fixture.ledger = restore(fixture.source()).expect("an empty store");
        fixture
    }

    fn source(&self) -> RestoreFrom<'_> {
        RestoreFrom::new(
            &self.config,
            &self.corrections,
            Some(&self.store),
            at(self.now),
        )
    }

    fn probe(&mut self, good: bool) {
        let probe = &self.config.services[0].probes[0];
        let verdict = if good {
            Verdict::Good
        } else {
            Verdict::Bad(Cause::Status)
        };
        let record = Record {
            key: probe.key.clone(),
            at: at(self.now),
            interval: probe.interval,
            outcome: Outcome::new(verdict, Duration::from_millis(5)),
        };
        self.ledger.record(&record);
        self.store.append(&[record]).expect("committed");
    }

    fn tick(&mut self) {
        let changed = self.step();
        self.store.keep_alerts(&changed, &[]).expect("kept");
    }

    fn step(&mut self) -> Vec<AlertRecord> {
        let state = self.ledger.advance(at(self.now)).view();
        self.alerts.step(&state, &Inputs::default()).records
    }

    /// Runs probes every 10 s.
    fn live(&mut self, seconds: i64, good: bool) {
        for _ in 0..seconds / 10 {
            self.probe(good);
            self.tick();
            self.now += 10;
        }
    }

    /// Kills the daemon, and starts it again after a number of seconds.
    fn restart(&mut self, after: i64) {
        self.now += after;
        let path = self.folder.path().join("slod.db");
        let other = tempfile::tempdir().expect("a folder");
        // The lock is released with the old one.
        self.store = Store::open(&other.path().join("slod.db")).expect("a new store");
        self.store = Store::open(&path).expect("it opens again");
        self.ledger = restore(self.source()).expect("readable");
        let firing = self.store.firing_alerts().expect("readable");
        self.alerts = LiveAlerts::resumed(firing, at(self.now));
        self.tick();
    }

    fn reload(&mut self, slos: &str) {
        self.config = config(slos);
        let old = std::mem::take(&mut self.ledger);
        let rebuilt = reload(old, &Unread::new(), self.source());
        rebuilt.result.expect("readable");
        self.ledger = rebuilt.ledger;
        self.tick();
    }

    /// What the page would show for an objective: tier, and start time.
    fn firing(&self, slo: &str) -> Vec<(u8, i64)> {
        let view = self.alerts.view(at(self.now), &Arc::default());
        let row = |alert: &AlertRecord| (number(&alert.key), seconds(alert.from));
        view.of("web", slo).iter().map(row).collect()
    }

    /// The records of an objective, fastest tier first.
    fn kept(&self, slo: &str) -> Vec<AlertRecord> {
        let all = self.store.alerts(at(-1), at(self.now + 1), 1000);
        let mut all = all.expect("readable");
        all.retain(|record| record.key.slo() == Some(slo));
        all.sort_by_key(|record| (number(&record.key), record.from));
        all
    }

    fn ended(&self, slo: &str) -> Vec<(u8, i64, Option<i64>)> {
        let row = |record: &AlertRecord| {
            let to = record.to.map(seconds);
            (number(&record.key), seconds(record.from), to)
        };
        self.kept(slo).iter().map(row).collect()
    }
}

fn number(key: &AlertKey) -> u8 {
    key.tier().map_or(0, |tier| tier.number)
}

fn seconds(at: Timestamp) -> i64 {
    at.0 / 1000 - START
}
