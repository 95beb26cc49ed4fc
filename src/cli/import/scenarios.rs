//! `slod import k6-options`: converts the options of a k6 script to the section `scenarios` of a config.

use super::file::input;
use super::{ImportArgs, usage};
use crate::cli::exit;
use crate::cli::output::{print_error, show};
use crate::import::{Input, k6_options};
use crate::text::printable;
use crate::yaml::SIZE_LIMIT;

/// Prints the section, and what was not imported to standard error. The error is the exit code, after its
/// message was printed.
pub fn show_section(args: &ImportArgs) -> Result<u8, u8> {
    let Input { name, text } = input(&args.file, SIZE_LIMIT).map_err(usage)?;
    let imported =
        k6_options::read(&text).map_err(|fault| usage(format!("{name}: {}", printable(&fault))))?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        print_error(&format!("slod: {name}: {}", printable(remark)));
    }
    Ok(exit::OK)
}
