//! `slod import k6-options`: converts the options of a k6 script to the section `scenarios` of a config.

use super::ImportArgs;
use super::file::input;
use crate::cli::exit;
use crate::cli::failure::{CommandResult, Failure};
use crate::cli::output::{print_error, show};
use crate::diagnostic::Source;
use crate::import::k6_options;
use crate::text::printable;
use crate::yaml::SIZE_LIMIT;

/// Prints the section, and what was not imported to standard error.
pub fn show_section(args: &ImportArgs) -> CommandResult {
    let Source { name, text } = input(&args.file, SIZE_LIMIT).map_err(Failure::usage)?;
    let imported = k6_options::read(&text)
        .map_err(|fault| Failure::usage(format!("{name}: {}", printable(&fault))))?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        print_error(&format!("slod: {name}: {}", printable(remark)));
    }
    Ok(exit::OK)
}
