//! The writer's lock: one writing process per file, whatever the name it is opened by.

use super::access::refused;
use super::{StoreError, with_suffix};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for a lock that another process holds briefly without writing.
const LOCK_WAIT: Duration = Duration::from_millis(300);

/// The writer's lock. The operating system releases it if the process is killed.
#[derive(Debug)]
pub struct WriterLock {
    /// A file next to the store: locks the name, even while `recover` replaces the store's file.
    _name: File,
    /// The store itself: locks the file, which may have other names through symbolic and hard
    /// links. `SQLite` uses `fcntl` locks, which do not interact with this `flock`; but closing any
    /// handle of the file releases them, so this handle is closed last.
    file: File,
}

impl WriterLock {
    /// Acquires the lock. Creates the folder and the file (with owner-only permissions) if missing.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            created.map_err(refused("create the store's folder", folder))?;
        }
        let name = with_suffix(path, ".lock");
        let opened = create(&name);
        let name = try_lock(opened.map_err(refused("create the store's lock file", &name))?)?;
        let file = create(path).map_err(refused("create the store", path))?;
        let about = file
            .metadata()
            .map_err(StoreError::io("inspect the store"))?;
        if !about.is_file() {
            return Err(StoreError::Irregular);
        }
        Ok(Self {
            _name: name,
            file: try_lock(file)?,
        })
    }

    /// The store's file.
    pub const fn file(&self) -> &File {
        &self.file
    }
}

/// Whether a process holds the lock now. Acquires the lock for a moment to find out.
pub fn is_held(path: &Path) -> bool {
    let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    File::open(path).is_ok_and(is_locked)
}

/// Whether a process, also this one, holds the lock of a store of this name. Does not touch the store's file.
pub fn is_name_held(path: &Path) -> bool {
    is_held(&with_suffix(path, ".lock"))
}

/// Tries to lock a file, waiting for locks that are held briefly: another process may be checking
/// whether the lock is held, or a forked child process holds our handle until it executes its
/// program.
fn try_lock(file: File) -> Result<File, StoreError> {
    let until = Instant::now() + LOCK_WAIT;
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
    // A FIFO at this path must not block.
    options
        .mode(0o600)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}
