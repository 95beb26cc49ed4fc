//! `slod store`: checks the store, recovers a damaged one, and renames services in it.

use super::output::{fail, print_error, show};
use super::unknown_name::unknown_name;
use super::{ConfigArg, exit, with_config};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers::plural;
use crate::store::{self, Checked, Progress, Recovered, Renamed, Store, StoreError};
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
    /// Continue the history of a service under a new name, which the config already has. Stop the daemon first.
    Rename(RenameArgs),
}

#[derive(Debug, Args)]
struct RenameArgs {
    /// The name in the store.
    old: String,
    /// The name in the config.
    new: String,
    #[command(flatten)]
    config: ConfigArg,
}

pub fn run(args: &StoreArgs) -> u8 {
    let (Command::Check(config)
    | Command::Recover(config)
    | Command::Rename(RenameArgs { config, .. })) = &args.command;
    with_config(config, |config| {
        let path = &config.store.path;
        match &args.command {
            Command::Check(_) => store::check(path).map(|checked| print_check(path, &checked)),
            Command::Recover(_) => {
                let mut shown = ProgressLog::default();
                let now = Clock::system().now();
                let recovered = store::recover(path, now, &mut |at| shown.see(at));
                recovered.map(|recovered| print_recovery(path, &recovered))
            }
            Command::Rename(args) => rename(config, args),
        }
    })
}

fn rename(config: &Config, RenameArgs { old, new, .. }: &RenameArgs) -> Result<u8, StoreError> {
    let refuse = |why: String| Ok(fail(exit::USAGE, why));
    let configured = || config.services.iter().map(|service| &*service.name);
    if !configured().any(|name| name == new) {
        return refuse(unknown_name("service in the config", new, configured()));
    }
    if configured().any(|name| name == old) {
        return refuse(format!(
            "{old} is still a service in the config; rename it there first"
        ));
    }
    store::require_file(&config.store.path)?;
    let store = Store::open(&config.store.path)?;
    let stored = store.services()?;
    if !stored.contains(old) {
        let stored = stored.iter().map(String::as_str);
        return refuse(unknown_name("service in the store", old, stored));
    }
    let renamed = store.rename_service(old, new)?;
    print_rename(old, new, renamed);
    Ok(exit::OK)
}

fn print_rename(old: &str, new: &str, renamed: Renamed) {
    show(&format!(
        "{old} is now {new}: {}, {} series, {}\n",
        plural(renamed.probes as u64, "probe"),
        renamed.series,
        plural(renamed.runs as u64, "load run")
    ));
    if renamed.merged > 0 {
        show(&format!(
            "{} with outcomes under both names: they are one history now\n",
            plural(renamed.merged as u64, "probe")
        ));
    }
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
