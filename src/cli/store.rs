//! `slod store`: checks the store, recovers a damaged one, and renames services and probes in it.

use super::failure::{CommandResult, Failure};
use super::output::{print_error, show};
use super::unknown_name::unknown_name;
use super::{ConfigArg, exit, with_config};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::numbers::plural;
use crate::outcome::ProbeKey;
use crate::store::{self, Checked, Progress, Recovered, Store, StoreError};
use clap::{Args, Subcommand};
use std::path::Path;
use std::time::{Duration, Instant};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read everything in the store and report all errors: exit code 0 if there are none.
    Check(ConfigArg),
    /// Copy everything readable from a damaged store to a new one; the damaged file is renamed. Stop the daemon first.
    Recover(ConfigArg),
    /// Continue the history of a service or a probe under a new name, which the config already has. Stop the daemon first.
    Rename(RenameArgs),
}

#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The name in the store: SERVICE, or SERVICE/PROBE.
    old: String,
    /// The name in the config, in the same form.
    new: String,
    #[command(flatten)]
    config: ConfigArg,
}

pub fn run(command: &Command) -> CommandResult {
    let (Command::Check(config)
    | Command::Recover(config)
    | Command::Rename(RenameArgs { config, .. })) = command;
    with_config(config, |config| {
        let path = &config.store.path;
        match command {
            Command::Check(_) => Ok(print_check(path, &store::check(path)?)),
            Command::Recover(_) => {
                let mut shown = ProgressLog::default();
                let now = Clock::system().now();
                let recovered = store::recover(path, now, &mut |at| shown.see(at))?;
                Ok(print_recovery(path, &recovered))
            }
            Command::Rename(args) => rename(config, args),
        }
    })
}

fn rename(config: &Config, RenameArgs { old, new, .. }: &RenameArgs) -> CommandResult {
    match (old.split_once('/'), new.split_once('/')) {
        (None, None) => rename_service(config, old, new),
        (Some((from, old)), Some((to, new))) => {
            rename_probe(config, &ProbeKey::new(from, old), &ProbeKey::new(to, new))
        }
        _ => Err(Failure::usage(
            "expected two services, or two probes as SERVICE/PROBE",
        )),
    }
}

fn rename_service(config: &Config, old: &str, new: &str) -> CommandResult {
    let configured = config.services.iter().map(|service| &*service.name);
    check_names("service", configured, old, new).map_err(Failure::usage)?;
    let store = open(config)?;
    let stored = store.services()?;
    if !stored.iter().any(|name| name == old) {
        let stored = stored.iter().map(String::as_str);
        let reason = unknown_name("service in the store", old, stored);
        return Err(Failure::usage(reason));
    }
    let renamed = store.rename_service(old, new)?;
    show(&format!(
        "{old} is now {new}: {}, {} series, {}\n",
        plural(renamed.probes as u64, "probe"),
        renamed.series,
        plural(renamed.runs as u64, "load run")
    ));
    if renamed.merged > 0 {
        show_merged(renamed.merged);
    }
    Ok(exit::OK)
}

fn rename_probe(config: &Config, old: &ProbeKey, new: &ProbeKey) -> CommandResult {
    let configured: Vec<_> = config.probes().map(|probe| probe.key.to_string()).collect();
    let configured = configured.iter().map(String::as_str);
    check_names("probe", configured, &old.to_string(), &new.to_string()).map_err(Failure::usage)?;
    let store = open(config)?;
    let stored = store.probes();
    if !stored.contains(old) {
        let stored: Vec<_> = stored.iter().map(ProbeKey::to_string).collect();
        let stored = stored.iter().map(String::as_str);
        let reason = unknown_name("probe in the store", &old.to_string(), stored);
        return Err(Failure::usage(reason));
    }
    let is_merged = store.rename_probe(old, new)?;
    show(&format!("{old} is now {new}\n"));
    if is_merged {
        show_merged(1);
    }
    Ok(exit::OK)
}

/// Checks that the config has the new name, and not the old one.
fn check_names<'a>(
    what: &str,
    configured: impl Iterator<Item = &'a str> + Clone,
    old: &str,
    new: &str,
) -> Result<(), String> {
    if !configured.clone().any(|name| name == new) {
        return Err(unknown_name(
            &format!("{what} in the config"),
            new,
            configured,
        ));
    }
    if configured.clone().any(|name| name == old) {
        return Err(format!(
            "{old} is still a {what} in the config; rename it there first"
        ));
    }
    Ok(())
}

fn open(config: &Config) -> Result<Store, StoreError> {
    store::require_file(&config.store.path)?;
    Store::open(&config.store.path)
}

fn show_merged(probes: usize) {
    show(&format!(
        "{} with outcomes under both names: they are one history now\n",
        plural(probes as u64, "probe")
    ));
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
