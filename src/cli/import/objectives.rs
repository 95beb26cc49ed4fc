//! `slod import openslo|sloth`: converts objectives of other tools to a config.

pub use crate::import::slo::Format;

use super::ImportArgs;
use super::file::{faults, input, show_imported};
use crate::cli::failure::{CommandResult, Failure};
use crate::diagnostic::Source;

/// An export of 30,000 objectives has 32 MiB.
const SIZE_MAX: usize = 64 << 20;

/// Prints the config.
pub fn show_config(args: &ImportArgs, format: Format) -> CommandResult {
    let files = std::iter::once(&args.file).chain(&args.more);
    let inputs: Result<Vec<Source>, String> = files.map(|path| input(path, SIZE_MAX)).collect();
    show_imported(format.read(&inputs.map_err(Failure::usage)?, &faults))
}
