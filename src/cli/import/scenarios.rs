//! `slod import k6-options`: converts the options of a k6 script to the section `scenarios` of a config.

use super::{ImportArgs, usage};
use crate::cli::exit;
use crate::cli::output::{print_error, show};
use crate::import::k6_options;
use crate::text::printable;
use crate::yaml::{SIZE_LIMIT, read_regular};

/// Prints the section, and what was not imported to standard error. The error is the exit code, after its
/// message was printed.
pub fn show_section(args: &ImportArgs) -> Result<u8, u8> {
    let shown = args.file.display();
    let bytes = read_regular(&args.file, SIZE_LIMIT as u64)
        .map_err(|reason| usage(format!("cannot read {shown}: {reason}")))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| usage(format!("cannot read {shown}: it is not UTF-8 text")))?;
    let imported = k6_options::read(&text)
        .map_err(|fault| usage(format!("{shown}: {}", printable(&fault))))?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        print_error(&format!("slod: {shown}: {}", printable(remark)));
    }
    Ok(exit::OK)
}
