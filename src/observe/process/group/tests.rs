use super::*;
use crate::observe::process::detail::Detail;

const EVERY: Option<Since> = Some(Since {
    elapsed: Duration::from_secs(10),
    processors: 4.0,
});

fn reading(pid: i32, started_ticks: u64, cpu_seconds: u64) -> Reading {
    Reading {
        id: ProcessId { pid, started_ticks },
        parent: 1,
        is_new: false,
        cpu_ticks: cpu_seconds * procfs::ticks_per_second(),
        reaped_ticks: 0,
        resident_bytes: 1000,
        anonymous_bytes: None,
        threads: 3,
        open_fds: Some(7),
        io: Some(Io::default()),
        detail: None,
    }
}

fn new(pid: i32, started_ticks: u64, cpu_seconds: u64) -> Reading {
    Reading {
        is_new: true,
        ..reading(pid, started_ticks, cpu_seconds)
    }
}

fn view(group: &Group) -> ProcessView {
    let spec = ProcessSpec {
        service: "s".into(),
        name: "p".into(),
        found_by: crate::config::FoundBy::Port(1),
    };
    group.view(&spec, Some(1000))
}

fn reported(group: &Group) -> (u64, f64, Option<f64>, u64) {
    let view = view(group);
    (view.count, view.cpu_seconds, view.cpu_usage, view.restarts)
}

#[test]
fn time_is_summed_over_members_and_survives_them() {
    let mut group = Group::default();
    group.take(&[reading(1, 5, 100), reading(2, 6, 50)], None);
    assert_eq!(
        reported(&group),
        (2, 0.0, None, 0),
        "usage requires two readings"
    );
    group.take(&[reading(1, 5, 120), reading(2, 6, 50)], EVERY);
    assert_eq!(
        reported(&group),
        (2, 20.0, Some(0.5), 0),
        "20 s of 4 x 10 s"
    );
    group.take(&[reading(1, 5, 121)], EVERY);
    assert_eq!(reported(&group), (1, 21.0, Some(0.025), 0));
    group.take(&[], EVERY);
    assert_eq!(reported(&group), (0, 21.0, None, 0), "nobody runs");
}

/// A parent, and the processor time of the children that it has reaped.
fn parent(pid: i32, cpu_seconds: u64, reaped_seconds: u64) -> Reading {
    Reading {
        reaped_ticks: reaped_seconds * procfs::ticks_per_second(),
        ..reading(pid, 5, cpu_seconds)
    }
}

fn child(of: i32, reading: Reading) -> Reading {
    Reading {
        parent: of,
        ..reading
    }
}

#[test]
fn the_time_of_children_counts_once_whether_they_were_seen_or_not() {
    let mut group = Group::default();
    group.take(&[parent(1, 100, 1000)], None);
    group.take(&[parent(1, 101, 1004)], EVERY);
    assert_eq!(
        reported(&group),
        (1, 5.0, Some(0.125), 0),
        "too short to be seen"
    );
    group.take(&[parent(1, 101, 1004), child(1, new(2, 9, 6))], EVERY);
    assert_eq!(reported(&group), (2, 11.0, Some(0.15), 0));
    // It used another second before it ended.
    group.take(&[parent(1, 101, 1011)], EVERY);
    assert_eq!(reported(&group), (1, 12.0, Some(0.025), 0));
    // A shell with a command: both end, and the shell passes on what its child used.
    let shell = child(1, new(3, 12, 1));
    group.take(
        &[parent(1, 101, 1011), shell, child(3, new(4, 12, 8))],
        EVERY,
    );
    assert_eq!(reported(&group), (3, 21.0, Some(0.225), 0));
    group.take(&[parent(1, 101, 1022)], EVERY);
    assert_eq!(reported(&group), (1, 23.0, Some(0.05), 0));
}

#[test]
fn a_restart_is_detected_when_no_earlier_process_remains() {
    let mut group = Group::default();
    group.take(&[], None);
    group.take(&[new(1, 5, 1)], EVERY);
    assert_eq!(reported(&group).3, 0, "the first start");
    group.take(&[reading(1, 5, 1), new(2, 9, 1)], EVERY);
    group.take(&[reading(2, 9, 1)], EVERY);
    assert_eq!(reported(&group).3, 0, "a rolling update");
    // The same pid is another process if it started at another time.
    group.take(&[new(2, 12, 1)], EVERY);
    assert_eq!(reported(&group), (1, 3.0, Some(0.025), 1));
    group.take(&[], EVERY);
    group.take(&[], EVERY);
    group.take(&[new(3, 20, 2)], EVERY);
    assert_eq!(reported(&group), (1, 5.0, Some(0.05), 2));
}

#[test]
fn processor_time_during_a_gap_is_not_a_sudden_load() {
    let mut group = Group::default();
    group.take(&[reading(1, 5, 100)], None);
    // It kept running, but was not found, as without its pid file.
    group.take(&[], EVERY);
    group.take(&[], EVERY);
    group.take(&[reading(1, 5, 400)], EVERY);
    assert_eq!(reported(&group), (1, 300.0, None, 0));
    group.take(&[reading(1, 5, 420)], EVERY);
    assert_eq!(reported(&group), (1, 320.0, Some(0.5), 0));
}

