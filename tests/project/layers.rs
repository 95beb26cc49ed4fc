//! Imports point down only. Walks the `crate::` paths of every source file and fails on an arrow
//! that points up.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules by layer, the lowest first; the longest matching path decides. A file may import from
/// its own layer and from those below. `room::*` is every module inside a room, so that a probe
/// kind needs no entry of its own.
const LAYERS: [&[&str]; 7] = [
    // Pure: data in, data out.
    &[
        "outcome",
        "diagnostic",
        "printable",
        "slo",
        "stats",
        "units",
        "version",
    ],
    // Contracts and the clock.
    &[
        "clock",
        "yaml",
        "probe",
        "probe::beats",
        "probe::pattern",
        "probe::redacted",
        "tasks",
        "exposition",
    ],
    // The config.
    &["config"],
    // What touches the world.
    &["probe::*", "store", "observe", "demo"],
    // Live state and the schedule.
    &["schedule", "ledger::snapshot"],
    &["ledger", "report", "metrics", "web"],
    &["app", "cli"],
];

/// What pure code may never touch.
const IMPURE: [&str; 6] = [
    "tokio",
    "reqwest",
    "axum",
    "rusqlite",
    "std::fs",
    "SystemTime",
];

#[test]
fn imports_point_down() {
    let mut faults = BTreeSet::new();
    for file in sources() {
        let module = module_of(&file);
        let Some(own) = layer(&module) else {
            assert!(
                ["lib", "main", ""].contains(&module.as_str()),
                "{module} has no layer: add it to LAYERS"
            );
            continue;
        };
        for target in crate_paths(&code_of(&file)) {
            let below = layer(&target)
                .unwrap_or_else(|| panic!("{module} imports {target}, which has no layer"));
            // A registry names the kinds below its own folder.
            let child = target.starts_with(&format!("{module}::"));
            if below > own && !child {
                faults.insert(format!(
                    "{module} (layer {own}) imports {target} (layer {below})"
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "arrows that point up:\n{}",
        faults.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn pure_code_touches_no_world() {
    for file in sources() {
        let module = module_of(&file);
        if layer(&module) == Some(0) {
            let code = code_of(&file);
            for word in IMPURE {
                assert!(!code.contains(word), "{module} is pure but names {word}");
            }
        }
    }
}

fn layer(path: &str) -> Option<usize> {
    let below = |room: &str| path.strip_prefix(room)?.strip_prefix("::");
    let fits = |name: &str| match name.strip_suffix("::*") {
        Some(room) => below(room).is_some_and(|module| module.starts_with(char::is_lowercase)),
        None => path == name || below(name).is_some(),
    };
    let all = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(at, names)| names.iter().map(move |name| (at, *name)));
    all.filter(|(_, name)| fits(name))
        .max_by_key(|(_, name)| name.len())
        .map(|(at, _)| at)
}

/// The packages' sources.
const ROOTS: [&str; 2] = ["src", "crates/slod-core/src"];

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn sources() -> Vec<PathBuf> {
    let mut folders: Vec<_> = ROOTS.map(root).into();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("sources are readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// `src/slo/mod.rs` is `slo`, `src/slo/budget.rs` is `slo::budget`.
fn module_of(file: &Path) -> String {
    let mut roots = ROOTS.iter().map(|folder| root(folder));
    let inside = roots.find_map(|root| file.strip_prefix(root).ok());
    let inside = inside.expect("below a root").with_extension("");
    let parts: Vec<_> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    parts.join("::").trim_end_matches("::mod").to_owned()
}

/// The code of a file without comments and without its inline tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("readable");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every `crate::a::b` named in the code, braces resolved one level deep.
fn crate_paths(code: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut paths = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let path: String = rest.chars().take_while(|c| word(*c)).collect();
        let path = path.trim_end_matches(':').to_owned();
        match rest[path.len()..].strip_prefix("::{") {
            Some(names) => paths.extend(
                names
                    .split('}')
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .map(|name| {
                        format!(
                            "{path}::{}",
                            name.split_whitespace().next().unwrap_or_default()
                        )
                    }),
            ),
            None => drop(paths.insert(path)),
        }
    }
    paths
        .iter()
        .map(|path| {
            path.trim_end_matches(':')
                .trim_start_matches('{')
                .to_owned()
        })
        .filter(|path| !path.is_empty())
        .collect()
}
