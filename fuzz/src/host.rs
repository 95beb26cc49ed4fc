//! Files of the kernel: `/proc`, `/sys` and control groups.

use super::Run;
use slod::config::Config;
use slod::observe::{COLLECTORS, SystemView};
use std::collections::HashMap;
use std::fs;

const FILES: &[&str] = &[
    "proc/stat",
    "proc/meminfo",
    "proc/loadavg",
    "proc/diskstats",
    "proc/net/dev",
    "proc/1/net/dev",
    "proc/1/mountinfo",
    "proc/1/stat",
    "proc/1/cmdline",
    "proc/1/cgroup",
    "proc/1/io",
    "proc/1/status",
    "proc/1/smaps_rollup",
    "proc/1/limits",
    "proc/1/net/tcp",
    "proc/pressure/cpu",
    "proc/pressure/memory",
    "proc/pressure/io",
    "proc/sys/fs/file-nr",
    "proc/sys/kernel/pid_max",
    "proc/sys/kernel/threads-max",
    "sys/fs/cgroup/a.service/memory.current",
    "sys/fs/cgroup/a.service/memory.stat",
    "sys/fs/cgroup/a.service/memory.events",
    "sys/fs/cgroup/a.service/memory.max",
    "sys/fs/cgroup/a.service/cpu.stat",
    "sys/fs/cgroup/a.service/cpu.max",
    "sys/fs/cgroup/a.service/pids.current",
    "sys/fs/cgroup/a.service/pids.max",
    "sys/fs/cgroup/a.service/cpu.pressure",
];

const CONFIG: &str = "
observe: { root: ROOT, host: true, pressure: true, disk: true, network: true, processes: true, containers: true }
services:
  - name: a
    probes: [ { name: p, tcp: { address: 'h:1' } } ]
    processes: [ { match: { name: init } }, { port: 80 }, { cgroup: /sys/fs/cgroup/a.service, name: c } ]
";

/// Sections that begin with a line `== path`; paths other than the listed ones are ignored.
pub fn host() -> Run {
    let root = tempfile::tempdir().expect("a folder");
    for file in FILES {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().expect("below the root")).expect("created");
    }
    let text = CONFIG.replace("ROOT", &root.path().display().to_string());
    let config: Config = text.parse().expect("valid");
    let mut collectors: Vec<_> = COLLECTORS
        .iter()
        .filter(|kind| (kind.is_on)(&config))
        .map(|kind| (kind.start)(&config).expect("starts"))
        .collect();
    let mut view = SystemView::default();
    Box::new(move |data| {
        let files = sections(data);
        for file in FILES {
            let path = root.path().join(file);
            let text = files.get(*file).copied().unwrap_or_default();
            fs::write(path, text).expect("written");
        }
        for collector in &mut collectors {
            let _ = collector.collect(&mut view);
        }
    })
}

fn sections(data: &[u8]) -> HashMap<&str, &[u8]> {
    let mut sections = HashMap::new();
    let mut rest = data;
    while let Some(start) = rest.strip_prefix(b"== ") {
        let end = start
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(start.len());
        let (name, text) = start.split_at(end);
        let text = text.get(1..).unwrap_or_default();
        let next = text.windows(4).position(|bytes| bytes == b"\n== ");
        let len = next.map_or(text.len(), |next| next + 1);
        sections.insert(std::str::from_utf8(name).unwrap_or_default(), &text[..len]);
        rest = &text[len..];
    }
    sections
}
