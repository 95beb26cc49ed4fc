//! Windows of a run whose load was not counted, from the outcomes of the service's probes.

use super::LoadWindow;
use crate::outcome::{Cause, Timestamp, Verdict, millis};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use std::collections::BTreeMap;
use std::time::Duration;

/// An attempt of a probe, which counts as a request.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub at: Timestamp,
    pub verdict: Verdict,
    pub latency: Duration,
}

/// Totals of the attempts in a window.
#[derive(Default)]
struct Sum {
    good: u64,
    failed: BTreeMap<Cause, u64>,
    latencies: BTreeMap<u16, u32>,
    failed_latencies: BTreeMap<u16, u32>,
    time: Duration,
}

/// The windows of `start..end` of a run that began at `from`; the last one may be shorter. Void attempts
/// say nothing about the service and are ignored.
pub fn probed_windows(
    from: Timestamp,
    (start, end): (Timestamp, Timestamp),
    width: Duration,
    attempts: impl IntoIterator<Item = Attempt>,
) -> Vec<LoadWindow> {
    let scale = Scale::new([]);
    let step = millis(width).max(1);
    let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
    for one in attempts {
        if one.at < start || one.at >= end {
            continue;
        }
        let sum = sums.entry((one.at.0 - start.0) / step).or_default();
        let code = scale.code(one.latency);
        match one.verdict {
            Verdict::Good => sum.good += 1,
            Verdict::Bad(cause) => {
                *sum.failed.entry(cause).or_default() += 1;
                *sum.failed_latencies.entry(code).or_default() += 1;
            }
            Verdict::Void(_) => continue,
        }
        *sum.latencies.entry(code).or_default() += 1;
        sum.time += one.latency;
    }
    let count = (end.0 - start.0).max(0).div_euclid(step) + i64::from((end.0 - start.0) % step > 0);
    let window = |number: i64| {
        let sum = sums.remove(&number).unwrap_or_default();
        let begin = Timestamp(start.0 + number * step);
        let until = Timestamp(begin.0.saturating_add(step)).min(end);
        window(sum, begin.since(from), until.since(begin))
    };
    (0..count).map(window).collect()
}

fn window(sum: Sum, start: Duration, length: Duration) -> LoadWindow {
    let started = sum.good + sum.failed.values().sum::<u64>();
    let mut latency = Histogram::default();
    latency.add_sorted(sum.latencies.into_iter());
    let mut failed_latency = Histogram::default();
    failed_latency.add_sorted(sum.failed_latencies.into_iter());
    let seconds = length.as_secs_f64().max(f64::MIN_POSITIVE);
    LoadWindow {
        start,
        length,
        due: started as f64 / seconds,
        active: sum.time.as_secs_f64() / seconds,
        started,
        good: sum.good,
        failed: sum.failed.into_iter().collect(),
        latency,
        failed_latency,
        ..LoadWindow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::VoidReason;

    #[test]
    fn an_attempt_is_a_request_of_its_window() {
        let from = Timestamp::from_secs(1000);
        let verdicts = [
            (0, Verdict::Good),
            (9, Verdict::Bad(Cause::Timeout)),
            (10, Verdict::Good),
            (11, Verdict::Void(VoidReason::Late)),
            (24, Verdict::Good),
            (25, Verdict::Good),
        ];
        let attempts = verdicts.map(|(secs, verdict)| Attempt {
            at: from.after(Duration::from_secs(secs)),
            verdict,
            latency: Duration::from_millis(500),
        });
        let end = from.after(Duration::from_secs(25));
        let windows = probed_windows(from, (from, end), Duration::from_secs(10), attempts);
        let shown: Vec<_> = windows
            .iter()
            .map(|one| {
                (
                    one.start.as_secs(),
                    one.length.as_secs(),
                    one.good,
                    one.errors(),
                )
            })
            .collect();
        assert_eq!(shown, [(0, 10, 1, 1), (10, 10, 1, 0), (20, 5, 1, 0)]);
        assert_eq!(windows[0].failed, [(Cause::Timeout, 1)]);
        assert!((windows[0].active - 0.1).abs() < 1e-9);
    }
}
