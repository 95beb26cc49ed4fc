//! Who may write: one process for each file, whatever the names by which it is reached.

use super::{StoreError, with_suffix};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a lock may be held by who does not write.
const MOMENT: Duration = Duration::from_millis(300);

/// The writer's lock; the system releases it also when the process is killed.
#[derive(Debug)]
pub struct WriterLock {
    /// A file beside the store: locks the name, also while `recover` puts another file there.
    _name: File,
    /// The store itself: locks the file, which symbolic and hard links give further names. `SQLite`
    /// uses locks of another kind (`fcntl`), which this one (`flock`) does not meet. They are lost
    /// when a handle is closed, so this one is closed last.
    _file: File,
}

impl WriterLock {
    /// Creates folder and file (for the owner only) where they are missing.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            created.map_err(StoreError::io("create the store's folder"))?;
        }
        let opened = create(&with_suffix(path, ".lock"));
        let name = try_lock(opened.map_err(StoreError::io("create the store's lock file"))?)?;
        let file = create(path).map_err(StoreError::io("create the store"))?;
        let about = file
            .metadata()
            .map_err(StoreError::io("look at the store"))?;
        if !about.is_file() {
            return Err(StoreError::Irregular);
        }
        Ok(Self {
            _name: name,
            _file: try_lock(file)?,
        })
    }
}

/// Whether a process holds the lock now. Looking takes a moment, in which none can take it.
pub fn is_held(path: &Path) -> bool {
    let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(path).is_ok_and(is_locked)
}

/// A lock that is held for a moment only is waited for: somebody looks whether it is held, or a program that
/// another thread starts has our handle until it runs.
fn try_lock(file: File) -> Result<File, StoreError> {
    let until = Instant::now() + MOMENT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock the store")(error)),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    // A FIFO in its place must not block.
    options
        .mode(0o600)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}
