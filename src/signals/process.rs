//! The recent history of a group of processes of a service, and its signs.

mod memory;

use super::numbers::{ContainerNumber, ContainerNumbers, ProcessNumber, ProcessNumbers};
use super::unknown;
use super::usual::{EarlierLevels, ProcessLevels};
use crate::format::numbers::bytes;
use crate::outcome::Timestamp;
use crate::signal::rules::{
    Answer, COUNTED, Earlier, GrowthInput, MEMORY, MIB, Running, above, counted, growing,
    process_gone,
};
use crate::signal::{
    HOUR, Keep, Level, Presence, RECENT, Rise, Settings, SignalKind, Track, kinds,
};
use crate::trend::GrowthRules;
use crate::units::whole;
use memory::Memory;
pub(super) use memory::MemorySource;
use std::time::Duration;

pub(super) const GROWTH_WINDOW: Duration = Duration::from_mins(2);
/// Two hours.
pub(super) const GROWTH_WINDOWS: usize = 60;

/// Why some signs are unknown.
pub(super) const NOT_SEEN: &str =
    "the processor usage is unknown: no matching process was seen in the last 10 minutes";
const NO_CONTAINER: &str = "no container of matching processes was seen in the last 10 minutes";
const NO_LIMIT: &str =
    "no container of matching processes with a processor limit was seen in the last 10 minutes";

#[derive(Debug)]
pub(super) struct ProcessHistory {
    memory: Memory,
    threads: Track,
    files: Track,
    restarts: Track,
    /// As a share of the host's processors, and of the processors that a container may use.
    pub(super) cpu_of_host: Track,
    pub(super) cpu_of_limit: Track,
    throttled: Track,
    kills: Track,
    rises: Rises,
    /// When the processes were last seen.
    seen: Option<Timestamp>,
    pub(super) running: Running,
    /// Working set and limit of the container.
    limit: Option<(f64, f64)>,
}

/// The state of the service while its processes are evaluated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meanwhile {
    /// Whether responses became slower, if known.
    pub(super) slows: Option<bool>,
    pub(super) is_maintained: bool,
    /// The alert of a sign that has been active for this long has fired.
    pub(super) reported_after: Duration,
}

/// Increases of counters.
#[derive(Debug, Default)]
struct Rises {
    restarts: Rise,
    kills: Rise,
    periods: Rise,
    throttled: Rise,
}

