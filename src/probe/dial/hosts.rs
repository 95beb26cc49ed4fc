//! Which names the hosts file holds. Only the system's resolver says what they mean; here it is
//! known that such a name is answered at once, so that it need not wait behind names that are not.

use crate::yaml::{Stamp, open_regular};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

const PATH: &str = "/etc/hosts";
/// Lists of names to block can be of any size.
const READ_MAX: u64 = 1 << 20;
/// The names of the file as it is now.
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
        // What could be read is as good: other names only wait with all the rest.
        let _ = file.take(READ_MAX).read_to_end(&mut text);
    }
    text
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
