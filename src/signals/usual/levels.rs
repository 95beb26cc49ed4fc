//! The levels that numbers of a service reached on earlier days, against which growth is judged while the
//! traffic is unknown.

use super::Hourly;
use crate::outcome::{Timestamp, millis};
use crate::signal::rules::Earlier;
use crate::signals::numbers::{ContainerNumber, ProcessNumber};
use crate::signals::past::{Place, StoredSeries};
use crate::signals::process::MemorySource;
use crate::store::{SeriesId, Store, StoreError};
use crate::units::{DAY, HOUR};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The lowest value of this time is a level, as in the detection of growth.
const WINDOW: Duration = Duration::from_mins(5);
const HOURS: usize = 24;

/// The levels of one number since its processes were started or deployed.
#[derive(Clone, Debug)]
pub(in crate::signals) struct EarlierLevels {
    since: Timestamp,
    /// The whole hour before which levels were read.
    until: Timestamp,
    /// The number of known hours.
    known: usize,
    /// The highest level until a day before each of the hours from `until` on, `-inf` if none is known.
    highest: [f32; HOURS],
}

impl EarlierLevels {
    /// From the levels by the hour, each of which ends before `until`.
    pub(super) fn of(
        hours: &BTreeMap<Timestamp, f64>,
        since: Timestamp,
        until: Timestamp,
    ) -> Option<Self> {
        let mut levels = Self {
            since,
            until,
            known: 0,
            highest: [f32::NEG_INFINITY; HOURS],
        };
        for (hour, level) in hours.range(since..) {
            levels.known += 1;
            // How many hours after `until` this one has ended a day ago.
            let passed = (hour.after(HOUR).after(DAY).0 - until.0).max(0) / millis(HOUR);
            let from = usize::try_from(passed).unwrap_or(HOURS).min(HOURS);
            for highest in &mut levels.highest[from..] {
                #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
                let level = *level as f32;
                *highest = highest.max(level);
            }
        }
        (levels.known > 0).then_some(levels)
    }

    pub(in crate::signals) fn at(&self, now: Timestamp) -> Earlier {
        let passed = now.since(self.until).as_secs() / HOUR.as_secs();
        let passed = usize::try_from(passed).unwrap_or(HOURS).min(HOURS - 1);
        let highest = f64::from(self.highest[passed]);
        if !highest.is_finite() {
            return Earlier::default();
        }
        let days = (self.known + passed) / HOURS;
        Earlier {
            highest,
            days: u32::try_from(days).unwrap_or(u32::MAX),
        }
    }

    /// Whether they are from the time after a deployment.
    pub(super) fn is_after(&self, deploy: Timestamp) -> bool {
        self.since >= deploy
    }
}

/// The levels of a group of processes.
#[derive(Clone, Debug)]
pub(in crate::signals) struct ProcessLevels {
    memory: Option<EarlierLevels>,
    source: MemorySource,
    pub(in crate::signals) threads: Option<EarlierLevels>,
    pub(in crate::signals) files: Option<EarlierLevels>,
    pub(super) since: Timestamp,
}

impl ProcessLevels {
    /// Those of memory, if read from this source.
    pub(in crate::signals) fn memory(&self, source: MemorySource) -> Option<&EarlierLevels> {
        self.memory.as_ref().filter(|_| self.source == source)
    }
}

/// The hourly levels of a group of processes.
#[derive(Debug, Default)]
pub(super) struct ProcessPast {
    anonymous: Hourly,
    container: Hourly,
    resident: Hourly,
    threads: Hourly,
    files: Hourly,
    life: Life,
}

/// When the present processes were first seen.
#[derive(Debug, Default)]
struct Life {
    since: Timestamp,
    seen: Option<Timestamp>,
}

