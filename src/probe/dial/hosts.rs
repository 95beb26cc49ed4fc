//! Which names the hosts file holds. Only the system's resolver says what they mean; here it is
//! known that such a name is answered at once, so that it need not wait behind names that are not.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

const PATH: &str = "/etc/hosts";
/// A larger file is not read: its names wait with all others.
const SIZE_MAX: u64 = 16 << 20;

/// The names of the file as it is now.
#[derive(Debug, Default)]
pub struct HostsFile(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    stamp: Option<Stamp>,
    names: HashSet<Box<str>>,
}

/// Time, length and number of the file: another one is another file.
type Stamp = (i64, i64, u64, u64);

impl HostsFile {
    pub fn holds(&self, name: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = stamp();
        if known.stamp != stamp {
            let text = stamp.and_then(|_| fs::read(PATH).ok()).unwrap_or_default();
            known.names = names(&String::from_utf8_lossy(&text));
            known.stamp = stamp;
        }
        known.names.contains(name)
    }
}

fn stamp() -> Option<Stamp> {
    let about = fs::metadata(PATH).ok()?;
    let read = about.is_file() && about.len() <= SIZE_MAX;
    read.then(|| (about.mtime(), about.mtime_nsec(), about.len(), about.ino()))
}

/// An address and its names in a line; `#` begins a comment.
fn names(text: &str) -> HashSet<Box<str>> {
    let lines = text.lines().filter_map(|line| line.split('#').next());
    lines
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|name| name.to_ascii_lowercase().into())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_follow_an_address_and_end_at_a_comment() {
        let names = names("127.0.0.1 localhost\n# ::1 gone\n\n::1\tMy_App  db # old\n");
        let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
        names.sort_unstable();
        assert_eq!(names, ["db", "localhost", "my_app"]);
    }
}
