//! Imports point only downward, and never in a cycle. Checks the `crate::` paths of every source
//! file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by layer, the lowest first. A room is a top-level module with everything inside it, so a new
/// file needs no entry. A file can import from its own layer and from lower ones.
const LAYERS: [&[&str]; 10] = [
    // Pure: no I/O.
    &[
        "outcome",
        "sample",
        "selector",
        "diagnostic",
        "slo",
        "alert",
        "signal",
        "load",
        "stats",
        "trend",
        "text",
        "units",
        "format",
        "threshold",
        "version",
    ],
    // Contracts and the clock.
    &["clock", "yaml", "tasks", "exposition", "export", "import"],
    // Probes.
    &["probe", "receiver", "roles"],
    // The config.
    &["config"],
    // Files and the kernel.
    &["store", "observe", "demo"],
    // The schedule, then live state.
    &["schedule", "ledger"],
    &["signals", "alerting"],
    &["notify"],
    // Readers of both.
    &["report", "rules", "runs", "metrics", "remote_write", "web"],
    &["app", "cli"],
];

/// What pure code must not use.
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
    let mut faults = Vec::new();
    for (room, targets) in imports() {
        let own = layer(&room).unwrap_or_else(|| panic!("{room} has no layer: add it to LAYERS"));
        for (target, file) in targets {
            let below = layer(&target)
                .unwrap_or_else(|| panic!("{file} imports {target}, which has no layer"));
            if below > own {
                faults.push(format!(
                    "{file} (layer {own}) imports {target} (layer {below})"
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "arrows that point up:\n{}",
        faults.join("\n")
    );
}

#[test]
fn rooms_have_no_import_cycles() {
    let imports = imports();
    for room in imports.keys() {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> = vec![room];
        while let Some(next) = open.pop() {
            let targets = imports.get(next).into_iter().flat_map(BTreeMap::keys);
            open.extend(
                targets
                    .map(String::as_str)
                    .filter(|target| reached.insert(target)),
            );
        }
        assert!(
            !reached.contains(room.as_str()),
            "{room} imports itself through others: {reached:?}"
        );
    }
}

#[test]
fn pure_code_does_no_io() {
    for file in sources() {
        let module = module_of(&file);
        if layer(room_of(&module)) == Some(0) {
            let code = code_of(&file);
            for word in IMPURE {
                assert!(!code.contains(word), "{module} is pure but names {word}");
            }
        }
    }
}

/// Each room has a line in the map, whose table of layers is that of this test.
#[test]
fn the_map_matches_the_layers() {
    let map = fs::read_to_string(root("docs/ARCHITECTURE.md")).expect("readable");
    let rows = |name: &str| -> Vec<Vec<String>> {
        let (_, rest) = map.split_once(&format!("\n## {name}\n")).expect(name);
        let (part, _) = rest.split_once("\n## ").expect("others follow");
        let rows = part.lines().filter(|line| line.starts_with('|')).skip(2);
        let cells = |row: &str| row.split('|').map(str::to_owned).collect();
        rows.map(cells).collect()
    };
    let names = |cell: &str| -> BTreeSet<String> {
        let names = cell.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    };
    // The map begins with the highest layer.
    let layers: Vec<_> = rows("Layers")
        .iter()
        .rev()
        .map(|row| names(&row[2]))
        .collect();
    let own = LAYERS.map(|rooms| rooms.iter().map(|room| (*room).to_owned()).collect());
    assert_eq!(layers, own);
    let rooms: BTreeSet<_> = rows("Rooms")
        .iter()
        .flat_map(|row| names(&row[1]))
        .collect();
    assert_eq!(rooms, own.into_iter().flatten().collect());
}

/// Modules whose files have no cycles, so that each can be understood after those that it uses.
const ACYCLIC: [&str; 1] = ["config"];

#[test]
fn files_use_each_other_in_one_direction() {
    let all: BTreeMap<String, PathBuf> = sources()
        .into_iter()
        .map(|file| (module_of(&file), file))
        .collect();
    for room in ACYCLIC {
        let inside = |module: &&String| *module == room || module.starts_with(&format!("{room}::"));
        let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for module in all.keys().filter(inside) {
            let code = code_of(&all[module]);
            let targets = relative_paths(&code, module).into_iter();
            let targets = targets.filter_map(|path| longest_module(&path, &all));
            let targets = targets.filter(|target| target != module && inside(&target));
            uses.insert(module, targets.collect());
        }
        assert!(
            uses.values().any(|used| !used.is_empty()),
            "{room} uses nothing"
        );
        // Removes files that use no remaining file; a cycle remains.
        while let Some(free) = uses.iter().find_map(|(module, used)| {
            let is_free = used.iter().all(|one| !uses.contains_key(one.as_str()));
            is_free.then_some(*module)
        }) {
            uses.remove(free);
        }
        assert!(uses.is_empty(), "{room} has a circle among {uses:#?}");
    }
}

/// The paths that a module names inside its room, from the root: its children, `super::` and
/// `crate::` paths.
fn relative_paths(code: &str, module: &str) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let from_root = code.replace("super::", &format!("crate::{parent}::"));
    let mut paths = crate_paths(&from_root);
    for line in code.lines() {
        let words: Vec<&str> = line.trim().trim_end_matches(';').split(' ').collect();
        if let Some(at) = words.iter().position(|word| *word == "mod") {
            paths.extend(words.get(at + 1).map(|child| format!("{module}::{child}")));
        }
    }
    paths
}

fn longest_module(path: &str, all: &BTreeMap<String, PathBuf>) -> Option<String> {
    let mut known: Option<&str> = Some(path);
    while let Some(candidate) = known {
        if all.contains_key(candidate) {
            return Some(candidate.to_owned());
        }
        known = candidate.rsplit_once("::").map(|(parent, _)| parent);
    }
    None
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

/// The other rooms that each room imports, each with a file that imports it.
fn imports() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut imports: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in sources() {
        let module = module_of(&file);
        let room = room_of(&module);
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let targets = imports.entry(room.to_owned()).or_default();
        for target in crate_paths(&code_of(&file)) {
            let other = room_of(&target);
            if other != room {
                targets.insert(other.to_owned(), module.clone());
            }
        }
    }
    imports
}

fn room_of(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// The source directories of the packages.
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

/// Converts `src/slo/mod.rs` to `slo`, and `src/slo/budget.rs` to `slo::budget`.
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

/// The code of a file without comments and inline tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("readable");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every `crate::a::b` in the code, with braces resolved one level deep.
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
