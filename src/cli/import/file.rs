//! Files of other tools, and the configs that they become.

use super::usage;
use crate::cli::exit;
use crate::cli::output::{complain, show};
use crate::import::{Imported, Input};
use crate::yaml::{SIZE_LIMIT, read_regular};
use std::path::Path;

/// The text of a file, or what is wrong with it.
pub fn input(path: &Path) -> Result<Input, String> {
    let name = path.display().to_string();
    let bytes = read_regular(path, SIZE_LIMIT as u64)
        .map_err(|reason| format!("cannot read {name}: {reason}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("cannot read {name}: it is not UTF-8 text"))?;
    Ok(Input { name, text })
}

/// Prints the config, and what is not in it to standard error.
pub fn show_imported(imported: Result<Imported, String>) -> Result<u8, u8> {
    let imported = imported.map_err(usage)?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        complain(&format!("slod: {remark}"));
    }
    Ok(exit::OK)
}
