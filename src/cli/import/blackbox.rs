//! `slod import blackbox`: converts the modules of `blackbox_exporter` to probes of a config.

use super::ImportArgs;
use super::file::{faults, input, show_imported};
use crate::cli::failure::{CommandResult, Failure};
use crate::diagnostic::Source;
use crate::import::blackbox::{Inputs, read};
use crate::yaml::SIZE_LIMIT;
use std::fs;
use std::path::Path;

/// Maximum number of files that one pattern matches.
const FILES_MAX: usize = 1_000;

/// Prints the config.
pub fn show_config(args: &ImportArgs) -> CommandResult {
    let modules = input(&args.file, SIZE_LIMIT).map_err(Failure::usage)?;
    let targets: Result<Vec<Source>, String> = args
        .targets
        .iter()
        .map(|path| input(path, SIZE_LIMIT))
        .collect();
    show_imported(read(&Inputs {
        modules: &modules,
        targets: &targets.map_err(Failure::usage)?,
        find: &find,
        check: &faults,
    }))
}

/// Finds the files of a pattern, which is relative to the folder of the file that has it. Its last part may
/// contain one `*`.
fn find(file: &str, pattern: &str) -> Result<Vec<Source>, String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let path = folder.join(pattern);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let Some((begin, end)) = name.split_once('*') else {
        return if path.exists() {
            Ok(vec![input(&path, SIZE_LIMIT)?])
        } else {
            Ok(Vec::new())
        };
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let fits = |name: &String| {
        name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
    };
    let mut names: Vec<String> = names.filter(fits).collect();
    names.sort();
    if names.len() > FILES_MAX {
        return Err(format!(
            "{}: matches more than {FILES_MAX} files",
            path.display()
        ));
    }
    names
        .iter()
        .map(|name| input(&folder.join(name), SIZE_LIMIT))
        .collect()
}
