//! One process at one moment.

use super::detail::Detail;
use super::table::{ProcessEntry, ProcessId, Table};
use crate::observe::lines::{kib, number};
use crate::observe::root::read;
use procfs::process::Process;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) id: ProcessId,
    pub(super) parent: i32,
    /// Whether it started since the last sample of the host.
    pub(super) is_new: bool,
    /// User and kernel processor time since its start, in kernel ticks.
    pub(super) cpu_ticks: u64,
    /// The same of the children that it has reaped, and of theirs.
    pub(super) reaped_ticks: u64,
    pub(super) resident_bytes: u64,
    /// The anonymous part of it: heap and stacks.
    pub(super) anonymous_bytes: Option<u64>,
    pub(super) threads: u64,
    pub(super) open_fds: Option<u64>,
    pub(super) io: Option<Io>,
    /// `None` until first read.
    pub(super) detail: Option<Detail>,
}

/// Bytes read from and written to disks by a process and the children that it has reaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Io {
    pub(super) read: u64,
    pub(super) written: u64,
}

/// Returns `None` for a process that has ended since it was listed.
pub(super) fn reading(
    table: &Table,
    listed: &ProcessEntry,
    detail: Option<Detail>,
) -> Option<Reading> {
    let process = table.folder(listed.id.pid);
    let (io, open_fds) = (io(&process), open_fds(table.folder(listed.thread)));
    // A process that has ended does not hide anything.
    let is_known = io.is_some() && open_fds.is_some();
    (is_known || process.exists()).then_some(Reading {
        id: listed.id,
        parent: listed.parent,
        is_new: listed.is_new,
        cpu_ticks: listed.cpu_ticks,
        reaped_ticks: listed.reaped_ticks,
        resident_bytes: listed.resident_bytes,
        anonymous_bytes: anonymous(&table.folder(listed.thread)),
        threads: listed.threads,
        open_fds,
        io,
        detail,
    })
}

/// `None` before Linux 4.5.
fn anonymous(thread: &Path) -> Option<u64> {
    kib(&read(&thread.join("status")).ok()?, "RssAnon")
}

/// `None` without permission.
fn io(process: &Path) -> Option<Io> {
    let text = read(&process.join("io")).ok()?;
    Some(Io {
        read: number(&text, "read_bytes")?,
        written: number(&text, "write_bytes")?,
    })
}

/// The number of open files, sockets and pipes; `None` without permission.
fn open_fds(process: PathBuf) -> Option<u64> {
    let held = Process::new_with_root(process).ok()?.fd_count().ok()?;
    u64::try_from(held).ok()
}
