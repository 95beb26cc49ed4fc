//! `slod backup`: copies the store, even while the daemon runs.

use super::output::{fail, show};
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

pub fn run(args: &BackupArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    if args.to == Path::new("-") {
        return print(&config.store.path);
    }
    if let Some(fault) = unusable(&args.to) {
        return fail(
            exit::USAGE,
            format!("cannot write {}: {fault}", args.to.display()),
        );
    }
    match store::backup(&config.store.path, &args.to) {
        Ok(made) => {
            let (size, seconds) = (made.size_bytes, made.took.as_secs_f64());
            show(&format!(
                "{}: {size} bytes, written, checked and synced in {seconds:.2} s\n",
                args.to.display()
            ));
            exit::OK
        }
        Err(error) => {
            let (from, to) = (config.store.path.display(), args.to.display());
            fail(
                exit::START,
                format!("cannot copy the store {from} to {to}: {error}"),
            )
        }
    }
}

/// Writes the copy to standard output.
fn print(from: &Path) -> u8 {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        let reason = "standard output is a terminal; redirect it to a file";
        return fail(exit::USAGE, reason);
    }
    let mut copy = match store::nameless_backup(from) {
        Ok(copy) => copy,
        Err(error) => {
            let from = from.display();
            let reason = format!("cannot copy the store {from}: {error}");
            return fail(exit::START, reason);
        }
    };
    // An incomplete copy is a failure, even if its reader has closed the pipe.
    if let Err(error) = io::copy(&mut copy, &mut out).and_then(|_| out.flush()) {
        let reason = format!("cannot write to standard output: {error}");
        return fail(exit::FAILED, reason);
    }
    exit::OK
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
