//! The time zone database of the system.

use crate::units::{built_in_zones, read_zones_by};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Where systems keep the database, unless `TZDIR` is set.
const DIRECTORY: &str = "/usr/share/zoneinfo";
/// Maximum size of a file in bytes; those of zones have less than 4 KiB.
const FILE_MAX: u64 = 1 << 20;

/// Uses the time zone database of the system if it is newer than the one in this binary: a law that changes
/// the clocks of a country must not require a new version of slod.
pub fn use_newer_system_zones() {
    let directory = std::env::var_os("TZDIR").map_or_else(|| DIRECTORY.into(), PathBuf::from);
    if release(&directory).is_some_and(|release| release.as_str() > built_in_zones()) {
        read_zones_by(move |name| read(&directory.join(name)));
    }
}

/// The release of the database in a directory, such as `2026f`. Its source file begins with `# version 2026f`.
fn release(directory: &Path) -> Option<String> {
    let file = File::open(directory.join("tzdata.zi")).ok()?;
    let mut line = String::new();
    BufReader::new(file.take(FILE_MAX))
        .read_line(&mut line)
        .ok()?;
    let release = line.strip_prefix("# version ")?.trim_end();
    let year = release.get(..4)?;
    year.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| release.to_owned())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let about = fs::metadata(path).ok()?;
    let is_file = about.is_file() && about.len() <= FILE_MAX;
    is_file.then(|| fs::read(path).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_in_the_first_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let found = |text: &str| {
            fs::write(directory.path().join("tzdata.zi"), text).expect("written");
            release(directory.path())
        };
        assert_eq!(
            found("# version 2026f\n# redo posix_only\n").as_deref(),
            Some("2026f")
        );
        assert_eq!(found("# version unknown\n"), None);
        assert_eq!(found(""), None);
        assert!(built_in_zones() > "2026");
        assert!("2026g" > "2026f" && "2027a" > "2026z");
    }
}
