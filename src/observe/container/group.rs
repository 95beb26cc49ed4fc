//! Sums over the containers of one group of processes, which persist when a container is removed.
//! Pure.

use crate::config::ProcessSpec;
use crate::observe::cgroup::Usage;
use crate::observe::counters::{MemberCounters, OnDecrease, Totals};
use crate::observe::host::MIN_SPAN;
use crate::observe::view::ContainerView;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Instant;

/// Counters: kills for lack of memory, processor time, periods, throttled periods, throttled time.
const COUNTERS: usize = 5;
const KILLS: usize = 0;
const CPU: usize = 1;
const PERIODS: usize = 2;
const THROTTLED: usize = 3;
const THROTTLED_TIME: usize = 4;

/// How many removed containers are remembered. A container of a systemd unit has the same name each
/// time it is started.
const REMEMBERED_MAX: usize = 1000;

/// The containers of one group of processes, by what identifies them.
#[derive(Debug)]
pub(super) struct Group<Key> {
    /// The containers that were ever sampled.
    last: HashMap<Key, Member>,
    totals: Totals<COUNTERS>,
    now: Vec<Usage>,
    cpu_usage_max: Option<f64>,
    /// Whether the group ever had a container.
    ran: bool,
}

/// A container when it was last sampled.
#[derive(Debug)]
struct Member {
    /// Those of a new container once no container has the name.
    counters: MemberCounters<COUNTERS>,
    /// When its counters had these values. `None` before the first sample.
    at: Option<Instant>,
}

impl<Key> Default for Group<Key> {
    fn default() -> Self {
        Self {
            last: HashMap::new(),
            totals: Totals::default(),
            now: Vec::new(),
            cpu_usage_max: None,
            ran: false,
        }
    }
}

impl<Key: Eq + Hash> Group<Key> {
    /// Takes the current containers. `exists` returns whether a container still exists and may come
    /// back with its counters.
    pub(super) fn take(
        &mut self,
        containers: Vec<(Key, Usage)>,
        now: Instant,
        exists: impl Fn(&Key) -> bool,
    ) {
        self.cpu_usage_max = None;
        self.now.clear();
        self.ran |= !containers.is_empty();
        for (key, usage) in containers {
            // The history of a container in which the group is found only now must not appear as a
            // sudden load.
            let member = self.last.entry(key).or_insert(Member {
                counters: MemberCounters::RUNNING,
                at: None,
            });
            let last = member.at.replace(now);
            let elapsed = last.map(|last| now.duration_since(last));
            // A container that was recreated under the same name counts from 0.
            let spent = member.counters.advance(counters(&usage), OnDecrease::Reset);
            let share = elapsed.filter(|one| *one >= MIN_SPAN).and_then(|elapsed| {
                let limit = usage.cpu_limit.filter(|limit| *limit > 0.0)?;
                Some(spent[CPU]? as f64 / 1e6 / elapsed.as_secs_f64() / limit)
            });
            self.cpu_usage_max = max([self.cpu_usage_max, share].into_iter());
            self.totals.add(spent);
            self.now.push(usage);
        }
        self.forget(now, exists);
    }

    fn forget(&mut self, now: Instant, exists: impl Fn(&Key) -> bool) {
        let is_full = self.last.len() > REMEMBERED_MAX;
        self.last.retain(|key, member| {
            let exists = exists(key);
            if !exists {
                *member = Member {
                    counters: MemberCounters::NEW,
                    at: Some(now),
                };
            }
            exists || !is_full
        });
    }

    /// Returns `None` for a group that was never in a container.
    pub(super) fn view(&self, spec: &ProcessSpec) -> Option<ContainerView> {
        let all = |of: fn(&Usage) -> Option<u64>| {
            let is_any = !self.now.is_empty();
            is_any
                .then(|| self.now.iter().map(of).sum::<Option<u64>>())
                .flatten()
        };
        let cpu_limit = || {
            self.now
                .iter()
                .map(|usage| usage.cpu_limit)
                .sum::<Option<f64>>()
        };
        let worst = |of: fn(&Usage) -> Option<f64>| max(self.now.iter().map(of));
        let total = |at: usize| self.totals.get(at);
        let seconds = |at| total(at).map(|micros| micros as f64 / 1e6);
        self.ran.then(|| ContainerView {
            service: spec.service.clone(),
            process: spec.name.clone(),
            count: self.now.len() as u64,
            memory_bytes: all(|usage| usage.memory_bytes),
            working_set_bytes: all(working_set),
            anonymous_bytes: all(|usage| usage.anonymous_bytes),
            memory_limit_bytes: all(|usage| usage.memory_limit_bytes),
            working_set_max: worst(|usage| share(working_set(usage), usage.memory_limit_bytes)),
            oom_kills: total(KILLS),
            cpu_seconds: seconds(CPU),
            cpu_limit: (!self.now.is_empty()).then(cpu_limit).flatten(),
            cpu_usage_max: self.cpu_usage_max,
            periods: total(PERIODS),
            throttled_periods: total(THROTTLED),
            throttled_seconds: seconds(THROTTLED_TIME),
            pids: all(|usage| usage.pids),
            pids_limit: all(|usage| usage.pids_limit),
            pids_max: worst(|usage| share(usage.pids, usage.pids_limit)),
        })
    }
}

