//! A config as an import writes it.

use super::document::Remark;
use serde::Serialize;
use std::fmt::Write as _;

/// What was read.
pub struct Imported {
    /// The config.
    pub yaml: String,
    /// What is not in it, or not as it was.
    pub remarks: Vec<Remark>,
}

/// A config that begins with what is to be done about it, and with the remarks.
pub(super) fn write(
    draft: &impl Serialize,
    remarks: Vec<Remark>,
    to_do: &[String],
) -> Result<Imported, String> {
    let config = serde_yaml::to_string(draft).map_err(|error| error.to_string())?;
    let mut yaml = String::from("# Written by `slod import`: `slod check` validates this file.\n");
    let remarked = remarks.iter().map(Remark::to_string);
    for line in to_do.iter().cloned().chain(remarked) {
        writeln!(yaml, "# {line}").unwrap_or_default();
    }
    yaml.push_str(&config);
    Ok(Imported { yaml, remarks })
}