impl ProcessHistory {
    pub(super) fn new() -> Self {
        let grows = || Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Lowest);
        let minutes = Track::by_minute;
        Self {
            memory: Memory::new(grows()),
            threads: grows(),
            files: grows(),
            restarts: minutes(RECENT, Keep::Sum),
            cpu_of_host: minutes(HOUR, Keep::Mean),
            cpu_of_limit: minutes(HOUR, Keep::Mean),
            throttled: minutes(RECENT, Keep::Mean),
            kills: minutes(RECENT, Keep::Sum),
            rises: Rises::default(),
            seen: None,
            running: Running::default(),
            limit: None,
        }
    }

    /// Returns whether all processes were replaced.
    pub(super) fn take(&mut self, at: Timestamp, numbers: &ProcessNumbers) -> bool {
        use ProcessNumber as N;
        let get = |one| numbers.get(one);
        self.running.take(at, get(N::Instances));
        let mut is_new = false;
        if let Some(started) = get(N::Started) {
            // All processes are younger than the last sample: they were replaced.
            is_new = self.seen.is_some_and(|seen| started > seen.as_secs_f64());
            if is_new {
                self.begin_anew();
            }
            self.seen = Some(at);
        }
        self.memory
            .take(at, MemorySource::Resident, get(N::Resident));
        self.memory
            .take(at, MemorySource::Anonymous, get(N::Anonymous));
        self.threads.take(at, get(N::Threads));
        self.files.take(at, get(N::Files));
        let restarts = self.rises.restarts.step(at, get(N::Restarts));
        self.restarts.take(at, restarts);
        self.cpu_of_host.take(at, get(N::Cpu));
        is_new
    }

    pub(super) fn take_container(&mut self, at: Timestamp, numbers: &ContainerNumbers) {
        use ContainerNumber as N;
        let get = |one| numbers.get(one);
        self.memory
            .take(at, MemorySource::Container, get(N::Anonymous));
        self.limit = get(N::WorkingSet).zip(get(N::MemoryLimit));
        self.cpu_of_limit.take(at, get(N::Cpu));
        let kills = self.rises.kills.step(at, get(N::Kills));
        self.kills.take(at, kills);
        let periods = self.rises.periods.step(at, get(N::Periods));
        let throttled = self.rises.throttled.step(at, get(N::Throttled));
        let share = periods.zip(throttled);
        let share = share.filter(|(periods, _)| *periods > 0.0);
        self.throttled
            .take(at, share.map(|(periods, throttled)| throttled / periods));
    }

    /// Discards growth before a deployment, which occurred in another version.
    pub(super) fn deployed(&mut self, at: Timestamp) {
        self.running.deployed(at);
        for track in self.growing() {
            track.forget_before(at);
        }
    }

    fn begin_anew(&mut self) {
        for track in self.growing() {
            track.clear();
        }
    }

    /// The tracks whose growth is evaluated.
    fn growing(&mut self) -> [&mut Track; 3] {
        [&mut self.memory.track, &mut self.threads, &mut self.files]
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        for track in self.tracks() {
            track.take(now, None);
        }
    }

    fn tracks(&mut self) -> [&mut Track; 8] {
        [
            &mut self.memory.track,
            &mut self.threads,
            &mut self.files,
            &mut self.restarts,
            &mut self.cpu_of_host,
            &mut self.cpu_of_limit,
            &mut self.throttled,
            &mut self.kills,
        ]
    }

    /// The track that a sign evaluates; `None` if it has none.
    pub(super) fn looked_at(&self, kind: &SignalKind) -> Option<&Track> {
        match kind {
            &kinds::MEMORY_GROWING => Some(&self.memory.track),
            &kinds::THREADS_GROWING => Some(&self.threads),
            &kinds::OPEN_FILES_GROWING => Some(&self.files),
            &kinds::CPU_HIGH | &kinds::CPU_HIGH_AT_PEAK => self.cpu().map(|(cpu, _)| cpu),
            &kinds::THROTTLED => Some(&self.throttled),
            _ => None,
        }
    }

    /// Evaluates growth at a time; `traffic` and the levels of earlier days may explain it.
    pub(super) fn trends(
        &self,
        traffic: &Track,
        (levels, now): (Option<&ProcessLevels>, Timestamp),
        settings: &Settings,
    ) -> [(&'static SignalKind, Answer); 3] {
        let at = |levels: Option<&EarlierLevels>| {
            levels.map_or_else(Earlier::default, |one| one.at(now))
        };
        let counts = |kind, track, levels, unit| {
            let rules = GrowthRules {
                share: settings.level(kind).begins,
                ..COUNTED
            };
            let number = GrowthInput {
                track,
                traffic,
                rules,
                unit,
                scale: 1.0,
                limit: None,
                earlier: Some(at(levels)),
            };
            (kind, growing(&number))
        };
        let memory = levels.and_then(|levels| levels.memory(self.memory.source));
        let threads = levels.and_then(|levels| levels.threads.as_ref());
        let files = levels.and_then(|levels| levels.files.as_ref());
        [
            (
                &kinds::MEMORY_GROWING,
                self.memory_growth(traffic, at(memory), settings),
            ),
            counts(&kinds::THREADS_GROWING, &self.threads, threads, "threads"),
            counts(&kinds::OPEN_FILES_GROWING, &self.files, files, "files"),
        ]
    }

    fn memory_growth(&self, traffic: &Track, earlier: Earlier, settings: &Settings) -> Answer {
        let last = self.memory.track.last();
        // The limit applies to the whole working set, which may include more memory than the track.
        let limit = self.limit.zip(last);
        let limit =
            limit.map(|((working, limit), last)| (limit - (working - last).max(0.0), limit));
        let number = GrowthInput {
            track: &self.memory.track,
            traffic,
            rules: GrowthRules {
                share: settings.level(&kinds::MEMORY_GROWING).begins,
                limit: limit.map(|(left, _)| left),
                ..MEMORY
            },
            unit: "MiB",
            scale: MIB,
            limit: limit.map(|(_, limit)| format!("limit of {}", bytes(whole(limit)))),
            earlier: Some(earlier),
        };
        growing(&number)
    }

    /// Evaluates the signs of the last minutes. `was` returns which of them were active.
    pub(super) fn recent(
        &self,
        settings: &Settings,
        was: impl Fn(&SignalKind) -> bool,
        meanwhile: Meanwhile,
    ) -> [(&'static SignalKind, Answer); 5] {
        let level = |kind| settings.level(kind);
        let kind = &kinds::PROCESS_GONE;
        let absence = Duration::try_from_secs_f64(level(kind).begins).unwrap_or(Duration::MAX);
        let gone = process_gone(&self.running, absence, meanwhile.is_maintained);
        let kind = &kinds::CPU_HIGH;
        let busy = self.cpu().map_or_else(
            || unknown(NOT_SEEN),
            |(cpu, what)| above(cpu, level(kind), was(kind), what),
        );
        let kind = &kinds::THROTTLED;
        let throttled = self.throttled(level(kind), was(kind), meanwhile.slows);
        [
            (&kinds::RESTARTED, self.restarted(settings, meanwhile)),
            (&kinds::PROCESS_GONE, gone),
            (&kinds::OUT_OF_MEMORY, self.out_of_memory(settings)),
            (&kinds::CPU_HIGH, busy),
            (&kinds::THROTTLED, throttled),
        ]
    }

    fn restarted(&self, settings: &Settings, meanwhile: Meanwhile) -> Answer {
        let least = settings.level(&kinds::RESTARTED).begins;
        let what = ["restart", "restarts"];
        let (presence, evidence) = counted(&self.restarts, RECENT, least, what);
        let explanation = if presence != Presence::Active {
            None
        } else if self.are_restarts_kills() {
            Some("out-of-memory kills")
        } else {
            let was_reported = self.is_restart_return(settings, meanwhile.reported_after);
            was_reported.then_some("an absence that was reported")
        };
        match explanation {
            Some(other) => (Presence::Clear, format!("{evidence}; explained by {other}")),
            None => (presence, evidence),
        }
    }

    fn out_of_memory(&self, settings: &Settings) -> Answer {
        if self.kills.sum(RECENT).is_none() {
            return unknown(NO_CONTAINER);
        }
        let least = settings.level(&kinds::OUT_OF_MEMORY).begins;
        let what = ["out-of-memory kill", "out-of-memory kills"];
        counted(&self.kills, RECENT, least, what)
    }

    /// Whether out-of-memory kills account for all restarts, so that one sign is enough.
    fn are_restarts_kills(&self) -> bool {
        let counts = self.restarts.sum(RECENT).zip(self.kills.sum(RECENT));
        counts.is_some_and(|(restarts, kills)| restarts > 0.0 && kills >= restarts)
    }

    /// Whether the only restart ended an absence whose alert has fired, so that one alert is enough.
    fn is_restart_return(&self, settings: &Settings, reported_after: Duration) -> bool {
        let least = settings.level(&kinds::PROCESS_GONE).begins;
        let is_long =
            |absence: &Duration| absence.as_secs_f64() >= least + reported_after.as_secs_f64();
        let absence = self
            .running
            .returned_within(Duration::from_mins(RECENT as u64));
        settings.is_on(&kinds::PROCESS_GONE)
            && absence.as_ref().is_some_and(is_long)
            && self.restarts.sum(RECENT).is_some_and(|count| count < 1.5)
    }

    /// Its processor usage by the minute, and what it is a share of.
    pub(super) fn cpu(&self) -> Option<(&Track, &'static str)> {
        let is_known = |cpu: &Track| !cpu.known(RECENT).is_empty();
        if is_known(&self.cpu_of_limit) {
            return Some((&self.cpu_of_limit, "usage of the container's processors"));
        }
        is_known(&self.cpu_of_host)
            .then_some((&self.cpu_of_host, "its usage of the host's processors"))
    }

    fn throttled(&self, level: Level, was_active: bool, slows: Option<bool>) -> Answer {
        if self.throttled.known(RECENT).is_empty() {
            return unknown(NO_LIMIT);
        }
        let what = "share of throttled periods";
        let (presence, evidence) = above(&self.throttled, level, was_active, what);
        match slows {
            _ if presence != Presence::Active => (presence, evidence),
            Some(true) => (presence, format!("{evidence}; response times rise")),
            Some(false) => {
                let evidence = format!("{evidence}; response times do not rise");
                (Presence::Clear, evidence)
            }
            None => {
                let evidence = format!("{evidence}; it is unknown whether response times rise");
                (Presence::Unknown, evidence)
            }
        }
    }

    /// The maximum size in bytes.
    #[cfg(test)]
    pub(super) fn size(&mut self) -> usize {
        let tracks: usize = self.tracks().iter().map(|track| track.size()).sum();
        tracks + size_of::<Self>() - 8 * size_of::<Track>()
    }
}
