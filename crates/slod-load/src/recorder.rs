//! The counters of one thread, handed over once a second.

use crate::connection::Done;
use crate::counted::ByteCounts;
use crate::session::RequestResult;
use crate::tally::{Tally, add, count, sum};
use slod_core::outcome::Cause;
use slod_core::stats::scale::Scale;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Width of a window.
pub const WINDOW: Duration = Duration::from_secs(1);
/// How often each thread checks the clock. The lateness of these checks shows a stalled thread even if
/// nothing else was due.
const TICK: Duration = Duration::from_millis(10);
/// Minimum lateness of a stalled thread: a busy machine may take this long to schedule it.
const STALL: Duration = Duration::from_millis(50);
/// Number of buckets for lags, by powers of two in microseconds.
const LAGS: usize = 40;

/// The counts of one thread in one window.
#[derive(Clone, Debug)]
pub struct ThreadWindow {
    pub number: u64,
    pub started: u64,
    pub dropped: u64,
    /// Dropped starts due to a lack of resources on this machine.
    pub lacking: u64,
    /// Retried requests.
    pub repeated: u64,
    pub good: u64,
    pub failed: Vec<(Cause, u64)>,
    /// Counts by code of a scale without cuts.
    pub latency: Vec<u32>,
    /// The same for the failed requests.
    pub failed_latency: Vec<u32>,
    /// Number of starts by lag: bucket `n` is up to `2^n` microseconds.
    pub lags: [u64; LAGS],
    /// The same for the ticks due in the window.
    pub ticks: [u64; LAGS],
    /// Total time of all users or requests in flight, in seconds.
    pub active: f64,
    pub bytes: ByteCounts,
}

/// Counts for one thread.
pub struct Recorder {
    start: Instant,
    scale: Scale,
    current: ThreadWindow,
    /// The end of the current window.
    end: Instant,
    /// When the next tick is due.
    tick: Instant,
    /// Number of active users or requests in flight, and since when.
    active: usize,
    since: Instant,
    /// Since the start, indexed by the number of the request.
    tallies: Vec<Tally>,
    /// Complete windows that have not been handed over.
    over: VecDeque<ThreadWindow>,
    parts: Sender<ThreadWindow>,
}

/// A completed request.
#[derive(Clone, Copy, Debug)]
pub struct CompletedRequest {
    /// Its number among all requests of the run.
    pub request: usize,
    pub intended: Instant,
    pub result: RequestResult,
}

impl ThreadWindow {
    fn new(number: u64) -> Self {
        Self {
            number,
            started: 0,
            dropped: 0,
            lacking: 0,
            repeated: 0,
            good: 0,
            failed: Vec::new(),
            latency: Vec::new(),
            failed_latency: Vec::new(),
            lags: [0; LAGS],
            ticks: [0; LAGS],
            active: 0.0,
            bytes: ByteCounts::default(),
        }
    }

    /// Adds the counts of another thread in the same window.
    pub fn add(&mut self, other: Self) {
        self.started += other.started;
        self.dropped += other.dropped;
        self.lacking += other.lacking;
        self.repeated += other.repeated;
        self.good += other.good;
        self.active += other.active;
        self.bytes += other.bytes;
        for (cause, count) in other.failed {
            add(&mut self.failed, cause, count);
        }
        sum(&mut self.latency, &other.latency);
        sum(&mut self.failed_latency, &other.failed_latency);
        let lags = self.lags.iter_mut().zip(other.lags);
        let ticks = self.ticks.iter_mut().zip(other.ticks);
        for (all, count) in lags.chain(ticks) {
            *all += count;
        }
    }

    /// The 99th percentile of the lags, to a factor of two.
    pub fn lag(lags: &[u64; LAGS]) -> Duration {
        let total: u64 = lags.iter().sum();
        let needed = total - total / 100;
        let mut sum = 0;
        let found = lags.iter().position(|count| {
            sum += count;
            sum >= needed
        });
        match found {
            Some(bits) if total > 0 => Duration::from_micros(1 << bits),
            _ => Duration::ZERO,
        }
    }
}

fn count_lag(lags: &mut [u64; LAGS], due: Instant, now: Instant) {
    let lag = now.saturating_duration_since(due).as_micros();
    let bits = (u128::BITS - lag.leading_zeros()) as usize;
    lags[bits.min(LAGS - 1)] += 1;
}

