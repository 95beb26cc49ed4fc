//! `slod import openslo|sloth`: objectives of other tools as a config.

pub use crate::import::slo::Format;

use super::{ImportArgs, usage};
use crate::cli::exit;
use crate::cli::output::{complain, show};
use crate::import::Input;
use crate::yaml::{SIZE_LIMIT, read_regular};
use std::path::Path;

/// Prints the config, and what is not in it to standard error. An error is the exit code of a fault that was
/// reported.
pub fn show_config(args: &ImportArgs, format: Format) -> Result<u8, u8> {
    let files = std::iter::once(&args.file).chain(&args.more);
    let inputs: Result<Vec<Input>, u8> = files.map(|path| read(path)).collect();
    let imported = format.read(&inputs?).map_err(usage)?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        complain(&format!("slod: {remark}"));
    }
    Ok(exit::OK)
}

fn read(path: &Path) -> Result<Input, u8> {
    let name = path.display().to_string();
    let bytes = read_regular(path, SIZE_LIMIT as u64)
        .map_err(|reason| usage(format!("cannot read {name}: {reason}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| usage(format!("cannot read {name}: it is not UTF-8 text")))?;
    Ok(Input { name, text })
}
