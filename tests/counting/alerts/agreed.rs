//! Live alerts match a backtest of the same stored history: of two services, one of which depends on the other, with
//! maintenance, silences, tiers and targets of their own, and times in which slod did not run or was suspended.

use super::at;
use super::replayed::{Part, attempts, part};
use proptest::prelude::*;
use slod::alert::{AlertRecord, Condition, Decisions, Matcher, Silence};
use slod::alerting::{Inputs, LiveAlerts};
use slod::config::Config;
use slod::ledger::{RestoreFrom, in_force, plans, restore};
use slod::outcome::{Cause, Outcome, Record, Timestamp, Verdict};
use slod::report::backtest::replayed;
use slod::slo::correction::Correction;
use slod::store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SERVICES: [&str; 2] = ["db", "web"];
const TIERS: [&str; 3] = [
    "{}",
    "{ budget_exhausted: true, forecast: 3d }",
    "{ tiers: [ { long: 1h, short: 5m, budget: 2%, urgency: ticket, min_bad: 5 }, { long: 6h, short: 30m, budget: 5%, urgency: page } ] }",
];
const MATCHERS: [&str; 4] = [
    "service=web",
    "service=db",
    "severity=critical",
    "slo=\"errors\",tier!=1",
];
const STEP: i64 = 10;
/// How far apart both may see a budget: every ten minutes while no tier of its objective can be met.
const THOROUGH: i64 = 600;

/// A span of the history: its begin and its length in steps, and which of several choices it is about.
type Mark = (i64, i64, usize);

#[derive(Clone, Debug)]
struct History {
    /// Of each service.
    parts: [Vec<Part>; 2],
    tiers: usize,
    target: &'static str,
    window: &'static str,
    maintenance: Vec<Mark>,
    silences: Vec<Mark>,
    /// Times in which slod is suspended (choice 0), or stopped and started again.
    gaps: Vec<Mark>,
    is_compacted: bool,
}

fn history() -> impl Strategy<Value = History> {
    let parts = || prop::collection::vec(part(), 1..8);
    let marks = |choices| prop::collection::vec((0_i64..1500, 1_i64..400, 0..choices), 0..3);
    let objective = (
        prop::sample::select(vec!["99%", "99.9%"]),
        prop::sample::select(vec!["1d", "30d"]),
    );
    // Shorter interruptions without a restart are no gap.
    let gaps = prop::collection::vec((0_i64..1500, 7_i64..1500, 0_usize..2), 0..4);
    let spans = (marks(6), marks(MATCHERS.len()), gaps);
    (
        parts(),
        parts(),
        0..TIERS.len(),
        objective,
        spans,
        any::<bool>(),
    )
        .prop_map(
            |(db, web, tiers, (target, window), (maintenance, silences, gaps), is_compacted)| {
                History {
                    parts: [db, web],
                    tiers,
                    target,
                    window,
                    maintenance,
                    silences,
                    gaps,
                    is_compacted,
                }
            },
        )
}

impl History {
    fn config(&self) -> Config {
        let Self { target, window, .. } = self;
        let service = |name: &str, port: u8, more: &str| {
            format!(
                "  - {{ name: {name}, {more}probes: [ {{ name: p, tcp: {{ address: \"127.0.0.1:{port}\" }} }} ] }}\n"
            )
        };
        let text = format!(
            "alerts: {}\ndefaults:\n  interval: 10s\n  objectives:\n    - {{ name: errors, sli: success, target: {target}, window: {window} }}\n    - {{ name: uptime, sli: availability, target: {target}, window: {window} }}\nservices:\n{}{}",
            TIERS[self.tiers],
            service("db", 1, ""),
            service("web", 2, "depends_on: [ db ], "),
        );
        text.parse().expect("valid")
    }

