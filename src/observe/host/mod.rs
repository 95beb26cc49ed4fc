//! Processors, memory, load, threads and open files of the host.

mod cpu;
mod metrics;

pub(super) use cpu::MIN_SPAN;

use super::collector::{Collector, CollectorKind, families_of, write_some};
use super::lines::{after, first, kib, nth, number};
use super::root::HostRoot;
use super::unreadable::Unreadable;
use super::view::{HostView, SystemView};
use crate::config::Config;
use crate::exposition::Labels;
use cpu::{CpuTicks, CpuUsage};
use metrics::FAMILIES;
use std::time::Instant;

pub(super) const HOST: CollectorKind = CollectorKind {
    name: "host",
    is_on: |config| config.observe.is_on("host"),
    start: |config| Ok(Box::new(HostSampler::new(HostRoot::of(config)))),
    families: || families_of(FAMILIES),
    write: |sink, system| {
        write_some(sink, FAMILIES, system.host.as_slice(), |_| {
            Labels::default()
        });
    },
};

impl Collector for HostSampler {
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let (host, fault) = self.sample();
        view.host = Some(host);
        fault.map_or(Ok(()), |unreadable| Err(unreadable.to_string()))
    }

    fn reload(&mut self, config: &Config) {
        self.root = HostRoot::of(config);
    }
}

/// Samples the host.
#[derive(Debug)]
pub struct HostSampler {
    root: HostRoot,
    usage: CpuUsage,
}

impl HostSampler {
    pub fn new(root: HostRoot) -> Self {
        Self {
            root,
            usage: CpuUsage::default(),
        }
    }

    /// Samples everything once. Blocks for a few reads of `/proc`. Values that could not be read
    /// are `None`, and the first reason is returned with the rest.
    pub fn sample(&mut self) -> (HostView, Option<Unreadable>) {
        let (mut view, mut fault) = (HostView::default(), None);
        for (file, take) in FILES {
            match self.root.read(file) {
                Ok(text) => take(&mut view, &text),
                Err(unreadable) => _ = fault.get_or_insert(unreadable),
            }
        }
        if let Ok(text) = self.root.read(ARC) {
            reclaimable(&mut view, &text);
        }
        match self.root.read(STAT) {
            Ok(stat) => self.processors(&mut view, &stat),
            Err(unreadable) => _ = fault.get_or_insert(unreadable),
        }
        if fault.is_none() && view.memory_total_bytes.is_none() {
            fault = Some(Unreadable::file(
                &self.root.path(MEMINFO),
                "it has no `MemTotal`",
            ));
        }
        (view, fault)
    }

    fn processors(&mut self, view: &mut HostView, stat: &str) {
        let ticks = CpuTicks::parse(stat);
        view.cpu_seconds = ticks.map(CpuTicks::seconds).unwrap_or_default();
        view.cpu_usage = ticks.and_then(|ticks| self.usage.take(Instant::now(), ticks));
        view.boot_time_seconds = number(stat, "btime");
    }
}

const STAT: &str = "/proc/stat";
const MEMINFO: &str = "/proc/meminfo";
/// The cache of ZFS, on hosts that use it.
const ARC: &str = "/proc/spl/kstat/zfs/arcstats";

type Parse = fn(&mut HostView, &str);

const FILES: [(&str, Parse); 3] = [
    (MEMINFO, memory),
    ("/proc/loadavg", load),
    ("/proc/sys/fs/file-nr", open_files),
];

fn memory(view: &mut HostView, text: &str) {
    let of = |name| kib(text, name);
    let less = |all: Option<u64>, part: Option<u64>| Some(all?.saturating_sub(part?));
    view.memory_total_bytes = of("MemTotal").filter(|total| *total > 0);
    view.memory_available_bytes = of("MemAvailable");
    view.memory_used_bytes = less(view.memory_total_bytes, view.memory_available_bytes);
    let files = of("Cached").and_then(|cached| cached.checked_add(of("Buffers")?));
    view.page_cache_bytes = less(files, of("Shmem"));
    view.swap_total_bytes = of("SwapTotal");
    view.swap_used_bytes = less(view.swap_total_bytes, of("SwapFree"));
}

