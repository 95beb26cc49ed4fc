//! The source of a recovery: the damaged store, or a copy of it with a repaired first page.

use super::workspace::Workspace;
use super::{Recovered, first_page};
use crate::store::{StoreError, connect, schema};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;

/// A store that can be partly read, and what is known to be missing from it.
struct Source {
    conn: Connection,
    /// Whether any probe can be read.
    has_probes: bool,
    missing: Vec<String>,
    gaps: u64,
}

/// Opens the source that has probes. A store of a newer version is rejected, since that is not
/// damage. A file of another program is rejected too, unless only the application id is damaged.
pub fn open(
    path: &Path,
    workspace: &Workspace,
    recovered: &mut Recovered,
) -> Result<Connection, StoreError> {
    let found = match readable(path) {
        Err(error @ StoreError::Newer { .. }) => return Err(error),
        found => found,
    };
    let source = match found {
        Ok(source) if source.has_probes => source,
        Ok(source) => repaired(path, workspace).unwrap_or(source),
        Err(error) => {
            let is_foreign = matches!(error, StoreError::Foreign);
            let repaired = repaired(path, workspace);
            let ours = repaired.filter(|source| !is_foreign || source.missing.is_empty());
            ours.ok_or(error)?
        }
    };
    recovered.gaps += source.gaps;
    recovered.missing = source.missing;
    Ok(source.conn)
}

/// A copy with a repaired first page, if it then has probes, or at least a table of probes.
fn repaired(path: &Path, workspace: &Workspace) -> Option<Source> {
    let sizes = first_page::sizes(&mut File::open(path).ok()?).ok()?;
    let mut empty = None;
    for size in sizes {
        let copy = workspace.copy_of(path).ok()?;
        let opened = File::options().read(true).write(true).open(&copy);
        let repaired = opened.and_then(|mut file| first_page::repair(&mut file, size));
        match repaired.ok().and_then(|()| readable(&copy).ok()) {
            Some(source) if source.has_probes => return Some(source),
            // Without any of these tables it is another program's file.
            Some(source) if has_table_of_probes(&source.conn) => empty = Some(source),
            _ => {}
        }
    }
    empty
}

fn has_table_of_probes(conn: &Connection) -> bool {
    conn.table_exists(None, "probe").unwrap_or(false)
}

/// Opens a store for reading. A file in which `SQLite` finds no tables is rejected. A file shorter
/// than its header says is read as far as possible.
fn readable(path: &Path) -> Result<Source, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = connect(path, flags)?;
    let mut checked = schema::check(&conn);
    let mut gaps = 0;
    if matches!(checked, Err(StoreError::Damaged { .. })) {
        // SQLite then ignores errors that concern the file as a whole.
        let lenient = conn.pragma_update(None, "writable_schema", true);
        lenient.map_err(StoreError::sql("open the store"))?;
        gaps = 1;
        checked = schema::check(&conn);
    }
    match checked {
        Ok(0) => Err(StoreError::Unreadable {
            reason: "the file is empty".to_owned(),
        }),
        Ok(_) => Ok(Source {
            has_probes: has_probes(&conn),
            missing: missing_tables(&conn),
            gaps,
            conn,
        }),
        Err(StoreError::Damaged { source, .. }) => Err(StoreError::Unreadable {
            reason: source.to_string(),
        }),
        Err(error) => Err(error),
    }
}

fn has_probes(conn: &Connection) -> bool {
    let any = conn.query_row("SELECT 1 FROM probe LIMIT 1", [], |_| Ok(()));
    any.is_ok()
}

fn missing_tables(conn: &Connection) -> Vec<String> {
    // If the definitions cannot be read, neither can the tables.
    let version = schema::likely_version(conn);
    let differences = version.and_then(|version| schema::differences(conn, version));
    let missing = differences.unwrap_or_default().into_iter();
    let missing = missing.filter_map(|text| Some(text.strip_suffix(" is missing")?.to_owned()));
    missing.filter(|name| name.starts_with("table ")).collect()
}
