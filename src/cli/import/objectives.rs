//! `slod import openslo|sloth`: converts objectives of other tools to a config.

pub use crate::import::slo::Format;

use super::file::{faults, input, show_imported};
use super::{ImportArgs, usage};
use crate::import::Input;

/// An export of 30,000 objectives has 32 MiB.
const SIZE_MAX: usize = 64 << 20;

/// Prints the config. The error is the exit code, after its message was printed.
pub fn show_config(args: &ImportArgs, format: Format) -> Result<u8, u8> {
    let files = std::iter::once(&args.file).chain(&args.more);
    let inputs: Result<Vec<Input>, String> = files.map(|path| input(path, SIZE_MAX)).collect();
    show_imported(format.read(&inputs.map_err(usage)?, &faults))
}