/// Counts the cache of ZFS as available, down to the size that it keeps: the kernel counts it as in
/// use, although it is released when programs need memory. A cache that is larger than the memory
/// in use is that of a host whose container has its own `meminfo`.
fn reclaimable(view: &mut HostView, arcstats: &str) {
    let of = |name| nth::<u64>(after(arcstats, name)?, 1);
    let cache = of("size").zip(of("c_min"));
    let Some(((size, least), used)) = cache.zip(view.memory_used_bytes) else {
        return;
    };
    if size <= used {
        let released = size.saturating_sub(least);
        let available = view.memory_available_bytes;
        view.memory_available_bytes = available.map(|available| available + released);
        view.memory_used_bytes = Some(used - released);
    }
}

/// Parses `0.20 0.18 0.12 1/80 11206`; the fourth field is the number of running and of all
/// threads.
fn load(view: &mut HostView, line: &str) {
    view.load = [0, 1, 2].map(|place| nth(line, place).filter(|load: &f64| load.is_finite()));
    let tasks = line.split_whitespace().nth(3);
    view.threads = tasks.and_then(|tasks| tasks.split_once('/')?.1.parse().ok());
}

/// Parses `672 0 2466165`; the second field is always 0.
fn open_files(view: &mut HostView, line: &str) {
    view.open_files = first(line);
    view.open_files_limit = nth(line, 2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_cache_of_zfs_is_available() {
        let gib = |gib: u64| Some(gib << 30);
        let view = |used: u64, arcstats: &str| {
            let mut view = HostView {
                memory_available_bytes: gib(16 - used),
                memory_used_bytes: gib(used),
                ..HostView::default()
            };
            reclaimable(&mut view, arcstats);
            (view.memory_available_bytes, view.memory_used_bytes)
        };
        let arcstats = |size: u64, least: u64| {
            format!(
                "9 1 0x01 147 39984 5217\nname type data\nhits 4 99\nc_min 4 {}\nc_max 4 9\nsize 4 {}\ncompressed_size 4 1\n",
                least << 30,
                size << 30
            )
        };
        assert_eq!(view(12, &arcstats(8, 1)), (gib(11), gib(5)));
        assert_eq!(view(12, &arcstats(1, 2)), (gib(4), gib(12)));
        assert_eq!(
            view(2, &arcstats(8, 1)),
            (gib(14), gib(2)),
            "of another host"
        );
        assert_eq!(view(12, "size 4 x\n"), (gib(4), gib(12)));
    }

    #[test]
    fn missing_or_invalid_values_are_unknown_and_the_others_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("created");
            fs::write(path, text).expect("written");
        };
        let mut sampler = HostSampler::new(HostRoot::new(folder.path()));
        let (view, fault) = sampler.sample();
        assert_eq!(view, HostView::default());
        assert!(fault.is_some_and(|fault| fault.to_string().contains("meminfo")));

        write(
            "proc/meminfo",
            "MemTotal: 100 kB\nMemAvailable: 40 kB\nBuffers: 5 kB\nCached: 30 kB\nShmem: 10 kB\nSwapTotal: 20 kB\nSwapFree: 15 kB\n",
        );
        write("proc/loadavg", "0.20 x 12.5 1/80 11206\n");
        write("proc/sys/fs/file-nr", "672\t0\t9223372036854775807\n");
        write(
            "proc/stat",
            "cpu  100 0 50 800 50\ncpu0 1\nbtime 1700000000\n",
        );
        let (view, fault) = sampler.sample();
        assert_eq!(fault, None);
        let memory = (
            view.memory_total_bytes,
            view.memory_available_bytes,
            view.memory_used_bytes,
        );
        assert_eq!(memory, (Some(102_400), Some(40_960), Some(61_440)));
        assert_eq!(view.page_cache_bytes, Some(25 * 1024));
        assert_eq!(
            (view.swap_total_bytes, view.swap_used_bytes),
            (Some(20_480), Some(5120))
        );
        assert_eq!(view.load, [Some(0.2), None, Some(12.5)]);
        assert_eq!(
            (view.threads, view.boot_time_seconds),
            (Some(80), Some(1_700_000_000))
        );
        assert_eq!(
            (view.open_files, view.open_files_limit),
            (Some(672), Some(i64::MAX as u64))
        );
        assert_eq!(view.cpu_seconds[..2], [("user", 1.0), ("nice", 0.0)]);

        write("proc/meminfo", "MemFree: 1 kB\nMemTot");
        write("proc/loadavg", "nan inf");
        write("proc/stat", "cpu  é");
        let (view, fault) = sampler.sample();
        assert_eq!(
            (view.load, view.cpu_seconds.len(), view.open_files),
            ([None; 3], 0, Some(672))
        );
        assert!(fault.is_some_and(|fault| fault.to_string().contains("MemTotal")));
    }
}