impl Recorder {
    /// A recorder for `requests` different requests.
    pub fn new(start: Instant, requests: usize, parts: Sender<ThreadWindow>) -> Self {
        Self {
            start,
            tallies: vec![Tally::default(); requests],
            scale: Scale::new([]),
            current: ThreadWindow::new(0),
            end: start + WINDOW,
            tick: start + TICK,
            active: 0,
            since: start,
            over: VecDeque::new(),
            parts,
        }
    }

    /// Counts a request that starts now and was due at `intended`.
    pub fn started(&mut self, intended: Instant, now: Instant) {
        self.roll(now);
        self.current.started += 1;
        count_lag(&mut self.current.lags, intended, now);
    }

    pub fn dropped(&mut self) {
        self.roll(Instant::now());
        self.current.dropped += 1;
    }

    pub fn ended(&mut self, ended: CompletedRequest) {
        let RequestResult {
            done,
            first,
            ended: at,
            failed_check,
            retry_after,
            is_retried,
            bytes,
            inspected: _,
        } = ended.result;
        self.roll(at);
        self.current.repeated += u64::from(is_retried);
        self.current.bytes += bytes;
        match done {
            Done::Good => self.current.good += 1,
            Done::Failed(cause) => add(&mut self.current.failed, cause, 1),
            Done::NoResources => {
                // It did not start after all.
                self.current.started = self.current.started.saturating_sub(1);
                self.current.dropped += 1;
                self.current.lacking += 1;
                return;
            }
        }
        let latency = at.saturating_duration_since(ended.intended);
        let latency = self.scale.code(latency);
        count(&mut self.current.latency, latency);
        if matches!(done, Done::Failed(_)) {
            count(&mut self.current.failed_latency, latency);
        }
        if let Some(tally) = self.tallies.get_mut(ended.request) {
            tally.add(done, latency, failed_check);
            tally.add_retry_after(retry_after);
            tally.bytes += bytes;
            if let Some(first) = first {
                let after = first.saturating_duration_since(ended.intended);
                tally.add_first(self.scale.code(after));
            }
        }
    }

    /// Takes the tallies of all requests. Must only be called once.
    pub fn take_tallies(&mut self) -> Vec<Tally> {
        std::mem::take(&mut self.tallies)
    }

    /// Adds a user or request in flight.
    pub fn enter(&mut self) {
        self.spend(Instant::now());
        self.active += 1;
    }

    pub fn leave(&mut self) {
        self.spend(Instant::now());
        self.active = self.active.saturating_sub(1);
    }

    /// The remaining windows, including the last one if it is not empty.
    pub fn finish(&mut self, now: Instant) -> VecDeque<ThreadWindow> {
        self.spend(now);
        let last = std::mem::replace(&mut self.current, ThreadWindow::new(u64::MAX));
        if last.started + last.dropped + last.good > 0 || !last.failed.is_empty() {
            self.over.push_back(last);
        }
        std::mem::take(&mut self.over)
    }

    /// Hands over the complete windows.
    pub fn roll(&mut self, now: Instant) {
        while now >= self.end {
            self.count_ticks(self.end, now);
            self.add_active(self.end);
            let next = ThreadWindow::new(self.current.number + 1);
            self.over
                .push_back(std::mem::replace(&mut self.current, next));
            let windows = u32::try_from(self.current.number + 1).unwrap_or(u32::MAX);
            self.end = self.start + WINDOW * windows;
            self.hand_over();
        }
        self.count_ticks(now, now);
    }

    /// When the clock must be checked next.
    pub const fn next_tick(&self) -> Instant {
        self.tick
    }

    /// Counts the ticks due until a moment.
    fn count_ticks(&mut self, until: Instant, now: Instant) {
        while self.tick <= until {
            let is_late = now.saturating_duration_since(self.tick) >= STALL;
            let due = if is_late { self.tick } else { now };
            count_lag(&mut self.current.ticks, due, now);
            self.tick += TICK;
        }
    }

    /// Counts the active time up to now, before the number of active users changes.
    fn spend(&mut self, now: Instant) {
        self.roll(now);
        self.add_active(now);
    }

    fn add_active(&mut self, until: Instant) {
        let until = until.max(self.since);
        self.current.active += (until - self.since).as_secs_f64() * self.active as f64;
        self.since = until;
    }
}