impl ProcessPast {
    /// Learns the levels of the processes since they were started and `deployed`.
    pub(super) fn learn(
        &mut self,
        store: &Store,
        kept: &StoredSeries,
        (service, name): (&str, &Arc<str>),
        deployed: Timestamp,
        now: Timestamp,
    ) -> Result<ProcessLevels, StoreError> {
        let series = |wanted| {
            let is_it = |place: &Place| match place {
                Place::Process(process, one) => wanted == Wanted::Process(*one) && process == name,
                Place::Container(process, one) => {
                    wanted == Wanted::Container(*one) && process == name
                }
                Place::Metric(_) => false,
            };
            kept.series(service, is_it)
        };
        let of = |one| series(Wanted::Process(one));
        self.life.follow(store, of(ProcessNumber::Started), now)?;
        let since = self.life.since.max(deployed);
        let levels = |hourly: &mut Hourly, id| {
            let hours = hourly.read(now, |span| highest_lows(store, id, span))?;
            Ok(EarlierLevels::of(hours, since, now.hour()))
        };
        let mut memory = (MemorySource::Resident, None);
        for (source, hourly, id) in [
            (
                MemorySource::Anonymous,
                &mut self.anonymous,
                of(ProcessNumber::Anonymous),
            ),
            (
                MemorySource::Container,
                &mut self.container,
                series(Wanted::Container(ContainerNumber::Anonymous)),
            ),
            (
                MemorySource::Resident,
                &mut self.resident,
                of(ProcessNumber::Resident),
            ),
        ] {
            memory = (source, levels(hourly, id)?);
            if hourly.is_known_since(now.before(DAY)) {
                break;
            }
        }
        Ok(ProcessLevels {
            source: memory.0,
            memory: memory.1,
            threads: levels(&mut self.threads, of(ProcessNumber::Threads))?,
            files: levels(&mut self.files, of(ProcessNumber::Files))?,
            since,
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Process(ProcessNumber),
    Container(ContainerNumber),
}

impl Life {
    /// Follows the start times up to `now`, by the rule of the running daemon: all processes are younger than the
    /// last sample.
    fn follow(
        &mut self,
        store: &Store,
        started: Option<SeriesId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(id) = started else { return Ok(()) };
        let from = self
            .seen
            .map_or(now.before(super::BACK), |seen| Timestamp(seen.0 + 1));
        store.for_each_point(id, from, now, |point| {
            if self
                .seen
                .is_some_and(|seen| point.last > seen.as_secs_f64())
            {
                self.since = point.at;
            }
            self.seen = Some(point.at);
            true
        })
    }
}

/// The highest level in each hour.
pub(super) fn highest_lows(
    store: &Store,
    id: Option<SeriesId>,
    (from, to): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, f64>, StoreError> {
    let Some(id) = id else {
        return Ok(BTreeMap::new());
    };
    let mut windows: BTreeMap<i64, f64> = BTreeMap::new();
    store.for_each_point(id, from, to, |point| {
        let window = point.at.0.div_euclid(millis(WINDOW));
        let lowest = windows.entry(window).or_insert(f64::INFINITY);
        *lowest = lowest.min(point.min);
        true
    })?;
    let mut hours: BTreeMap<Timestamp, f64> = BTreeMap::new();
    for (window, lowest) in windows {
        let hour = Timestamp(window * millis(WINDOW)).hour();
        let highest = hours.entry(hour).or_insert(f64::NEG_INFINITY);
        *highest = highest.max(lowest);
    }
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{SeriesKey, SeriesKind};
    use crate::store::Tick;

    #[test]
    fn levels_are_those_until_a_day_ago() {
        let hour = |hour: i64| Timestamp::from_secs(hour * 3600);
        let hours: BTreeMap<Timestamp, f64> =
            (0..30).map(|one| (hour(one), 100.0 + one as f64)).collect();
        let levels = EarlierLevels::of(&hours, hour(2), hour(30)).expect("known");
        let at = |now| {
            let earlier = levels.at(hour(now));
            (earlier.highest, earlier.days)
        };
        assert_eq!(at(30), (105.0, 1), "until the sixth hour");
        assert_eq!(at(33), (108.0, 1));
        assert_eq!(at(50), (125.0, 2));
        assert_eq!(at(90), (128.0, 2), "as far as they were read");
        let young = EarlierLevels::of(&hours, hour(20), hour(30)).expect("known");
        assert_eq!(young.at(hour(30)), Earlier::default());
        assert!(EarlierLevels::of(&hours, hour(30), hour(30)).is_none());
    }

    /// Samples every minute of a process that was restarted after `restart` hours.
    fn sampled(store: &mut Store, hours: i64, restart: i64) {
        let key = |name| {
            Arc::new(SeriesKey::new(
                name,
                [("service", "web"), ("process", "main")],
            ))
        };
        let names = [
            key("slod_process_anonymous_memory_bytes"),
            key("slod_process_resident_memory_bytes"),
            key("slod_process_threads"),
            key("slod_process_start_time_seconds"),
        ];
        let ticks: Vec<Tick> = (0..hours * 60)
            .map(|minute| {
                let started = if minute < restart * 60 {
                    0
                } else {
                    restart * 3600
                };
                let memory = if minute < restart * 60 {
                    900
                } else {
                    200 + minute / 60
                };
                let values = [memory, memory + 50, 8, started];
                let each = names.iter().cloned().zip(values);
                Tick {
                    at: Timestamp::from_secs(minute * 60),
                    samples: each
                        .map(|(key, value)| (key, SeriesKind::Gauge, value as f64))
                        .collect(),
                }
            })
            .collect();
        store.append_samples(&ticks).expect("stored");
    }

    #[test]
    fn levels_are_of_the_present_processes() {
        let (_folder, mut store) = Store::temporary();
        sampled(&mut store, 50, 20);
        let kept = StoredSeries::of(&store).expect("readable");
        let hour = |hour: i64| Timestamp::from_secs(hour * 3600);
        let (mut past, main) = (ProcessPast::default(), "main".into());
        let mut learn = |deployed, now| {
            let learned = past.learn(&store, &kept, ("web", &main), deployed, now);
            learned.expect("readable")
        };
        let memory = |levels: &ProcessLevels, now| {
            let found = levels.memory(MemorySource::Anonymous);
            let earlier = found.expect("known").at(now);
            (earlier.highest, earlier.days)
        };
        let early = learn(Timestamp(0), hour(40));
        assert_eq!(
            memory(&early, hour(44)),
            (0.0, 0),
            "20 hours after the restart"
        );
        // The same history learns what is new.
        let levels = learn(Timestamp(0), hour(50));
        assert_eq!(memory(&levels, hour(50)), (225.0, 1));
        let threads = levels.threads.as_ref().expect("known").at(hour(50));
        assert!((threads.highest - 8.0).abs() < 1e-9);
        assert!(levels.memory(MemorySource::Resident).is_none());
        assert!(levels.files.is_none());
        let deployed = learn(hour(30), hour(50));
        assert_eq!(memory(&deployed, hour(50)), (0.0, 0));
    }
}
