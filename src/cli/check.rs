//! `slod check`: reports all errors of a config at once, with line numbers.

use super::exit;
use super::failure::{CommandResult, Failure};
use super::log::takes_color;
use super::output::{self, draw};
use crate::config::{Config, FileError, Loaded, read_file, read_stream};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::format::numbers::{self, plural};
use crate::web::auth::{self, LoadedFile};
use crate::yaml::from_environment;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The config file; `-` is standard input.
    #[arg(
        id = "config",
        long = "config",
        short = 'c',
        value_name = "FILE",
        default_value = "slod.yaml",
        env = "SLOD_CONFIG"
    )]
    path: PathBuf,
    /// Output format.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
    /// Treat warnings as errors.
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// Each line with an error, with the error marked and help below it.
    Text,
    /// A JSON array of objects, for editors and CI.
    Json,
}

/// Returns 0 if the config is valid, and 1 if not.
pub fn run(args: &CheckArgs) -> CommandResult {
    let (code, found) = answer(args).map_err(Failure::usage)?;
    draw(&found);
    Ok(code)
}

/// Returns the exit code and the output.
pub fn answer(args: &CheckArgs) -> Result<(u8, String), FileError> {
    let source = read(&args.path)?;
    // A pipe has no directory of its own: its paths are relative to the current one.
    let folder = args.path.parent().filter(|_| !is_pipe(&args.path));
    let base = folder.unwrap_or(Path::new(""));
    let loaded = Config::load(&source, base, &from_environment);
    let web = loaded.config.as_ref().and_then(auth::check);
    let output = match args.format {
        CheckFormat::Text => {
            let web = web.as_ref().map(web_text).unwrap_or_default();
            text(&source, &loaded, takes_color(&io::stdout())) + &web
        }
        CheckFormat::Json => {
            let mut list = objects(&source, &loaded.diagnostics);
            list.extend(
                web.iter()
                    .flat_map(|web| objects(&web.shown, &web.diagnostics)),
            );
            output::json(&list)
        }
    };
    let warnings = web.iter().flat_map(|web| web.of(Severity::Warning)).count();
    let is_invalid = loaded.config.is_none() || web.is_some_and(|web| web.file.is_none());
    let is_refused = args.strict && count(&loaded, Severity::Warning) + warnings > 0;
    let code = if is_invalid || is_refused {
        exit::NO
    } else {
        exit::OK
    };
    Ok((code, output))
}

/// Reads a file, standard input (`-`), or a pipe such as `<(...)`, which ends when its writer closes it.
fn read(path: &Path) -> Result<Source, FileError> {
    if path == Path::new("-") {
        return read_stream("<stdin>", io::stdin().lock());
    }
    if is_pipe(path) {
        let failed = |source| FileError::Read {
            path: path.to_owned(),
            source,
        };
        let name = path.display().to_string();
        return read_stream(&name, File::open(path).map_err(failed)?);
    }
    read_file(path)
}

fn is_pipe(path: &Path) -> bool {
    let is_fifo = |about: Metadata| about.file_type().is_fifo();
    std::fs::metadata(path).is_ok_and(is_fifo)
}

fn count(loaded: &Loaded, severity: Severity) -> usize {
    let found = loaded.diagnostics.iter();
    found.filter(|d| d.severity == severity).count()
}

/// Renders every diagnostic, followed by a summary line.
pub fn text(source: &Source, loaded: &Loaded, color: bool) -> String {
    let mut out = loaded.shown.draw_all(&loaded.diagnostics, color);
    writeln!(out, "{}: {}", source.name, summary(loaded)).unwrap_or_default();
    out
}

/// Such as `2 errors, 1 warning`, or `ok: 3 services (1 in shard 2/5), 3 probes, 13 objectives`.
fn summary(loaded: &Loaded) -> String {
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let found = count(loaded, severity);
        if found > 0 {
            parts.push(plural(found as u64, severity.label()));
        }
    }
    if let Some(config) = &loaded.config {
        let objectives = config
            .services
            .iter()
            .map(|service| service.objectives.len());
        let shard = config.shard;
        let own = config.services.iter();
        let own = own.filter(|service| service.shard == shard.number).count();
        let own = if shard.is_whole() {
            String::new()
        } else {
            format!(" ({} in shard {shard})", numbers::count(own as u64))
        };
        let content = format!(
            "ok: {}{own}, {}, {}",
            plural(config.services.len() as u64, "service"),
            plural(config.probes().count() as u64, "probe"),
            plural(objectives.sum::<usize>() as u64, "objective")
        );
        parts.insert(0, content);
    }
    parts.join(", ")
}

/// Renders the diagnostics of the web configuration file, followed by a summary line.
fn web_text(web: &LoadedFile) -> String {
    let mut out = web
        .shown
        .draw_all(&web.diagnostics, takes_color(&io::stdout()));
    let errors = web.of(Severity::Error).count();
    let summary = if errors == 0 {
        "ok".to_owned()
    } else {
        plural(errors as u64, "error")
    };
    writeln!(out, "{}: {summary}", web.shown.name).unwrap_or_default();
    out
}

/// The diagnostics as JSON objects.
pub fn objects(source: &Source, diagnostics: &[Diagnostic]) -> Vec<serde_json::Value> {
    let objects = diagnostics.iter().map(|d| {
        json!({
            "severity": d.severity.label(),
            "code": d.code,
            "file": source.name,
            "line": d.place.map(|place| place.line),
            "column": d.place.map(|place| place.column),
            "path": d.path,
            "message": d.message,
            "help": d.help,
        })
    });
    objects.collect()
}
