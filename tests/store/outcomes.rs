//! Outcomes are written into blocks, and read back.

use super::*;

#[test]
fn every_step_of_compaction_shows_each_outcome_once() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    // Two shards (ids 1 and 129), and three hours, the last of which is not complete.
    let probes: Vec<i64> = (0..130).collect();
    let all: Vec<_> = probes
        .iter()
        .map(|p| ticks(*p, START, START + 2 * HOUR + 60_000))
        .collect();
    for records in &all {
        store.append(records).unwrap();
    }
    let reader = Store::open_read_only(&file(&folder)).unwrap();
    let now = START + 2 * HOUR + 150_000;
    loop {
        for probe in [0, 129] {
            let records = &all[usize::try_from(probe).unwrap()];
            let seen = reader.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
            let at = |records: &[Record]| {
                records
                    .iter()
                    .map(|r| (r.at, r.outcome.verdict))
                    .collect::<Vec<_>>()
            };
            assert_eq!(at(&seen), at(records));
            assert_eq!(counted(&reader, &key(probe)), expected(records));
        }
        if !store.compact_step(Timestamp(now), &plan).unwrap() {
            break;
        }
    }
    assert_eq!(
        compact(&mut store, now),
        0,
        "compacting again finds nothing to do"
    );
    assert_eq!(pending(&store).len(), probes.len() * 6);

    let hours = store
        .hours(&key(129), Timestamp(START + 1), Timestamp(START + HOUR))
        .unwrap();
    assert_eq!(hours.len(), 1);
    let first_hour = ticks(129, START, START + HOUR);
    for tally_key in plan(&key(129)).keys {
        assert_eq!(
            hours[0].tally(&tally_key.to_string()),
            Some(tally_key.count(first_hour.iter().map(Event::from)))
        );
    }
    let voids = first_hour
        .iter()
        .filter(|r| !r.outcome.verdict.counts())
        .count();
    assert_eq!(hours[0].void[&VoidReason::Network] as usize, voids);
    let in_histogram: u32 = hours[0].histogram.iter().map(|(_, count)| count).sum();
    assert_eq!(in_histogram, hours[0].good);
    let mut visited = 0;
    store
        .for_each_hour(
            Timestamp(START),
            Timestamp(START + HOUR),
            |_| true,
            |_, _| {
                visited += 1;
            },
        )
        .unwrap();
    assert_eq!(visited, probes.len());
}

#[test]
fn late_outcomes_are_merged_and_duplicates_are_not() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let all = ticks(0, START, START + HOUR);
    let (late, early): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|r| r.at.0 % 70_000 == 0);
    store.append(&early).unwrap();
    let mut double = early[3].clone();
    double.outcome.verdict = Verdict::Bad(Cause::Dns);
    store.append(&[double.clone()]).unwrap();
    compact(&mut store, START + 2 * HOUR);
    // The same tick again, after its hour became a block, together with late ones.
    store.append(&[double]).unwrap();
    store.append(&late).unwrap();
    assert_eq!(counted(&store, &key(0)), expected(&all));
    assert_eq!(
        store.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(),
        all.len()
    );
    assert_eq!(compact(&mut store, START + 2 * HOUR), 1);
    assert_eq!(pending(&store), []);
    assert_eq!(counted(&store, &key(0)), expected(&all));
    let hour = &store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0];
    for tally_key in plan(&key(0)).keys {
        assert_eq!(
            hour.tally(&tally_key.to_string()),
            Some(tally_key.count(all.iter().map(Event::from)))
        );
    }
    assert_eq!(store.first_seen(&key(0)), Some(all[0].at));
    assert_eq!(store.last_seen().unwrap(), Some(all[359].at));
}

#[test]
fn a_block_keeps_its_thresholds_when_the_plan_changes() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let all = ticks(0, START, START + HOUR);
    let (late, early) = all.split_at(5);
    store.append(early).unwrap();
    compact(&mut store, START + 2 * HOUR);
    store.append(late).unwrap();
    let latency = |ms| TallyKey {
        sli: Sli::Latency {
            of: None,
            below: Duration::from_millis(ms),
        },
        budgeting: BudgetingMethod::Occurrences,
    };
    let changed = |_: &ProbeKey| CountingPlan {
        thresholds: vec![Threshold {
            of: None,
            below: Duration::from_millis(300),
        }],
        keys: vec![latency(500), latency(300)],
    };
    assert!(
        store
            .compact_step(Timestamp(START + 2 * HOUR), &changed)
            .unwrap()
    );
    let hour = &store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0];
    let cut = |ms| hour.scale().separates(Duration::from_millis(ms));
    assert_eq!((cut(500), cut(300)), (true, false));
    assert_eq!(
        hour.tally(&latency(500).to_string()),
        Some(latency(500).count(all.iter().map(Event::from)))
    );
    assert!(hour.tally(&latency(300).to_string()).is_some());
    assert_eq!(hour.tally(&plan(&key(0)).keys[0].to_string()), None);
}

#[test]
fn data_older_than_the_retention_is_deleted() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    store.append(&ticks(0, START, START + 3 * HOUR)).unwrap();
    compact(&mut store, START + 3 * HOUR);
    store.append(&ticks(1, START, START + 3 * HOUR)).unwrap();
    while store.expire_step(Timestamp(START + 2 * HOUR + 5)).unwrap() {}
    for probe in [0, 1] {
        let left = store.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
        assert_eq!((left.len(), left[0].at.0), (360, START + 2 * HOUR));
    }
}

