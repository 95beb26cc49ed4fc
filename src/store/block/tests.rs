use super::*;
use crate::outcome::{Cause, Verdict, VoidReason};
use crate::slo::{BudgetingMethod, Sli, Tally, Threshold};
use proptest::prelude::*;

const HOUR: i64 = 490_000;

fn measured() -> impl Strategy<Value = Measurements> {
    let value = prop::option::of(0..90_000_000_u32);
    let values = prop::collection::vec(value, Measurement::ALL.len());
    let some = values.prop_map(|values| {
        let mut measured = Measurements::default();
        for (one, micros) in Measurement::ALL.iter().zip(values) {
            if let Some(micros) = micros {
                measured.set_micros(*one, micros);
            }
        }
        measured
    });
    prop_oneof![9 => some, 1 => Just(Measurements::UNKNOWN)]
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let verdict = prop_oneof![
        8 => Just(Verdict::Good),
        2 => prop::sample::select(Cause::ALL).prop_map(Verdict::Bad),
        1 => prop::sample::select(VoidReason::ALL).prop_map(Verdict::Void),
    ];
    let message = prop::option::of(prop::sample::select(vec!["connection refused", "é", ""]));
    let latency = prop_oneof![
        0..5_000_000_u64,
        499_999_990..500_000_010_u64,
        0..1_u64 << 60
    ];
    let code = prop::option::of(any::<u32>());
    let one = (verdict, latency, code, message, 1..60_000_u64, measured());
    prop::collection::btree_map(0..HOUR_MS, one, 1..120).prop_map(|records| {
        let record = |(offset, (verdict, ns, code, message, interval, measured)): (
            _,
            (_, _, _, Option<&str>, _, _),
        )| {
            let mut outcome = Outcome::new(verdict, Duration::from_nanos(ns));
            outcome.code = code;
            outcome.measured = measured;
            outcome.detail.message = message.map(Box::from);
            Record {
                key: ProbeKey::new("concierge", "health"),
                at: Timestamp(HOUR * HOUR_MS + offset),
                interval: Duration::from_millis(interval),
                outcome,
            }
        };
        records.into_iter().map(record).collect()
    })
}

fn keys() -> [TallyKey; 3] {
    let below = Duration::from_millis(500);
    let sli = Sli::Latency { of: None, below };
    [
        TallyKey {
            sli: Sli::Latency {
                of: Some(Measurement::Connect),
                below,
            },
            budgeting: BudgetingMethod::Occurrences,
        },
        TallyKey {
            sli,
            budgeting: BudgetingMethod::Occurrences,
        },
        TallyKey {
            sli,
            budgeting: BudgetingMethod::Timeslices { slice_target: 0.9 },
        },
    ]
}

fn counted(records: &[Record]) -> [Tally; 3] {
    keys().map(|key| key.count(records.iter().map(Event::from)))
}

proptest! {
    #[test]
    fn an_hour_comes_back_with_its_exact_counts(records in records()) {
        let cut = Duration::from_millis(500);
        let thresholds = [None, Some(Measurement::Connect)].map(|of| Threshold { of, below: cut });
        let scales = Scales::new(&thresholds);
        let block = encode(&records, 7, &scales, &keys()).expect("fits");
        let back = decode(&records[0].key, HOUR, &block, &scales, Measurement::ALL).expect("just written");
        prop_assert_eq!(back.len(), records.len());
        for (old, new) in records.iter().zip(&back) {
            prop_assert_eq!((old.at, old.interval), (new.at, new.interval));
            prop_assert_eq!(old.outcome.verdict, new.outcome.verdict);
            prop_assert_eq!(old.outcome.code, new.outcome.code);
            let said = old.outcome.detail.message.clone().filter(|text| !text.is_empty());
            prop_assert_eq!(said, new.outcome.detail.message.clone());
            let (was, is) = (old.outcome.latency, new.outcome.latency);
            prop_assert_eq!(was < cut, is < cut);
            let measured = (&old.outcome.measured, &new.outcome.measured);
            prop_assert_eq!(measured.0.are_known(), measured.1.are_known());
            for one in Measurement::ALL {
                let (was, is) = (measured.0.get(*one), measured.1.get(*one));
                prop_assert_eq!(was.is_some(), is.is_some());
                if let (Some(was), Some(is)) = (was, is) {
                    prop_assert!(was.abs_diff(is) <= was.div_f64(16.0) + Duration::from_micros(1));
                    let exact = *one == Measurement::Connect;
                    prop_assert!(!exact || (was < cut) == (is < cut));
                }
            }
            // The scale ends at 2^46 nanoseconds.
            let was = was.as_secs_f64().min(f64::from(1 << 23) * f64::from(1 << 23) / 1e9);
            prop_assert!((is.as_secs_f64() - was).abs() <= 0.008 * was + 1e-9);
        }
        let header = Header::read(&block.counts).expect("just written");
        prop_assert_eq!(header.basis, 7);
        prop_assert_eq!(header.verdicts.total(), records.len() as u64);
        prop_assert_eq!(header.tallies, counted(&records).to_vec());
        prop_assert_eq!(counted(&records), counted(&back));
        let again = encode(&back, 7, &scales, &keys()).expect("fits");
        prop_assert_eq!(again.counts, block.counts);
    }

    #[test]
    fn a_damaged_block_is_refused(records in records(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let scales = Scales::new(&[]);
        let decode = |block: &Block| decode(&records[0].key, HOUR, block, &scales, Measurement::ALL);
        let mut block = encode(&records, 1, &scales, &[]).expect("fits");
        let len = block.outcomes.len();
        block.outcomes[at.index(len)] ^= 1_u8 << bit;
        prop_assert_eq!(decode(&block), Err(Corrupt));
        block.outcomes.truncate(at.index(len));
        prop_assert!(decode(&block).is_err());
    }
}
