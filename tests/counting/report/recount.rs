//! An independent recount: everything at once, minute by minute, without streaming. Counts are in
//! `BudgetingMethod::parts`, times and durations in milliseconds.

use slod::outcome::{ProbeKey, Record};
use slod::slo::{BudgetingMethod, Combine, Judgement, NoDataPolicy, Objective};
use std::collections::BTreeMap;

/// A probe that counts, with its interval and weight.
pub type Probes = BTreeMap<ProbeKey, (i64, u32)>;

/// The reported period, the current time, and the excluded times.
#[derive(Clone)]
pub struct Asked {
    pub from: i64,
    pub to: i64,
    pub now: i64,
    pub corrected: Vec<(i64, i64)>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Recount {
    pub good: u64,
    pub bad: u64,
    pub void: u64,
    /// Of all probes together.
    pub covered_ms: i64,
    pub taken_ms: i64,
    /// Start, end, and bad events; the worst first.
    pub incidents: Vec<(i64, i64, u64)>,
    pub scattered: u64,
}

struct Event {
    start: i64,
    length: i64,
    covers: i64,
    good: u64,
    bad: u64,
}

const MINUTE: i64 = 60_000;

/// `records` are those of all probes, in order of time.
pub fn recount(
    objective: &Objective,
    probes: &Probes,
    records: &[Record],
    asked: &Asked,
) -> Recount {
    let mut asked = asked.clone();
    if objective.budgeting != BudgetingMethod::Occurrences
        && objective.missing != NoDataPolicy::Exclude
    {
        for (from, to) in &mut asked.corrected {
            *from = from.div_euclid(MINUTE) * MINUTE;
            *to = (*to + MINUTE - 1).div_euclid(MINUTE) * MINUTE;
        }
    }
    let counting: Vec<_> = records
        .iter()
        .filter(|record| probes.contains_key(&record.key))
        .collect();
    let events = match objective.budgeting {
        BudgetingMethod::Occurrences => outcomes(objective, &counting, &asked),
        _ => minutes(objective, probes, &counting, &asked),
    };
    let is_void = |event: &&Event| event.good + event.bad == 0;
    let mut found = Recount {
        good: events.iter().map(|event| event.good).sum(),
        bad: events.iter().map(|event| event.bad).sum(),
        void: events.iter().filter(is_void).count() as u64,
        covered_ms: events.iter().map(|event| event.covers).sum(),
        taken_ms: asked.taken_ms(),
        ..Recount::default()
    };
    incidents(&events, asked.to, &mut found);
    found
}

impl Asked {
    fn is_out(&self, ms: i64) -> bool {
        let mut spans = self.corrected.iter();
        spans.any(|(start, end)| (*start..*end).contains(&ms))
    }

    /// Between two adjacent boundaries, everything is either included or excluded.
    fn taken_ms(&self) -> i64 {
        let spans = self.corrected.iter();
        let mut borders: Vec<i64> = spans.flat_map(|(start, end)| [*start, *end]).collect();
        borders.extend([self.from, self.to]);
        borders.retain(|border| (self.from..=self.to).contains(border));
        borders.sort_unstable();
        let pieces = borders.windows(2).filter(|piece| self.is_out(piece[0]));
        pieces.map(|piece| piece[1] - piece[0]).sum()
    }

