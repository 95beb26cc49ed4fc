//! Crontab schedules of jobs, in any time zone.

use super::Run;
use slod::config::Config;
use slod::diagnostic::Source;
use slod::outcome::Timestamp;
use slod::probe::heartbeat::HeartbeatProbe;
use slod::probe::of_type;
use std::path::Path;
use std::time::Duration;

/// Before a change of the clock in Europe and North America.
const STARTS: [Timestamp; 3] = [
    Timestamp(1_792_800_000_000),
    Timestamp(1_793_480_000_000),
    Timestamp(1_806_100_000_000),
];
/// Scheduled times that are looked at.
const TIMES: usize = 40;

/// A time zone, and a schedule per line. Each time is later than the one before.
pub fn schedules() -> Run {
    Box::new(|data| {
        let text = String::from_utf8_lossy(data);
        let mut lines = text.lines();
        let zone = serde_json::json!(lines.next().unwrap_or_default());
        let schedule = serde_json::json!(lines.collect::<Vec<_>>());
        let source = Source::new(
            "",
            format!(
                "services: [ {{ name: a, probes: [ {{ name: p, heartbeat: {{ schedule: {schedule}, timezone: {zone}, grace: 1h }} }} ], objectives: [] }} ]"
            ),
        );
        let config = Config::load(&source, Path::new(""), &|_| None).config;
        let Some(config) = config else {
            return;
        };
        let probe = &*config.services[0].probes[0].probe;
        let due = of_type::<HeartbeatProbe>(probe).expect("a heartbeat").due();
        for start in STARTS {
            let mut last = start;
            for _ in 0..TIMES {
                due.missing_words(last);
                let deadline = due.deadline(last).expect("it comes again");
                let next = deadline.before(Duration::from_hours(1));
                assert!(next > last, "{next:?} is not after {last:?}");
                last = next;
            }
        }
    })
}