#[test]
fn damaged_blocks_are_skipped_and_counted() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    store.append(&ticks(0, START, START + 3 * HOUR)).unwrap();
    compact(&mut store, START + 4 * HOUR);
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    other.execute("UPDATE block SET outcomes = zeroblob(length(outcomes)) WHERE id IN (SELECT min(id) FROM block)", []).unwrap();
    other
        .execute(
            "UPDATE hour SET counts = x'09ffff' WHERE id IN (SELECT max(id) FROM hour)",
            [],
        )
        .unwrap();
    assert_eq!(
        store.outcomes(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(),
        360
    );
    assert_eq!(store.unreadable_blocks(), 2);
    assert_eq!(store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap().len(), 2);
    assert_eq!(store.unreadable_blocks(), 3);
    // A late outcome must neither stop compaction nor replace the remaining counts.
    store.append(&[record(0, START + 5)]).unwrap();
    assert_eq!(compact(&mut store, START + 4 * HOUR), 1);
    let good = expected(&ticks(0, START, START + HOUR)).0;
    assert_eq!(
        store.hours(&key(0), ALWAYS.0, ALWAYS.1).unwrap()[0].good,
        good
    );
}

/// As after a recovery that found only the counts of an hour.
#[test]
fn late_outcomes_do_not_replace_the_counts_of_an_hour_without_outcomes() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let all = ticks(0, START, START + HOUR);
    store.append(&all).unwrap();
    compact(&mut store, START + 2 * HOUR);
    let other = rusqlite::Connection::open(file(&folder)).unwrap();
    assert_eq!(other.execute("DELETE FROM block", []), Ok(1));
    store.append(&[record(0, START + 5)]).unwrap();
    assert_eq!(compact(&mut store, START + 2 * HOUR), 1);
    assert_eq!(counted(&store, &key(0)), expected(&all));
}

#[test]
fn the_newest_outcomes_cost_no_more_than_they_are() {
    let folder = TempDir::new().unwrap();
    let mut store = Store::open(&file(&folder)).unwrap();
    let records: Vec<_> = (0..600).map(|n| record(0, START + n * 60_000)).collect();
    store.append(&records).unwrap();
    let now = Timestamp(START + 6 * HOUR);
    while store
        .compact_step(now, &|_: &ProbeKey| CountingPlan::default())
        .unwrap()
    {}
    let (from, to) = (Timestamp(START + HOUR / 2), Timestamp(START + 9 * HOUR + 1));
    let key = &records[0].key;
    let all: Vec<_> = store
        .outcomes(key, from, to)
        .unwrap()
        .iter()
        .map(|record| record.at)
        .collect();
    for limit in [0, 1, 59, 60, 61, 400, 10_000] {
        let looks = std::cell::Cell::new(0);
        let wanted = || {
            looks.set(looks.get() + 1);
            true
        };
        let newest = store
            .newest_outcomes(key, (from, to), limit, wanted)
            .unwrap();
        let newest: Vec<_> = newest.iter().map(|record| record.at).collect();
        assert_eq!(newest, all[all.len().saturating_sub(limit)..], "{limit}");
        assert!(
            looks.get() <= limit / 60 + 2 + usize::from(limit > all.len()) * 10,
            "{limit}: {looks:?}"
        );
    }
    let unwanted = store
        .newest_outcomes(key, (from, to), 10, || false)
        .unwrap();
    assert!(unwanted.is_empty());
}

#[test]
fn a_history_stored_as_blocks_equals_a_compacted_one() {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut blocks = Store::open(&file(&one)).unwrap();
    let mut rows = Store::open(&file(&other)).unwrap();
    let end = START + 3 * HOUR;
    let all = [ticks(0, START + 20_000, end), ticks(1, START, end)];
    // An hour that exists already is merged, as when it arrives in two parts.
    blocks.append(&all[0][..100]).unwrap();
    compact(&mut blocks, end + HOUR);
    let batches = all.iter().flat_map(|records| records.chunks(500));
    blocks
        .append_blocks(batches.map(<[_]>::to_vec), &plan)
        .unwrap();
    for records in &all {
        rows.append(records).unwrap();
    }
    compact(&mut rows, end + HOUR);
    assert!(pending(&blocks).is_empty());
    for probe in [0, 1] {
        let of = |store: &Store| {
            let hours = store.hours(&key(probe), ALWAYS.0, ALWAYS.1).unwrap();
            (
                store.outcomes(&key(probe), ALWAYS.0, ALWAYS.1).unwrap(),
                store.first_seen(&key(probe)),
                hours
                    .iter()
                    .map(|hour| format!("{:?}", hour.tallies().collect::<Vec<_>>()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(of(&blocks), of(&rows));
    }
}

/// Whole hours by their counts, other hours outcome by outcome. No report arrives without a network.
#[test]
fn outcomes_are_counted_between_two_times() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&finished(folder.path())).unwrap();
    let all = store.outcomes(&key(1), ALWAYS.0, ALWAYS.1).unwrap();
    let moments = [
        -1,
        0,
        1,
        HOUR,
        HOUR + 5_000,
        3 * HOUR,
        4 * HOUR + 70_000,
        9 * HOUR,
    ];
    let moments = moments.map(|after| Timestamp(START + after));
    for from in moments {
        for to in moments.into_iter().filter(|to| *to >= from) {
            let within = all.iter().filter(|one| from < one.at && one.at <= to);
            let ours = Verdict::Void(VoidReason::Network);
            let expected = within.filter(|one| one.outcome.verdict != ours).count() as u64;
            let counted = store.count_outcomes(&key(1), from, to).unwrap();
            assert_eq!(counted, expected, "{from:?} to {to:?}");
        }
    }
    let unknown = store.count_outcomes(&key(7), moments[0], moments[7]);
    assert_eq!(unknown.unwrap(), 0);
}
