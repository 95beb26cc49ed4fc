//! Writes an imported config.

use super::document::Remark;
use serde::Serialize;
use std::fmt::Write as _;

/// The result of an import.
pub struct Imported {
    /// The config.
    pub yaml: String,
    /// What was omitted or changed.
    pub remarks: Vec<Remark>,
}

/// Writes a config that starts with the remaining tasks and the remarks.
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