fn working_set(usage: &Usage) -> Option<u64> {
    Some(
        usage
            .memory_bytes?
            .saturating_sub(usage.inactive_file_bytes?),
    )
}

fn counters(usage: &Usage) -> [Option<u64>; COUNTERS] {
    [
        usage.oom_kills,
        usage.cpu_micros,
        usage.periods,
        usage.throttled_periods,
        usage.throttled_micros,
    ]
}

fn share(part: Option<u64>, of: Option<u64>) -> Option<f64> {
    let of = of.filter(|of| *of > 0)?;
    Some(part? as f64 / of as f64)
}

fn max(numbers: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    numbers.flatten().max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn usage(memory: u64, limit: Option<u64>, cpu_micros: u64) -> Usage {
        Usage {
            memory_bytes: Some(memory),
            inactive_file_bytes: Some(10),
            memory_limit_bytes: limit,
            oom_kills: Some(1),
            cpu_micros: Some(cpu_micros),
            cpu_limit: Some(0.5),
            ..Usage::default()
        }
    }

    fn view(group: &Group<&'static str>) -> Option<ContainerView> {
        let spec = ProcessSpec {
            service: "s".into(),
            name: "p".into(),
            found_by: crate::config::FoundBy::Port(1),
        };
        group.view(&spec)
    }

    #[test]
    fn gauges_are_summed_maxima_are_kept_and_a_missing_limit_is_none() {
        let mut group = Group::default();
        let now = Instant::now();
        assert_eq!(view(&group), None);
        group.take(
            vec![
                ("a", usage(60, Some(100), 0)),
                ("b", usage(90, Some(100), 0)),
            ],
            now,
            |_| true,
        );
        let both = view(&group).expect("a view");
        assert_eq!(
            (both.count, both.memory_bytes, both.working_set_bytes),
            (2, Some(150), Some(130))
        );
        assert_eq!(
            (both.memory_limit_bytes, both.working_set_max),
            (Some(200), Some(0.8))
        );
        assert_eq!(
            (both.cpu_limit, both.cpu_usage_max, both.pids),
            (Some(1.0), None, None)
        );
        group.take(
            vec![("a", usage(60, Some(100), 0)), ("b", usage(90, None, 0))],
            now,
            |_| true,
        );
        let one = view(&group).expect("a view");
        assert_eq!(
            (one.memory_limit_bytes, one.working_set_max),
            (None, Some(0.5))
        );
        group.take(Vec::new(), now, |_| true);
        let none = view(&group).expect("a view");
        assert_eq!(
            (
                none.count,
                none.memory_bytes,
                none.cpu_limit,
                none.oom_kills
            ),
            (0, None, None, Some(0))
        );
    }

    #[test]
    fn counters_survive_their_containers() {
        let mut group = Group::default();
        let start = Instant::now();
        let mut seconds = |at: u64, containers: Vec<(&'static str, u64)>, exists: bool| {
            let usages = containers
                .into_iter()
                .map(|(key, cpu)| (key, usage(0, None, cpu)));
            group.take(usages.collect(), start + Duration::from_secs(at), |_| {
                exists
            });
            let view = view(&group).expect("a view");
            (view.cpu_seconds, view.cpu_usage_max)
        };
        assert_eq!(seconds(0, vec![("a", 1_000_000)], true), (Some(0.0), None));
        assert_eq!(
            seconds(10, vec![("a", 3_000_000)], true),
            (Some(2.0), Some(0.4))
        );
        assert_eq!(
            seconds(20, vec![], true),
            (Some(2.0), None),
            "it has no processes"
        );
        assert_eq!(
            seconds(30, vec![("a", 4_000_000)], true),
            (Some(3.0), Some(0.1)),
            "since it was last sampled"
        );
        assert_eq!(
            seconds(40, vec![("a", 500_000)], true),
            (Some(3.5), Some(0.1)),
            "recreated"
        );
        assert_eq!(seconds(50, vec![], false).0, Some(3.5));
        assert_eq!(
            seconds(60, vec![("a", 2_000_000)], true),
            (Some(5.5), Some(0.4)),
            "started again after a pause"
        );
        assert_eq!(
            seconds(70, vec![("b", 9_000_000)], true),
            (Some(5.5), None),
            "one that was there before"
        );
        assert_eq!(
            seconds(80, vec![("b", 10_000_000)], true),
            (Some(6.5), Some(0.2))
        );
        assert_eq!(
            seconds(90, vec![("b", 11_000_000)], false),
            (Some(7.5), Some(0.2)),
            "removed since its usage was read"
        );
    }
}