    /// The outcomes in order of time, and the end in seconds.
    fn outcomes(&self, config: &Config) -> (Vec<Record>, i64) {
        let mut all = Vec::new();
        let mut last = 0;
        for (spec, parts) in config.services.iter().zip(&self.parts) {
            let (attempts, end) = attempts(parts);
            last = last.max(end);
            all.extend(attempts.into_iter().map(|(second, is_good)| Record {
                key: spec.probes[0].key.clone(),
                at: at(second),
                interval: spec.probes[0].interval,
                outcome: Outcome::new(
                    if is_good {
                        Verdict::Good
                    } else {
                        Verdict::Bad(Cause::Status)
                    },
                    Duration::from_millis(5),
                ),
            }));
        }
        let step = |record: &Record| second(record.at) / STEP;
        all.retain(|record| !self.gaps.iter().any(|gap| is_within(gap, step(record))));
        all.sort_by_key(|record| record.at);
        // A gap is stored when it is over.
        let gaps = self.gaps.iter().map(|(from, length, _)| from + length);
        (all, gaps.chain([last / STEP + 1]).max().unwrap_or(0) * STEP)
    }

    /// The gaps, given the outcomes. A process that was killed is known to have run until its last outcome.
    fn gaps(&self, records: &[Record]) -> Vec<Mark> {
        let begin = |(from, length, choice): &Mark| {
            let mut before = records.iter().map(|record| second(record.at) / STEP).rev();
            let last = before.find(|step| step < from).unwrap_or(-1);
            let begin = if *choice == 0 { *from } else { last + 1 };
            (begin, from + length - begin, *choice)
        };
        self.gaps.iter().map(begin).collect()
    }

    /// A store with this history.
    fn store(&self, folder: &std::path::Path, config: &Config, records: &[Record]) -> Store {
        let mut store = Store::open(&folder.join("slod.db")).expect("a new store");
        store.append(records).expect("committed");
        for (from, length, choice) in &self.maintenance {
            let slos = if choice % 2 == 0 {
                vec![]
            } else {
                vec!["errors".to_owned()]
            };
            let services = SERVICES.get(choice / 2).map(|name| (*name).to_owned());
            let correction = Correction {
                services: services.into_iter().collect(),
                slos,
                author: "ada".to_owned(),
                ..Correction::once(at(from * STEP), at((from + length) * STEP), "an upgrade")
            };
            store.add_correction(&correction, at(0)).expect("kept");
        }
        for (from, length, choice) in &self.silences {
            let silence = Silence {
                id: 0,
                matchers: Matcher::parse_list(MATCHERS[*choice]).expect("matchers"),
                from: at(from * STEP),
                to: at((from + length) * STEP),
                author: "ada".to_owned(),
                reason: "known".to_owned(),
            };
            store.add_silence(&silence).expect("kept");
        }
        if self.is_compacted {
            let plans = plans(config);
            let plan = |key: &_| Arc::unwrap_or_clone(plans.get(key).cloned().unwrap_or_default());
            let now = at(100 * 3600);
            while store.compact_step(now, &plan).expect("compacted") {}
        }
        store
    }
}

/// An alert: service, objective and condition, with its begin, its end, and whether people were notified.
type Row = ((String, String, String), i64, i64, bool);

fn is_within((from, length, _): &Mark, step: i64) -> bool {
    (*from..from + length).contains(&step)
}

/// Alerts that continue after a gap end within a second of each other.
fn second(at: Timestamp) -> i64 {
    (at.0 - super::at(0).0 + 500) / 1000
}