impl Recorder {
    /// Sends as many windows as the channel can hold. The rest follows a second later.
    fn hand_over(&mut self) {
        while let Ok(room) = self.parts.try_reserve() {
            let Some(part) = self.over.pop_front() else {
                return;
            };
            room.send(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::QUEUE;

    #[tokio::test(start_paused = true)]
    async fn a_stalled_thread_is_late_in_every_affected_window() {
        let (parts, mut received) = tokio::sync::mpsc::channel(8);
        let start = Instant::now();
        let mut recorder = Recorder::new(start, 1, parts);
        let mut now = start;
        // It is stalled from 1.5 s to 3.2 s.
        while now < start + Duration::from_secs(5) {
            let stands = now == start + Duration::from_millis(1500);
            now += if stands {
                Duration::from_millis(1700)
            } else {
                TICK
            };
            recorder.roll(now);
        }
        let mut lags = Vec::new();
        while let Ok(part) = received.try_recv() {
            let ticks: u64 = part.ticks.iter().sum();
            assert!((99..=101).contains(&ticks), "{ticks}");
            lags.push(ThreadWindow::lag(&part.ticks));
        }
        let limit = Duration::from_millis(16);
        let is_late: Vec<bool> = lags.iter().map(|lag| *lag > limit).collect();
        assert_eq!(is_late, [false, true, true, true, false], "{lags:?}");
    }

    #[test]
    fn windows_that_find_no_room_are_sent_later() {
        let (parts, mut received) = tokio::sync::mpsc::channel(QUEUE);
        let start = Instant::now();
        let mut recorder = Recorder::new(start, 1, parts);
        let queue = u32::try_from(QUEUE).expect("small");
        recorder.roll(start + WINDOW * (queue + 5));
        assert_eq!((received.len(), recorder.over.len()), (QUEUE, 5));
        let first = received.try_recv().expect("the first second");
        assert_eq!(first.number, 0);
        recorder.roll(start + WINDOW * (queue + 6));
        assert_eq!((received.len(), recorder.over.len()), (QUEUE, 5));
        let mut numbers = Vec::new();
        while let Ok(part) = received.try_recv() {
            numbers.push(part.number);
        }
        let rest = recorder.finish(start + WINDOW * (queue + 6));
        numbers.extend(rest.iter().map(|part| part.number));
        assert!(numbers.into_iter().eq(1..u64::from(queue) + 6));
    }

    #[tokio::test(start_paused = true)]
    async fn windows_are_consecutive_and_on_time() {
        let (parts, mut received) = tokio::sync::mpsc::channel(8);
        let start = Instant::now();
        let mut recorder = Recorder::new(start, 1, parts);
        recorder.enter();
        tokio::time::advance(Duration::from_millis(250)).await;
        let intended = Instant::now() - Duration::from_millis(3);
        recorder.started(intended, Instant::now());
        recorder.enter();
        tokio::time::advance(Duration::from_secs(2)).await;
        recorder.ended(CompletedRequest {
            request: 0,
            intended,
            result: RequestResult {
                done: Done::Failed(Cause::Timeout),
                first: None,
                ended: Instant::now(),
                inspected: Instant::now(),
                failed_check: None,
                retry_after: slod_core::load::RetryAfter::default(),
                is_retried: true,
                bytes: ByteCounts {
                    received: 0,
                    sent: 120,
                },
            },
        });
        recorder.leave();
        let first = received.try_recv().expect("the first second");
        assert_eq!((first.number, first.started), (0, 1));
        assert!((first.active - 1.75).abs() < 1e-9, "{}", first.active);
        assert_eq!(ThreadWindow::lag(&first.lags), Duration::from_micros(4096));
        let second = received.try_recv().expect("the next one");
        assert!((second.active - 2.0).abs() < 1e-9 && second.failed.is_empty());
        assert!(received.try_recv().is_err(), "the third is not complete");
        recorder.roll(start + Duration::from_secs(3));
        let third = received.try_recv().expect("now it is");
        assert_eq!(third.failed, [(Cause::Timeout, 1)]);
        assert_eq!((first.repeated, third.repeated), (0, 1));
        assert_eq!((first.bytes.sent, third.bytes.sent), (0, 120));
        let scale = Scale::new([]);
        let code = third
            .latency
            .iter()
            .position(|count| *count == 1)
            .expect("one");
        let middle = scale.middle(u16::try_from(code).expect("small"));
        assert!(
            (middle.as_secs_f64() / 2.003 - 1.0).abs() < 0.01,
            "{middle:?}"
        );
    }
}
