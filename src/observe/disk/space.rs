//! The space of a file system.

use crate::observe::mounts::Mount;
use crate::observe::view::FileSystemView;
use rustix::fs::statvfs;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How long a file system that is not on a local disk may take to respond.
const PATIENCE: Duration = Duration::from_millis(500);

/// It has not responded yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unanswered;

/// Reads the space of file systems. A network file system whose server is down does not respond;
/// such a request waits on its own thread, and is not repeated until it returns.
#[derive(Debug, Default)]
pub(super) struct SpaceReader {
    waiting: HashMap<PathBuf, Receiver<Option<Space>>>,
}

impl SpaceReader {
    /// Returns `None` if the path is not accessible.
    pub(super) fn read(
        &mut self,
        path: &Path,
        is_local: bool,
    ) -> Result<Option<Space>, Unanswered> {
        if is_local {
            return Ok(Space::of(path));
        }
        let (answer, patience) = match self.waiting.remove(path) {
            Some(answer) => (answer, Duration::ZERO),
            None => match ask(path.to_owned()) {
                Some(answer) => (answer, PATIENCE),
                None => return Ok(None),
            },
        };
        match answer.recv_timeout(patience) {
            Ok(space) => Ok(space),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                self.waiting.insert(path.to_owned(), answer);
                Err(Unanswered)
            }
        }
    }
}

/// Starts a thread that reads the space; `None` if no thread can be started.
fn ask(path: PathBuf) -> Option<Receiver<Option<Space>>> {
    let (sender, receiver) = sync_channel(1);
    let work = move || _ = sender.send(Space::of(&path));
    let thread = thread::Builder::new().name("file-system".to_owned());
    thread.spawn(work).ok()?;
    Some(receiver)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    size_bytes: u64,
    free_bytes: u64,
    available_bytes: u64,
    /// The total and the free number of files. `None` for file systems such as btrfs without a
    /// fixed number.
    files: Option<(u64, u64)>,
}

impl Space {
    fn of(path: &Path) -> Option<Self> {
        let space = statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(space.f_frsize);
        Some(Self {
            size_bytes: bytes(space.f_blocks),
            free_bytes: bytes(space.f_bfree),
            available_bytes: bytes(space.f_bavail),
            files: (space.f_files > 0).then_some((space.f_files, space.f_ffree)),
        })
    }

    pub(super) fn view(self, mount: Mount) -> FileSystemView {
        FileSystemView {
            is_read_only: mount.options.split(',').any(|option| option == "ro"),
            device: mount.source,
            mount_point: mount.point,
            size_bytes: self.size_bytes,
            free_bytes: self.free_bytes,
            available_bytes: self.available_bytes,
            files: self.files.map(|(all, _)| all),
            files_free: self.files.map(|(_, free)| free),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unresponsive_file_system_is_queried_once() {
        let mut reader = SpaceReader::default();
        let path = Path::new("/mnt/gone");
        let (sender, receiver) = sync_channel(1);
        reader.waiting.insert(path.to_owned(), receiver);
        for _ in 0..3 {
            assert!(matches!(reader.read(path, false), Err(Unanswered)));
        }
        assert_eq!(reader.waiting.len(), 1);
        sender.send(Space::of(Path::new("/"))).expect("it waits");
        assert!(matches!(reader.read(path, false), Ok(Some(_))), "late");
        assert!(reader.waiting.is_empty());
        assert!(matches!(reader.read(Path::new("/"), false), Ok(Some(_))));
        assert!(matches!(
            reader.read(Path::new("/nonexistent"), true),
            Ok(None)
        ));
    }
}
