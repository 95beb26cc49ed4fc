//! Writes requests as the section `load` of a service.

use super::{Imported, ImportedCapture, ImportedRequest, Shape};
use crate::format::numbers::plural;
use crate::text::printable;
use crate::yaml::quoted;
use std::fmt::Write as _;

pub(super) fn write(imported: &Imported, has_server: bool) -> String {
    let mut yaml = String::new();
    // Writing to a text cannot fail.
    let _ = comment(imported, &mut yaml);
    yaml.push_str("load:\n");
    if let Some(origin) = imported.origin.as_ref().filter(|_| !has_server) {
        writeln!(yaml, "  url: {}", quoted(origin)).unwrap_or_default();
    }
    yaml.push_str("  requests:\n");
    let indent = match imported.shape {
        Shape::Requests => "    ",
        Shape::Steps => {
            yaml.push_str("    - steps:\n");
            "        "
        }
    };
    for (place, request) in imported.requests.iter().enumerate() {
        let _ = one(request, place == 0, indent, &mut yaml);
    }
    yaml
}

/// The required variables, and what was left out.
fn comment(imported: &Imported, yaml: &mut String) -> std::fmt::Result {
    if !imported.variables.is_empty() {
        writeln!(
            yaml,
            "# Set in the environment of slod (secrets, and values that the file does not contain):"
        )?;
        for name in &imported.variables {
            writeln!(yaml, "#   {name}")?;
        }
    }
    for (reason, count) in &imported.left_out {
        writeln!(yaml, "# Left out: {} ({reason})", plural(*count, "request"))?;
    }
    for remark in &imported.remarks {
        writeln!(yaml, "# {}", printable(&remark.to_string()))?;
    }
    if imported.more_remarks > 0 {
        writeln!(yaml, "# and {} more such remarks", imported.more_remarks)?;
    }
    Ok(())
}

fn one(
    request: &ImportedRequest,
    is_first: bool,
    indent: &str,
    yaml: &mut String,
) -> std::fmt::Result {
    writeln!(yaml, "{indent}- method: {}", quoted(&request.method))?;
    writeln!(yaml, "{indent}  path: {}", quoted(&request.path))?;
    if let Some(think) = request.think.filter(|_| !is_first) {
        writeln!(yaml, "{indent}  think: {}ms", think.as_millis())?;
    }
    if !request.headers.is_empty() {
        writeln!(yaml, "{indent}  headers:")?;
        for (name, value) in &request.headers {
            writeln!(yaml, "{indent}    {}: {}", quoted(name), quoted(value))?;
        }
    }
    if let Some(body) = &request.body {
        writeln!(yaml, "{indent}  body: {}", quoted(body))?;
    }
    if !request.captures.is_empty() {
        writeln!(yaml, "{indent}  capture:")?;
        for ImportedCapture { name, keys } in &request.captures {
            write!(yaml, "{indent}    - {{ name: {}", quoted(name))?;
            for (key, value) in keys {
                write!(yaml, ", {key}: {}", quoted(value))?;
            }
            writeln!(yaml, " }}")?;
        }
    }
    if request.weight != 1 {
        writeln!(yaml, "{indent}  weight: {}", request.weight)?;
    }
    if !request.expected_status.is_empty() {
        let statuses: Vec<String> = request
            .expected_status
            .iter()
            .map(|range| match (range.start(), range.end()) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from}-{to}"),
            })
            .collect();
        writeln!(
            yaml,
            "{indent}  expect: {{ status: [{}] }}",
            statuses.join(", ")
        )?;
    }
    Ok(())
}