    fn wants(&self, ms: i64) -> bool {
        (self.from..self.to).contains(&ms) && !self.is_out(ms)
    }
}

fn judged(objective: &Objective, record: &Record) -> Judgement {
    objective.sli.judge(&record.into())
}

fn outcomes(objective: &Objective, records: &[&Record], asked: &Asked) -> Vec<Event> {
    let event = |record: &&Record| {
        let length = i64::try_from(record.interval.as_millis()).expect("small");
        let judged = judged(objective, record);
        let counts = judged != Judgement::NotCounted;
        Event {
            start: record.at.0,
            length,
            covers: i64::from(counts) * length,
            good: u64::from(judged == Judgement::Good),
            bad: u64::from(judged == Judgement::Bad),
        }
    };
    let wanted = records.iter().filter(|record| asked.wants(record.at.0));
    wanted.map(event).collect()
}

fn minutes(
    objective: &Objective,
    probes: &Probes,
    records: &[&Record],
    asked: &Asked,
) -> Vec<Event> {
    let mut by_minute: BTreeMap<i64, Vec<&Record>> = BTreeMap::new();
    // The current minute is not judged.
    let running = asked.now.div_euclid(MINUTE) * MINUTE;
    let wanted = |record: &&&Record| record.at.0 < running && asked.wants(record.at.0);
    for record in records.iter().filter(wanted) {
        by_minute
            .entry(record.at.0.div_euclid(MINUTE))
            .or_default()
            .push(record);
    }
    let first = records.first().map(|record| record.at.0);
    let mut events = Vec::new();
    for number in asked.from / MINUTE..asked.to / MINUTE {
        let start = number * MINUTE;
        let seen = by_minute.get(&number).map_or(&[][..], Vec::as_slice);
        let begun = first.is_some_and(|first| first < start + MINUTE);
        // It can still arrive during the next minute.
        let due = begun && start + 2 * MINUTE <= asked.now && !asked.is_out(start);
        let ratio = ratio(objective, probes, seen).or(match objective.missing {
            NoDataPolicy::Bad if due => Some(0.0),
            NoDataPolicy::Good if due => Some(1.0),
            _ => None,
        });
        let (good, bad) = ratio.map_or((0, 0), |ratio| parts(objective.budgeting, ratio));
        if ratio.is_some() || !seen.is_empty() {
            events.push(Event {
                start,
                length: MINUTE,
                covers: i64::from(ratio.is_some()) * MINUTE * probes.len() as i64,
                good,
                bad,
            });
        }
    }
    events
}

/// The ratio of good events among those that count.
fn share<'a>(objective: &Objective, records: impl Iterator<Item = &'a &'a Record>) -> Option<f64> {
    let judged: Vec<_> = records.map(|record| judged(objective, record)).collect();
    let of = |one| judged.iter().filter(|judged| **judged == one).count() as f64;
    let (good, bad) = (of(Judgement::Good), of(Judgement::Bad));
    (good + bad > 0.0).then(|| good / (good + bad))
}

fn ratio(objective: &Objective, probes: &Probes, seen: &[&Record]) -> Option<f64> {
    if objective.combine == Combine::Pooled {
        return share(objective, seen.iter());
    }
    let of = |key: &ProbeKey| {
        let own: Vec<_> = seen.iter().filter(|record| record.key == *key).collect();
        share(objective, own.into_iter())
    };
    let shares: Vec<(f64, f64)> = probes
        .iter()
        .filter_map(|(key, (_, weight))| Some((of(key)?, f64::from(*weight))))
        .collect();
    let mut each: Vec<f64> = shares.iter().map(|(share, _)| *share).collect();
    each.sort_by(f64::total_cmp);
    match objective.combine {
        Combine::All => each.first().copied(),
        Combine::Any => each.last().copied(),
        Combine::Pooled | Combine::Weighted => {
            let weights: f64 = shares.iter().map(|(_, weight)| weight).sum();
            let sum: f64 = shares.iter().map(|(share, weight)| share * weight).sum();
            (weights > 0.0).then(|| sum / weights)
        }
    }
}

fn parts(budgeting: BudgetingMethod, ratio: f64) -> (u64, u64) {
    match budgeting {
        BudgetingMethod::Timeslices { slice_target } if ratio >= slice_target => (1, 0),
        BudgetingMethod::Timeslices { .. } | BudgetingMethod::Occurrences => (0, 1),
        BudgetingMethod::RatioTimeslices => {
            let good = format!("{:.0}", ratio * 1e6).parse().expect("a number");
            (good, 1_000_000 - good)
        }
    }
}

/// An event starts an incident if no event before it ended within ten minutes.
fn incidents(events: &[Event], to: i64, found: &mut Recount) {
    let bad = events.iter().filter(|event| event.bad > 0);
    let bad: Vec<_> = bad
        .map(|event| (event.start, (event.start + event.length).min(to), event.bad))
        .collect();
    let begins = |place: usize| {
        let before = bad[..place].iter().map(|event| event.1).max();
        before.is_none_or(|end| bad[place].0 - end >= 10 * MINUTE)
    };
    let mut starts: Vec<_> = (0..bad.len()).filter(|place| begins(*place)).collect();
    starts.push(bad.len());
    for pair in starts.windows(2) {
        let run = &bad[pair[0]..pair[1]];
        let sum = run.iter().map(|event| event.2).sum();
        if run.len() >= 2 {
            let end = run.iter().map(|event| event.1).max().unwrap_or_default();
            found.incidents.push((run[0].0, end, sum));
        } else {
            found.scattered += sum;
        }
    }
    found.incidents.sort_by_key(|one| (u64::MAX - one.2, one.0));
}
