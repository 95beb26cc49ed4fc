//! `slod import blackbox`: the probes of `blackbox_exporter` as a config.

use super::file::{input, show_imported};
use super::{ImportArgs, usage};
use crate::config::Config;
use crate::diagnostic::{Severity, Source};
use crate::import::Input;
use crate::import::blackbox::{Inputs, read};
use crate::probe::KINDS;
use std::fs;
use std::path::Path;

/// Files that one pattern names.
const FILES_MAX: usize = 1_000;
/// What every variable has while a config is checked: it is valid as an address, a header and a text.
const VARIABLE: &str = "http://127.0.0.1/";
/// A file that is not on this machine is no fault of a config.
const UNREADABLE: &str = "unreadable-file";

/// Prints the config. An error is the exit code of a fault that was reported.
pub fn show_config(args: &ImportArgs) -> Result<u8, u8> {
    let modules = input(&args.file).map_err(usage)?;
    let targets: Result<Vec<Input>, String> = args.targets.iter().map(|path| input(path)).collect();
    show_imported(read(&Inputs {
        modules: &modules,
        targets: &targets.map_err(usage)?,
        find: &find,
        check: &fault,
    }))
}

/// The files of a pattern, which is relative to the folder of the file that has it. Its last part may have one `*`.
fn find(file: &str, pattern: &str) -> Result<Vec<Input>, String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let path = folder.join(pattern);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let Some((begin, end)) = name.split_once('*') else {
        return if path.exists() {
            Ok(vec![input(&path)?])
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
            "{}: there are more than {FILES_MAX} such files",
            path.display()
        ));
    }
    names.iter().map(|name| input(&folder.join(name))).collect()
}

/// What `slod check` says of a config.
fn fault(config: &str) -> Option<String> {
    let source = Source {
        name: String::new(),
        text: config.to_owned(),
    };
    let env = |_: &str| Some(VARIABLE.to_owned());
    let loaded = Config::load(&source, Path::new(""), &env, KINDS);
    let mut errors = loaded.diagnostics.into_iter();
    let error = errors.find(|one| one.severity == Severity::Error && one.code != UNREADABLE)?;
    let help = error
        .help
        .map(|help| format!(" ({help})"))
        .unwrap_or_default();
    Some(error.message + &help)
}
