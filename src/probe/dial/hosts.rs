//! The names in the hosts file. Only the system's resolver interprets them. They are read here
//! because such names resolve immediately and need not wait for slow lookups.

use crate::yaml::{Stamp, open_regular};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

const PATH: &str = "/etc/hosts";
/// Maximum number of bytes read; blocklists in hosts files can have any size.
const READ_MAX: u64 = 1 << 20;
/// The names in the current hosts file.
#[derive(Debug, Default)]
pub struct HostsFile(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    stamp: Option<Stamp>,
    names: HashSet<Box<str>>,
}

impl HostsFile {
    pub fn holds(&self, name: &str) -> bool {
        let mut known = self.0.lock();
        let stamp = Stamp::of(Path::new(PATH));
        if known.stamp != stamp {
            let text = stamp.map(|_| read()).unwrap_or_default();
            known.names = names(&String::from_utf8_lossy(&text));
            known.stamp = stamp;
        }
        known.names.contains(name)
    }
}

fn read() -> Vec<u8> {
    let mut text = Vec::new();
    if let Ok(file) = open_regular(Path::new(PATH)) {
        // A partial result is good enough: the other names only share threads with all other
        // lookups.
        let _ = file.take(READ_MAX).read_to_end(&mut text);
    }
    text
}

/// Parses lines of an address and its names; `#` starts a comment.
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
