//! `slod store`: checks the store, and recovers a damaged one.

use super::output::{print_error, show};
use super::{ConfigArg, exit};
use crate::clock::Clock;
use crate::format::numbers::plural;
use crate::store::{self, Checked, Progress, Recovered, StoreError};
use clap::{Args, Subcommand};
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything in the store and report all errors: exit code 0 if there are none.
    Check(ConfigArg),
    /// Copy everything readable from a damaged store to a new one; the damaged file is renamed. Stop the daemon first.
    Recover(ConfigArg),
}

pub fn run(args: &StoreArgs) -> u8 {
    let (Command::Check(config) | Command::Recover(config)) = &args.command;
    let config = match config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let path = &config.store.path;
    let outcome = match &args.command {
        Command::Check(_) => store::check(path).map(|checked| print_check(path, &checked)),
        Command::Recover(_) => {
            let mut shown = ProgressLog::default();
            let recovered = store::recover(path, Clock::system().now(), &mut |at| shown.see(at));
            recovered.map(|recovered| print_recovery(path, &recovered))
        }
    };
    outcome.unwrap_or_else(|error: StoreError| {
        print_error(&format!("slod: {}: {error}", path.display()));
        exit::START
    })
}

/// Reports the progress of a long recovery every few seconds.
#[derive(Default)]
struct ProgressLog(Option<Instant>);

impl ProgressLog {
    const EVERY: Duration = Duration::from_secs(5);

    fn see(&mut self, at: Progress) {
        let last = *self.0.get_or_insert_with(Instant::now);
        if last.elapsed() >= Self::EVERY {
            self.0 = Some(Instant::now());
            print_error(&format!("slod: {}: hour {} of {}", at.what, at.done, at.of));
        }
    }
}

fn print_check(path: &Path, checked: &Checked) -> u8 {
    show(&format!(
        "{}: schema version {}, {}, {}, {}, {}, {} series, {}\n",
        path.display(),
        checked.version,
        plural(checked.probes as u64, "probe"),
        plural(checked.hours, "finished probe-hour"),
        plural(checked.outcomes, "outcome"),
        plural(checked.corrections, "correction"),
        checked.series,
        plural(checked.samples, "sample")
    ));
    if checked.counts_only > 0 {
        show(&format!(
            "{} only with exact counts, since a recovery\n",
            plural(checked.counts_only, "probe-hour")
        ));
    }
    for fault in &checked.faults {
        show(&format!("fault: {fault}\n"));
    }
    if checked.unlisted > 0 {
        show(&format!("and {} more\n", checked.unlisted));
    }
    if checked.sound() {
        show("no errors\n");
        return exit::OK;
    }
    show("damaged: `slod store recover` copies everything readable into a new store\n");
    exit::NO
}

fn print_recovery(path: &Path, recovered: &Recovered) -> u8 {
    show(&format!(
        "{}: kept {}, {}, {}, {}, {}, {} series\n",
        path.display(),
        plural(recovered.probes, "probe"),
        plural(
            recovered.hours + recovered.hours_counts_only,
            "finished probe-hour"
        ),
        plural(recovered.outcomes, "recent outcome"),
        plural(recovered.corrections, "correction"),
        plural(recovered.alerts, "alert"),
        recovered.series
    ));
    let (lost, damaged) = (recovered.lost(), recovered.damaged.display());
    show(&format!("{lost}\nThe old store is {damaged}.\n"));
    if recovered.nameless {
        exit::NO
    } else {
        exit::OK
    }
}
