use super::*;

/// Replays the last two hours of the first service.
fn replayed(
    store: &Store,
    config: &Config,
    corrections: &[Correction],
    visit: &mut dyn FnMut(Timestamp, Vec<Finding>),
) {
    let kept = StoredSeries::of(store).expect("readable");
    let (timings, time) = (SignTimings::default(), CorrectedTime::of(corrections));
    let span = (NOW.before(HOUR * 2), NOW);
    let spec = &config.services[0];
    replay(store, &kept, spec, (&timings, &time), span, visit).expect("readable");
}

#[test]
fn replaying_a_service_gives_the_live_findings() {
    let config = config(1);
    let (_folder, mut store) = Store::temporary();
    leaking(&mut store, &config, 6, |_| 10.0);
    let mut found = Vec::new();
    replayed(&store, &config, &[], &mut |at, all| {
        let mut leaks = all.iter().filter(|one| one.kind.name == "memory_growing");
        let leak = leaks.next().expect("looked for");
        found.push((at, leak.presence));
    });
    assert_eq!(found.len(), 121, "once a minute");
    let first = found.iter().find(|(_, one)| *one == Presence::Active);
    let (at, _) = first.expect("found");
    let waited = (at.0 - NOW.before(HOUR * 5).0) / 60_000;
    assert!(
        (155..=210).contains(&waited),
        "{waited} min of the past that is read"
    );
}

/// A process that is gone from `gone` to `back`, in seconds before [`NOW`].
fn absent(store: &mut Store, gone: u64, back: u64) {
    let key = |name| {
        let labels = [("service", "s0"), ("process", "main")];
        Arc::new(SeriesKey::new(name, labels))
    };
    let instances = key("slod_process_instances");
    let restarted = key("slod_process_restarts_total");
    let tick = |seconds: u64| {
        let is_gone = seconds > back && seconds <= gone;
        let count = if is_gone { 0.0 } else { 1.0 };
        let restarts = if seconds > back { 0.0 } else { 1.0 };
        Tick {
            at: NOW.before(Duration::from_secs(seconds)),
            samples: vec![
                (instances.clone(), SeriesKind::Gauge, count),
                (restarted.clone(), SeriesKind::Counter, restarts),
            ],
        }
    };
    let ticks: Vec<Tick> = (1..1200).rev().map(|number| tick(number * 10)).collect();
    store.append_samples(&ticks).expect("stored");
}

/// What explains an absence to the daemon explains it to a replay: maintenance, a deployment, and for a restart,
/// that the absence was reported.
#[test]
fn replaying_respects_what_the_daemon_respects() {
    let config = config(1);
    let minutes = Duration::from_mins;
    let correction = Correction::once(NOW.before(minutes(70)), NOW.before(minutes(40)), "upgrade");
    let marker = Marker {
        id: 0,
        at: NOW.before(minutes(61)),
        service: "s0".to_owned(),
        version: "v2".to_owned(),
        text: String::new(),
        author: "ada".to_owned(),
    };
    // Whether each sign was active.
    for (corrections, markers, back, gone_active, restarted_active) in [
        (&[][..], &[][..], 3000, true, false),
        (
            std::slice::from_ref(&correction),
            &[][..],
            3000,
            false,
            false,
        ),
        (&[][..], std::slice::from_ref(&marker), 3120, false, false),
        // Too short for its alert: reported as a restart.
        (&[][..], &[][..], 3570, false, true),
    ] {
        let (_folder, mut store) = Store::temporary();
        absent(&mut store, 3600, back);
        for marker in markers {
            store.add_marker(marker).expect("kept");
        }
        let mut active: BTreeMap<&str, usize> = BTreeMap::new();
        replayed(&store, &config, corrections, &mut |_, all| {
            let present = all.iter().filter(|one| one.presence == Presence::Active);
            for one in present {
                *active.entry(one.kind.name).or_default() += 1;
            }
        });
        let is_active = |name| active.contains_key(name);
        let case = (corrections.len(), markers.len(), back);
        assert_eq!(
            is_active("process_gone"),
            gone_active,
            "{case:?} {active:?}"
        );
        assert_eq!(
            is_active("restarted"),
            restarted_active,
            "{case:?} {active:?}"
        );
    }
}

#[test]
fn replaying_the_host_gives_the_live_findings() {
    let (_folder, mut store) = Store::temporary();
    let disk = |name: &str, point: &str| Arc::new(SeriesKey::new(name, [("mountpoint", point)]));
    let none: [(&str, &str); 0] = [];
    let cpu = Arc::new(SeriesKey::new("slod_host_cpu_usage_ratio", none));
    let first = NOW.0 / 1000 - 10 * 3600;
    let ticks = (first..NOW.0 / 1000).step_by(60).map(|second| {
        let hours = (second - first) as f64 / 3600.0;
        let mut samples = vec![(Arc::clone(&cpu), SeriesKind::Gauge, 0.2)];
        // One fills up, the other is unmounted after an hour.
        let disks = [("/", 600.0 + 20.0 * hours), ("/old", 999.0)];
        for (point, used) in disks.into_iter().take(if hours < 1.0 { 2 } else { 1 }) {
            let size = disk("slod_host_filesystem_size_bytes", point);
            let available = disk("slod_host_filesystem_available_bytes", point);
            samples.push((size, SeriesKind::Gauge, 1e12));
            samples.push((available, SeriesKind::Gauge, 1e12 - used * 1e9));
        }
        // Read-only, and therefore always full.
        for (name, value) in [
            ("size_bytes", 1e9),
            ("available_bytes", 0.0),
            ("readonly", 1.0),
        ] {
            let series = disk(&format!("slod_host_filesystem_{name}"), "/image");
            samples.push((series, SeriesKind::Gauge, value));
        }
        Tick {
            at: Timestamp::from_secs(second),
            samples,
        }
    });
    store
        .append_samples(&ticks.collect::<Vec<_>>())
        .expect("stored");
    let kept = StoredSeries::of(&store).expect("readable");
    let mut found = BTreeMap::new();
    let span = (NOW.before(HOUR * 10), NOW);
    let settings = crate::signal::Settings::default();
    replay_host(&store, &kept, &settings, span, &mut |at, all| {
        for one in all {
            let key = (one.kind.name, one.subject.to_string(), one.presence);
            let times = found.entry(key).or_insert((at, at));
            times.1 = at;
        }
    })
    .expect("readable");
    let full = "disk_full_soon";
    let (old, _) = found[&(full, "/old".to_owned(), Presence::Active)];
    assert_eq!(old, NOW.before(HOUR * 10).after(Duration::from_mins(1)));
    let (_, gone) = found[&(full, "/old".to_owned(), Presence::Active)];
    assert_eq!(gone, NOW.before(HOUR * 9), "it is unmounted");
    let (filling, last) = found[&(full, "/".to_owned(), Presence::Active)];
    assert!(filling > NOW.before(HOUR * 5) && last == NOW, "{filling:?}");
    assert!(found.contains_key(&("cpu_high", String::new(), Presence::Clear)));
    assert!(found.keys().all(|(_, subject, _)| subject != "/image"));
}
