//! `slod samples`: lists gauges and counters with a history, or shows the history of one.

use super::daemon::{Daemon, DaemonArgs};
use super::failure::{CommandResult, Failure};
use super::output::show;
use super::run::on_this_thread;
use super::span::{TimeArg, check_order, read_duration};
use super::{OutputFormat, exit};
use crate::clock::Clock;
use crate::outcome::Timestamp;
use crate::report::series::{SeriesEntry, SeriesRange, chosen, list_to_text, range};
use crate::store::Store;
use crate::units::DAY;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct SamplesArgs {
    /// Time series as `name` or `name{label="value"}`; without it, all series are listed.
    series: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Start: a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now (7d).
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        requires = "series",
        allow_hyphen_values = true
    )]
    from: TimeArg,
    /// End, in the same formats [default: now].
    #[arg(
        long,
        value_name = "TIME",
        default_value = "now",
        hide_default_value = true,
        requires = "series",
        allow_hyphen_values = true
    )]
    to: TimeArg,
    /// Time per row, such as 5m [default: at most 60 rows].
    #[arg(long, value_name = "DURATION", value_parser = read_duration, requires = "series")]
    step: Option<Duration>,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &SamplesArgs) -> CommandResult {
    let now = Clock::system().now();
    let (from, to) = (args.from.at(now), args.to.at(now));
    check_order(from, to).map_err(Failure::usage)?;
    let daemon = args.daemon.daemon()?;
    on_this_thread(async {
        show(&answer(args, &daemon, (from, to)).await?);
        Ok(exit::OK)
    })
}

async fn answer(
    args: &SamplesArgs,
    daemon: &Daemon,
    span: (Timestamp, Timestamp),
) -> Result<String, Failure> {
    let stored = |_: &_, store: &Store| Ok(store.series()?.iter().map(SeriesEntry::of).collect());
    let all: Result<Vec<SeriesEntry>, _> = daemon.get_or("/api/v1/series", stored).await;
    let mut all = all.map_err(Failure::unavailable)?;
    let Some(text) = &args.series else {
        all.sort_by(|a, b| a.series.cmp(&b.series));
        return Ok(args.format.of(&all, |all| list_to_text(all)));
    };
    let wanted = chosen(&all, text).map_err(Failure::usage)?;
    let step = args.step.unwrap_or_else(|| step_for(span));
    let stored = |_: &_, store: &Store| {
        let all = store.series()?;
        let found = all.iter().find(|info| info.id == wanted.id);
        found.map_or(Ok(None), |info| range(store, info, span, Some(step)))
    };
    let found: Result<Option<SeriesRange>, _> =
        daemon.get_or(&path(wanted.id, span, step), stored).await;
    match found.map_err(Failure::unavailable)? {
        Some(found) => Ok(args.format.of(&found, SeriesRange::to_text)),
        None => Err(Failure::usage("too many rows: use a longer --step")),
    }
}

/// API path of a time range.
fn path(id: i64, (from, to): (Timestamp, Timestamp), step: Duration) -> String {
    let [from, to] = [from, to].map(Timestamp::to_rfc3339);
    let step = crate::units::show_duration(step);
    format!("/api/v1/series/{id}?from={from}&to={to}&step={step}")
}

/// A round step that gives at most 60 rows.
fn step_for((from, to): (Timestamp, Timestamp)) -> Duration {
    const SECONDS: [u64; 14] = [
        10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    ];
    let least = to.0.saturating_sub(from.0).unsigned_abs().div_ceil(60_000);
    let known = SECONDS.into_iter().find(|seconds| *seconds >= least);
    Duration::from_secs(known.unwrap_or_else(|| least.next_multiple_of(DAY.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_at_most_sixty_rows() {
        let step = |seconds| step_for((Timestamp(0), Timestamp::from_secs(seconds))).as_secs();
        let steps = [60, 3600, 3601, 86_400, 30 * 86_400, 400 * 86_400].map(step);
        assert_eq!(steps, [10, 60, 120, 1800, 43_200, 7 * 86_400]);
    }
}
