//! Every collector has a switch and its own metrics.

use slod::config::Config;
use slod::observe::{COLLECTORS, SystemView};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// With the process of this PID.
fn config(observe: &str, pid_file: &Path) -> Config {
    let text = format!(
        "observe: {{ {observe} }}\nservices: {{ name: s, objectives: [], probes: {{ name: p, tcp: {{ address: \"127.0.0.1:1\" }} }}, processes: {{ pid_file: {} }}, metrics: {{ url: \"http://127.0.0.1:1/\" }} }}",
        pid_file.display()
    );
    text.parse().expect("valid")
}

/// Whether this system has what a collector reads.
fn is_there(collector: &str) -> bool {
    match collector {
        "pressure" => Path::new("/proc/pressure/io").exists(),
        // Processes in the root control group are not in a container.
        "containers" => {
            let own = fs::read_to_string("/proc/self/cgroup").expect("Linux");
            own.lines().any(|line| !line.ends_with(":/"))
        }
        _ => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_collector_has_its_own_switch_and_metrics() {
    let pid_file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(pid_file.path(), std::process::id().to_string()).expect("written");
    let on = config("", pid_file.path());
    let mut names = BTreeSet::new();
    let mut view = SystemView::default();
    for kind in COLLECTORS {
        let name = kind.name;
        let off = config(&format!("{name}: false"), pid_file.path());
        assert!((kind.is_on)(&on) && !(kind.is_on)(&off), "{name}");
        let others = COLLECTORS.iter().filter(|other| other.name != name);
        assert!(others.clone().all(|other| (other.is_on)(&off)), "{name}");
        let mut collector = (kind.start)(&on).expect("a supported system");
        let (before, end) = (view.clone(), Instant::now() + Duration::from_secs(10));
        let mut result = collector.collect(&mut view);
        // Reading over a network takes a moment.
        while is_there(name) && view == before && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
            result = collector.collect(&mut view);
        }
        if is_there(name) {
            assert_eq!(result, Ok(()), "{name}");
            assert!(view != before, "{name} adds nothing");
        }
        for family in (kind.families)() {
            assert!(
                names.insert(family.name),
                "{} is declared twice",
                family.name
            );
        }
    }
    assert!(names.len() >= COLLECTORS.len());
}