#[test]
fn the_history_of_a_late_member_is_not_a_sudden_load() {
    let mut group = Group::default();
    group.take(&[reading(1, 5, 10)], None);
    group.take(&[reading(1, 5, 10), reading(2, 3, 5000)], EVERY);
    assert_eq!(reported(&group), (2, 0.0, Some(0.0), 0));
    group.take(&[reading(1, 5, 10), reading(2, 3, 5004)], EVERY);
    assert_eq!(reported(&group), (2, 4.0, Some(0.1), 0));
}

#[test]
fn a_value_unreadable_for_one_member_is_unknown_for_the_group() {
    let mut group = Group::default();
    let hidden = Reading {
        open_fds: None,
        ..reading(2, 6, 1)
    };
    group.take(&[reading(1, 5, 1), hidden], None);
    let sums = group.now.expect("members");
    assert_eq!((sums.open_fds, sums.threads), (None, 6));
    group.take(&[reading(1, 5, 1)], EVERY);
    assert_eq!(group.now.expect("a member").open_fds, Some(7));
}

#[test]
fn bytes_written_by_a_child_are_counted_once() {
    let mut group = Group::default();
    let wrote = |pid, parent, written| Reading {
        parent,
        io: Some(Io { read: 0, written }),
        ..reading(pid, 5, 0)
    };
    let mut written = |readings: &[Reading]| {
        group.take(readings, EVERY);
        view(&group).written_bytes
    };
    assert_eq!(written(&[wrote(1, 0, 10), wrote(2, 1, 100)]), Some(0));
    // The child wrote 20 more and ended; its parent reaped it and wrote 5.
    assert_eq!(written(&[wrote(1, 0, 135)]), Some(25));
    assert_eq!(written(&[wrote(1, 0, 140)]), Some(30));
    // A child that ends before its parent reaps it.
    assert_eq!(
        written(&[wrote(1, 0, 140), wrote(3, 1, 7)]),
        Some(30),
        "its past"
    );
    assert_eq!(written(&[wrote(1, 0, 140), wrote(3, 1, 9)]), Some(32));
    assert_eq!(written(&[wrote(1, 0, 140)]), Some(32));
    assert_eq!(written(&[wrote(1, 0, 150)]), Some(33));
}

#[test]
fn values_that_become_readable_later_count_from_then_on() {
    let mut group = Group::default();
    let switched = |pid, switches: Option<u64>| Reading {
        detail: switches.map(|voluntary_switches| Detail {
            voluntary_switches,
            ..Detail::default()
        }),
        ..new(pid, 5, 0)
    };
    let joined = |pid, switches| Reading {
        is_new: false,
        ..switched(pid, switches)
    };
    let mut shown = |readings: &[Reading]| {
        group.take(readings, EVERY);
        view(&group).voluntary_switches
    };
    assert_eq!(shown(&[switched(1, None)]), None);
    assert_eq!(shown(&[switched(1, Some(50))]), Some(50), "since its start");
    assert_eq!(shown(&[switched(1, Some(60)), joined(2, None)]), None);
    assert_eq!(
        shown(&[switched(1, Some(60)), joined(2, Some(9))]),
        Some(60),
        "joined later"
    );
    assert_eq!(
        shown(&[switched(1, Some(61)), switched(2, Some(10))]),
        Some(62)
    );
    assert_eq!(shown(&[]), Some(62), "counters stay");
}

#[test]
fn the_maximum_is_shown_in_addition_to_the_sum() {
    let mut group = Group::default();
    let with = |pid, started, cpu, resident_bytes, open_fds, fd_limit| Reading {
        resident_bytes,
        open_fds: Some(open_fds),
        detail: Some(Detail {
            fd_limit,
            ..Detail::default()
        }),
        ..reading(pid, started, cpu)
    };
    group.take(
        &[with(1, 500, 1, 10, 5, None), with(2, 300, 1, 10, 5, None)],
        EVERY,
    );
    assert_eq!(view(&group).fds_max, None, "without limits");
    let second = [
        with(1, 500, 3, 30, 90, Some(100)),
        with(2, 300, 9, 20, 100, Some(400)),
    ];
    group.take(&second, EVERY);
    let view = view(&group);
    assert_eq!(
        (view.resident_bytes, view.resident_max_bytes),
        (Some(50), Some(30))
    );
    assert_eq!(
        (view.cpu_usage, view.cpu_usage_max),
        (Some(0.25), Some(0.2))
    );
    assert_eq!((view.fd_limit, view.fds_max), (Some(100), Some(0.9)));
    assert_eq!(
        view.started_seconds,
        Some(1000.0 + 300.0 / procfs::ticks_per_second() as f64)
    );
}
