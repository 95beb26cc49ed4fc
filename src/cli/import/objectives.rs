//! `slod import openslo|sloth`: objectives of other tools as a config.

pub use crate::import::slo::Format;

use super::file::{faults, input, show_imported};
use super::{ImportArgs, usage};
use crate::import::Input;

/// 30,000 objectives of an export have 32 MiB.
const SIZE_MAX: usize = 64 << 20;

/// Prints the config. An error is the exit code of a fault that was reported.
pub fn show_config(args: &ImportArgs, format: Format) -> Result<u8, u8> {
    let files = std::iter::once(&args.file).chain(&args.more);
    let inputs: Result<Vec<Input>, String> = files.map(|path| input(path, SIZE_MAX)).collect();
    show_imported(format.read(&inputs.map_err(usage)?, &faults))
}
