//! Mounts.

/// A line of `/proc/PID/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// `major:minor`, the same for all mounts of one file system.
    pub(super) number: String,
    /// The part of the file system that is mounted.
    pub(super) root: String,
    pub(super) point: String,
    pub(super) kind: String,
    pub(super) source: String,
    /// The options of the file system, not of this mount.
    pub(super) options: String,
}

pub(super) fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(mount).collect()
}

/// Parses `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`, with
/// any number of optional fields before the dash.
fn mount(line: &str) -> Option<Mount> {
    let (place, what) = line.split_once(" - ")?;
    let mut place = place.split(' ').skip(2);
    let mut what = what.split(' ');
    Some(Mount {
        number: place.next()?.to_owned(),
        root: plain(place.next()?),
        point: plain(place.next()?),
        kind: what.next()?.to_owned(),
        source: plain(what.next()?),
        options: what.next()?.to_owned(),
    })
}

/// Decodes octal escapes such as `\040`, which the kernel writes for spaces and some other
/// characters.
fn plain(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut bytes: Vec<u8> = parts.next().unwrap_or_default().bytes().collect();
    for part in parts {
        let number = part
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(number.unwrap_or(b'\\'));
        let rest = if number.is_some() { &part[3..] } else { part };
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_they_contain() {
        let text = "36 35 98:0 /a /mnt/two\\040words rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
            28 1 0:25 / / rw - overlay overlay ro\n\
            odd\n29 1 0:26 / /x\\9 rw - tmpfs none\n30 1 0:27 / /x\\134y rw - tmpfs none rw\n31 1 8:1";
        let mounts = parse(text);
        let points: Vec<_> = mounts.iter().map(|mount| mount.point.as_str()).collect();
        assert_eq!(points, ["/mnt/two words", "/", "/x\\y"]);
        let first = &mounts[0];
        assert_eq!((first.number.as_str(), first.root.as_str()), ("98:0", "/a"));
        assert_eq!(
            (first.kind.as_str(), first.source.as_str()),
            ("ext3", "/dev/root")
        );
        assert_eq!(mounts[1].options, "ro");
        assert_eq!(
            (plain("\\é0"), plain("a\\"), plain("\\777")),
            ("\\é0".into(), "a\\".into(), "\\777".into())
        );
    }
}