/// The alerts of a daemon that evaluates every ten seconds, except in gaps, which it stores.
fn lived(
    config: &Config,
    store: &mut Store,
    records: &[Record],
    gaps: &[Mark],
    end: i64,
) -> Vec<Row> {
    let corrections = in_force(config, store).expect("readable");
    let decisions = Decisions {
        silences: store.silences().expect("readable"),
        ..Decisions::default()
    };
    let inputs = Inputs {
        rules: config.alerts.clone(),
        decisions: Arc::new(decisions),
        ..Inputs::default()
    };
    let source = RestoreFrom::new(config, &corrections, None, at(0));
    let (mut ledger, mut alerts) = (restore(source).expect("empty"), LiveAlerts::default());
    let mut next = records.iter().peekable();
    let mut known: BTreeMap<_, AlertRecord> = BTreeMap::new();
    let mut is_stopped = false;
    for step in 0..=end / STEP {
        let mut around = gaps.iter().filter(|gap| is_within(gap, step)).peekable();
        if around.peek().is_some() {
            is_stopped |= around.any(|(_, _, choice)| *choice != 0);
            continue;
        }
        let now = at(step * STEP);
        if std::mem::take(&mut is_stopped) {
            // The first evaluation is a little later.
            let opened = now.before(Duration::from_millis(1));
            let firing = alerts.view(now, &config.alerts).firing().to_vec();
            alerts = LiveAlerts::resumed(firing, opened);
            if let Some(last) = records.iter().rfind(|record| record.at < now) {
                store.keep_gap((last.at, now)).expect("kept");
            }
        }
        while let Some(record) = next.next_if(|record| record.at <= now) {
            ledger.record(record);
        }
        let changes = alerts.step(&ledger.advance(now).view(), &inputs);
        if let Some(gap) = changes.gap {
            store.keep_gap(gap).expect("kept");
        }
        known.extend(
            changes
                .records
                .into_iter()
                .map(|one| ((one.key.clone(), one.from), one)),
        );
    }
    let row = |one: AlertRecord| {
        let slo = one.key.slo().expect("of an objective").to_owned();
        let condition = one
            .key
            .condition()
            .map_or_else(String::new, Condition::label);
        let key = (one.key.service.to_string(), slo, condition);
        (
            key,
            second(one.from),
            one.to.map_or(end, second),
            one.notified,
        )
    };
    known.into_values().map(row).collect()
}

fn backtested(config: &Config, store: &Store, end: i64) -> Vec<Row> {
    let all = replayed(config, store, at(0), at(end)).expect("readable");
    let second = |at: chrono::DateTime<chrono::Utc>| second(Timestamp(at.timestamp_millis()));
    let rows = all.alerts.into_iter().map(|one| {
        let is_notified = !one.inhibited && one.silenced_by.is_none();
        let ended = one.ended_at.map_or(end, second);
        (
            (one.service, one.slo, one.condition),
            second(one.fired_at),
            ended,
            is_notified,
        )
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn live_alerts_match_a_backtest_of_the_same_history(history in history()) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = history.config();
        let (records, end) = history.outcomes(&config);
        let mut store = history.store(folder.path(), &config, &records);
        let gaps = history.gaps(&records);
        let mut live = lived(&config, &mut store, &records, &gaps, end);
        let mut past = backtested(&config, &store, end);
        live.sort();
        past.sort();
        // Only tiers are evaluated at each step by both.
        let of_tier = |row: &&Row| row.0.2.parse::<u8>().is_ok();
        let tiers = |rows: &[Row]| -> Vec<Row> { rows.iter().filter(of_tier).cloned().collect() };
        prop_assert_eq!(tiers(&live), tiers(&past), "live and backtest");
        let others = |rows: &[Row]| -> Vec<Row> { rows.iter().filter(|row| !of_tier(row)).cloned().collect() };
        let (live, past) = (others(&live), others(&past));
        prop_assert_eq!(live.len(), past.len(), "live {:?}, backtest {:?}", &live, &past);
        for (a, b) in live.iter().zip(&past) {
            let is_near = (a.1 - b.1).abs() <= THOROUGH && (a.2 - b.2).abs() <= THOROUGH;
            prop_assert!(a.0 == b.0 && is_near && a.3 == b.3, "live {:?}, backtest {:?}", a, b);
        }
    }
}
