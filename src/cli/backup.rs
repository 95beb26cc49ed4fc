//! `slod backup`: copies the store, even while the daemon runs.

use super::failure::{CommandResult, Failure};
use super::output::show;
use super::{ConfigArg, exit};
use crate::store;
use clap::Args;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist. `-` is standard output, such as of `kubectl exec`.
    #[arg(value_name = "COPY")]
    to: PathBuf,
    #[command(flatten)]
    config: ConfigArg,
}

pub fn run(args: &BackupArgs) -> CommandResult {
    let config = args.config.load()?;
    if args.to == Path::new("-") {
        return print(&config.store.path);
    }
    if let Some(fault) = unusable(&args.to) {
        let reason = format!("cannot write {}: {fault}", args.to.display());
        return Err(Failure::usage(reason));
    }
    let (from, to) = (config.store.path.display(), args.to.display());
    let failed =
        |error| Failure::unavailable(format!("cannot copy the store {from} to {to}: {error}"));
    let made = store::backup(&config.store.path, &args.to).map_err(failed)?;
    let (size, seconds) = (made.size_bytes, made.took.as_secs_f64());
    show(&format!(
        "{to}: {size} bytes, written, checked and synced in {seconds:.2} s\n"
    ));
    Ok(exit::OK)
}

/// Writes the copy to standard output.
fn print(from: &Path) -> CommandResult {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        let reason = "standard output is a terminal; redirect it to a file";
        return Err(Failure::usage(reason));
    }
    let mut copy = store::nameless_backup(from).map_err(|error| {
        Failure::unavailable(format!("cannot copy the store {}: {error}", from.display()))
    })?;
    // An incomplete copy is a failure, even if its reader has closed the pipe.
    let copied = io::copy(&mut copy, &mut out).and_then(|_| out.flush());
    copied.map_err(|error| {
        Failure::new(
            exit::FAILED,
            format!("cannot write to standard output: {error}"),
        )
    })?;
    Ok(exit::OK)
}

/// Why the copy cannot be written to this path; `None` if it can.
fn unusable(to: &Path) -> Option<&'static str> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    if to.is_dir() {
        Some("it is a directory")
    } else if to.symlink_metadata().is_ok() {
        Some("it already exists")
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        Some("its directory does not exist")
    } else {
        None
    }
}
