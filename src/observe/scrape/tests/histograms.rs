//! Histograms whose pages change from scrape to scrape.

use super::Watched;
use crate::roles::Role;
use proptest::prelude::*;

/// The actual histogram of the service: the number of requests up to 50 ms, up to 100 ms, and all.
type Truth = [u32; 3];

fn histogram_page(path: &str, truth: Truth, forms: usize, late: u32) -> String {
    let [fast, good, all] = truth;
    let good_form = ["0.1", "1.0e-1", ".1", "0.10"][forms % 4];
    let all_form = ["+Inf", "Inf", "+inf", "inf"][forms / 4 % 4];
    let bucket = |bound: &str, count| {
        format!("http_request_duration_seconds_bucket{{path=\"{path}\",le=\"{bound}\"}} {count}\n")
    };
    // One of them has an additional bound now and then.
    let extra = if path == "/a" && forms.is_multiple_of(3) {
        bucket("0.07", fast)
    } else {
        String::new()
    };
    let count = all - late.min(all);
    [
        bucket("0.05", fast),
        extra,
        bucket(good_form, good),
        bucket(all_form, all),
        format!("http_request_duration_seconds_count{{path=\"{path}\"}} {count}\n"),
    ]
    .concat()
}

proptest! {
    #[test]
    fn histograms_are_counted_as_a_recount_says(
        steps in prop::collection::vec(
            ([0_u32..5, 0..5, 0..5], 0_usize..48, 0_u32..4, any::<bool>(), 0_usize..12),
            1..40,
        ),
    ) {
        let mut watched = Watched::new("");
        let mut truth: [Truth; 2] = [[100; 3], [50; 3]];
        let page = |truth: &[Truth; 2], forms, late| {
            histogram_page("/a", truth[0], forms, late) + &histogram_page("/b", truth[1], forms / 2, 0)
        };
        watched.follow(0, &page(&truth, 1, 0));
        let mut expected: Truth = [0; 3];
        // More would look like alternating processes.
        let mut resets = 0..2;
        for (step, (more, forms, late, of_first, reset)) in steps.into_iter().enumerate() {
            let one = &mut truth[usize::from(of_first)];
            let [fast, slower, slow] = more;
            let more = [fast, fast + slower, fast + slower + slow];
            let is_reset = reset == 0 && one[2] > 20 && resets.next().is_some();
            if is_reset {
                *one = [0; 3];
            }
            for at in 0..3 {
                one[at] += more[at];
                expected[at] += more[at];
            }
            // `_count` alone must not fall: several such pages look like alternating processes too.
            let late = if is_reset || of_first { 0 } else { late.min(more[2]) };
            let metrics = watched.follow(step as u64 * 10 + 10, &page(&truth, forms, late));
            let view = metrics.histogram(Role::RequestDuration).expect("found");
            prop_assert_eq!(&view.bounds, &[0.05, 0.1]);
            let upper = [1, 2, 3].map(|end| view.counts[..end].iter().sum::<u64>());
            prop_assert_eq!(upper, expected.map(u64::from));
            prop_assert_eq!(metrics.scrape.dropped.total(), 0);
        }
    }
}

#[test]
fn a_histogram_that_lost_its_buckets_has_none() {
    let mut watched = Watched::new("");
    let page = |bounds: &[&str], count: u32| {
        let name = "http_request_duration_seconds";
        let bucket = |bound: &&str| format!("{name}_bucket{{le=\"{bound}\"}} {count}\n");
        let buckets: String = bounds.iter().map(bucket).collect();
        buckets + &format!("{name}_sum 1\n{name}_count {count}\n")
    };
    let mut bounds = |step: u32, bounds: &[&str]| {
        let metrics = watched.follow(u64::from(step) * 10, &page(bounds, 1000 + 10 * step));
        let view = metrics.histogram(Role::RequestDuration).expect("known");
        (view.bounds.clone(), view.counts.iter().sum::<u64>())
    };
    let all = ["0.05", "0.1", "+Inf"];
    assert_eq!(bounds(0, &all), (vec![0.05, 0.1], 0));
    assert_eq!(bounds(1, &all), (vec![0.05, 0.1], 10));
    assert_eq!(bounds(2, &all), (vec![0.05, 0.1], 20));
    // The total falls, so that the stored series do not look as if all requests had been slow.
    assert_eq!(bounds(3, &["0.05", "0.2", "+Inf"]), (vec![0.05, 0.2], 10));
    assert_eq!(bounds(4, &[]), (vec![], 0));
}

#[test]
fn a_sum_that_one_page_lacks_is_not_counted_again() {
    let mut watched = Watched::new("");
    let mut sum = |second: u64, sum: &str| {
        let name = "http_request_duration_seconds";
        let page = format!(
            "{name}_bucket{{le=\"0.5\"}} {second}\n{name}_bucket{{le=\"+Inf\"}} {second}\n{name}_sum {sum}\n"
        );
        let metrics = watched.follow(second, &page);
        metrics.histogram(Role::RequestDuration).expect("found").sum
    };
    let sums = [
        (0, "500"),
        (10, "501"),
        (20, "NaN"),
        (30, "503"),
        (40, "504"),
    ];
    let counted = sums.map(|(second, text)| sum(second, text));
    let expected = [0.0, 1.0, 1.0, 1.0, 2.0];
    let are_close = |(counted, expected): (f64, f64)| (counted - expected).abs() < 1e-9;
    assert!(
        counted.into_iter().zip(expected).all(are_close),
        "{counted:?}"
    );
}
