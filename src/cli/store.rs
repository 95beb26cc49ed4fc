//! `slod store`: whether the store is valid, and what can be recovered from a damaged one.

use super::output::{complain, show};
use super::{ConfigArg, exit};
use crate::clock::Clock;
use crate::store::{self, Checked, Recovered, StoreError};
use clap::{Args, Subcommand};
use std::path::Path;

#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read everything in the store and report all errors: exit code 0 if there are none.
    Check(ConfigArg),
    /// Copy everything readable in a damaged store into a new one; the damaged file is renamed. Stop the daemon first.
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
            let recovered = store::recover(path, Clock::system().now());
            recovered.map(|recovered| print_recovery(path, &recovered))
        }
    };
    outcome.unwrap_or_else(|error: StoreError| {
        complain(&format!("slod: {}: {error}", path.display()));
        exit::START
    })
}

fn print_check(path: &Path, checked: &Checked) -> u8 {
    show(&format!(
        "{}: schema version {}, {} probes, {} finished probe-hours, {} outcomes, {} corrections, {} series, {} samples\n",
        path.display(),
        checked.version,
        checked.probes,
        checked.hours,
        checked.outcomes,
        checked.corrections,
        checked.series,
        checked.samples
    ));
    for fault in &checked.faults {
        show(&format!("fault: {fault}\n"));
    }
    if checked.unlisted > 0 {
        show(&format!("and {} more\n", checked.unlisted));
    }
    if checked.sound() {
        show("sound\n");
        return exit::OK;
    }
    show("damaged: `slod store recover` copies everything readable into a new store\n");
    exit::NO
}

fn print_recovery(path: &Path, recovered: &Recovered) -> u8 {
    show(&format!(
        "{}: kept {} probes, {} finished probe-hours, {} recent outcomes, {} corrections, {} alerts, {} series\n",
        path.display(),
        recovered.probes,
        recovered.hours + recovered.hours_counts_only,
        recovered.outcomes,
        recovered.corrections,
        recovered.alerts,
        recovered.series
    ));
    let (lost, damaged) = (recovered.lost(), recovered.damaged.display());
    show(&format!("{lost}\nThe old store is {damaged}.\n"));
    exit::OK
}
