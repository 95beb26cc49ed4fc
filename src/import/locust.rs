//! Reads the history that Locust writes with `--csv`: a line per second, with totals since the start and
//! percentiles of about the last ten seconds.

use super::collect::{ClientRequest, Collector, spread};
use super::{ImportError, Lines, csv};
use crate::load::Transferred;
use crate::outcome::{Cause, Timestamp};
use crate::units::whole;
use std::io::BufRead;
use std::time::Duration;

/// The name of the totals since version 1.0, and the older one.
const ALL: [&str; 2] = ["Aggregated", "Total"];

pub(super) fn read(
    lines: &mut Lines<impl BufRead>,
    collector: &mut Collector,
) -> Result<(), ImportError> {
    let Some(header) = lines.next()? else {
        return Ok(());
    };
    let columns = Columns::of(&header).map_err(|what| {
        lines.fault(format!(
            "{what}, as in the file NAME_stats_history.csv of `locust --csv NAME`"
        ))
    })?;
    let (mut before, mut moments, mut received) = ([0_u64; 2], 0_u64, 0_u64);
    while let Some(line) = lines.record()? {
        let values = csv::values(&line);
        let text = |place: usize| values.get(place).map_or("", |text| text.trim());
        let [time, users, name, requests, failures] = columns.totals;
        if !ALL.contains(&text(name)) {
            continue;
        }
        let numbers = [time, users, requests, failures].map(|place| text(place).parse::<u64>());
        let [Ok(seconds), Ok(users), Ok(requests), Ok(failures)] = numbers else {
            return Err(lines.fault("invalid timestamp, users, requests or failures"));
        };
        moments += 1;
        let at = Timestamp::from_secs(i64::try_from(seconds).unwrap_or_default());
        collector.users(at, users as f64);
        let known = columns.percentiles.iter().filter_map(|(share, place)| {
            let ms: f64 = text(*place).parse().ok()?;
            Some((*share, Duration::try_from_secs_f64(ms / 1000.0).ok()?))
        });
        let known: Vec<_> = known.collect();
        // Until the first line with percentiles, requests are accumulated. Locust counts requests before
        // their response times, and reports 0 for all percentiles until then.
        let is_timed = known.iter().any(|(_, time)| !time.is_zero());
        let took = columns.longest;
        let took = took.and_then(|place| text(place).parse::<f64>().ok());
        if known.is_empty() || (!is_timed && took.is_some_and(|ms| ms >= 0.5)) {
            continue;
        }
        // The totals of a new test begin at 0, as do those of `--reset-stats` once all users were spawned.
        if requests < before[0] {
            (before, received) = ([0; 2], 0);
        }
        let made = requests.saturating_sub(before[0]);
        let failed = failures.saturating_sub(before[1]).min(made);
        before = [requests, failures];
        add(collector, at, made, failed, &known);
        let size = columns.size.map(|place| text(place).parse::<f64>());
        if let Some(Ok(size)) = size {
            let all = whole(size * requests as f64).max(received);
            collector.transferred(at, Transferred::received(Some(all - received)));
            received = all;
        }
    }
    if moments == 1 {
        // Short runs have only one line: all requests would count in one second.
        return Err(lines.fault("a rate requires at least two lines of history"));
    }
    Ok(())
}

/// Indexes of the columns that are read.
struct Columns {
    /// Time, users, name, requests and failures.
    totals: [usize; 5],
    percentiles: Vec<(f64, usize)>,
    /// The longest response time, if there is such a column.
    longest: Option<usize>,
    /// The average size of the bodies of all responses, if there is such a column.
    size: Option<usize>,
}

impl Columns {
    fn of(header: &str) -> Result<Self, String> {
        let names = [
            "Timestamp",
            "User Count",
            "Name",
            "Total Request Count",
            "Total Failure Count",
        ];
        let longest = csv::columns(header, ["Total Max Response Time"]);
        let size = csv::columns(header, ["Total Average Content Size"]);
        Ok(Self {
            totals: csv::columns(header, names)?,
            percentiles: percentiles(header),
            longest: longest.ok().map(|[place]| place),
            size: size.ok().map(|[place]| place),
        })
    }
}

/// The columns of percentiles: `50%`, `99.9%`.
fn percentiles(header: &str) -> Vec<(f64, usize)> {
    let names = csv::values(header);
    let each = names.iter().enumerate();
    each.filter_map(|(place, name)| {
        let percent: f64 = name.trim().strip_suffix('%')?.parse().ok()?;
        Some((percent / 100.0, place))
    })
    .collect()
}

/// Adds the requests of a second, with latencies that match these percentiles. The fastest requests count as
/// the failed ones.
fn add(
    collector: &mut Collector,
    ended: Timestamp,
    made: u64,
    mut failed: u64,
    percentiles: &[(f64, Duration)],
) {
    for (latency, count) in spread(made, percentiles) {
        let bad = failed.min(count);
        failed -= bad;
        for (cause, count) in [(Some(Cause::Status), bad), (None, count - bad)] {
            if count > 0 {
                let seen = ClientRequest {
                    ended,
                    latency,
                    failed: cause,
                    status: None,
                };
                collector.requests(seen, u32::try_from(count).unwrap_or(u32::MAX));
            }
        }
    }
}
