//! Metric families of disks and file systems.

use crate::exposition::{Described, counter, gauge};
use crate::observe::collector::whole;
use crate::observe::view::{DiskView, FileSystemView};

const PLACE: &[&str] = &["device", "mountpoint"];
const DEVICE: &[&str] = &["device"];

pub(super) const FILE_SYSTEM: &[Described<FileSystemView>] = &[
    gauge(
        "slod_host_filesystem_size_bytes",
        "bytes",
        PLACE,
        "Size of the file system; see observe.filesystem_exclude.",
        |samples, one| samples.count(one.size_bytes),
    ),
    gauge(
        "slod_host_filesystem_free_bytes",
        "bytes",
        PLACE,
        "Free space, including space reserved for root.",
        |samples, one| samples.count(one.free_bytes),
    ),
    gauge(
        "slod_host_filesystem_available_bytes",
        "bytes",
        PLACE,
        "Free space available to users other than root.",
        |samples, one| samples.count(one.available_bytes),
    ),
    gauge(
        "slod_host_filesystem_files",
        "",
        PLACE,
        "Maximum number of files (inodes) of the file system. Absent if it is not fixed.",
        |samples, one| samples.value(whole(one.files)),
    ),
    gauge(
        "slod_host_filesystem_files_free",
        "",
        PLACE,
        "Number of files (inodes) that can still be created. Absent if it is not fixed.",
        |samples, one| samples.value(whole(one.files_free)),
    ),
    gauge(
        "slod_host_filesystem_readonly",
        "",
        PLACE,
        "Whether the file system is read-only, for example after a disk error: 1 yes, 0 no.",
        |samples, one| samples.count(u64::from(one.is_read_only)),
    ),
];

pub(super) const DISK: &[Described<DiskView>] = &[
    counter(
        "slod_host_disk_read_bytes_total",
        DEVICE,
        "Bytes read since the host started; see observe.disk_exclude.",
        |samples, disk| samples.count(disk.read_bytes),
    ),
    counter(
        "slod_host_disk_written_bytes_total",
        DEVICE,
        "Bytes written since the host started.",
        |samples, disk| samples.count(disk.written_bytes),
    ),
    counter(
        "slod_host_disk_reads_completed_total",
        DEVICE,
        "Reads completed since the host started.",
        |samples, disk| samples.count(disk.reads),
    ),
    counter(
        "slod_host_disk_writes_completed_total",
        DEVICE,
        "Writes completed since the host started.",
        |samples, disk| samples.count(disk.writes),
    ),
    counter(
        "slod_host_disk_io_time_seconds_total",
        DEVICE,
        "Time during which the device was busy.",
        |samples, disk| samples.value(Some(disk.io_seconds)),
    ),
    counter(
        "slod_host_disk_io_time_weighted_seconds_total",
        DEVICE,
        "Sum of the durations of all reads and writes.",
        |samples, disk| samples.value(Some(disk.weighted_io_seconds)),
    ),
];
