//! `slod backup`: a copy of the store, also while the daemon runs.

use super::{ConfigArg, exit};
use crate::app::Origin;
use crate::report::numbers;
use crate::store::Store;
use clap::Args;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, Args)]
pub struct BackupArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// The copy, which must not exist yet. To restore it, stop the daemon and put it in the store's place.
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

pub fn run(args: &BackupArgs) -> u8 {
    let config = match Origin::File(args.config.path.clone()).load() {
        Ok(config) => config,
        Err(reason) => {
            eprintln!("{reason}");
            return exit::USAGE;
        }
    };
    let started = Instant::now();
    let path = &config.store.path;
    match Store::open_read_only(path).and_then(|store| store.backup(&args.to)) {
        Ok(size) => {
            println!(
                "{} copied to {}: {} in {}",
                path.display(),
                args.to.display(),
                numbers::bytes(size),
                numbers::latency(started.elapsed())
            );
            exit::OK
        }
        Err(error) => {
            eprintln!("slod: {} was not copied: {error}", path.display());
            exit::START
        }
    }
}
