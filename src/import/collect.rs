//! Collects requests in any order into one-second windows.

use super::failures::FailedCheck;
use crate::load::{LoadWindow, RequestFigures, RetryAfter, Transferred};
use crate::outcome::{Cause, Timestamp, millis};
use crate::stats::quantile::Histogram;
use crate::stats::scale::Scale;
use crate::units::{DAY, whole};
use slod_load::close;
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum length of a run in seconds: a week. Later requests are omitted, as their clock was probably set.
const SECONDS_MAX: i64 = 7 * DAY.as_secs() as i64;
const SECOND: Duration = Duration::from_secs(1);
/// Maximum number of request names in a result. With more, which are probably URLs with values, nothing is
/// counted by name.
const NAMES_MAX: usize = 50;
/// Maximum length of such a name in bytes.
const NAME_MAX: usize = 300;
/// Maximum length of the description of a failure, in characters.
const EXAMPLE_MAX: usize = 300;

/// One request as measured by the client.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest {
    pub ended: Timestamp,
    pub latency: Duration,
    pub failed: Option<Cause>,
    /// The status of its response, if known.
    pub status: Option<u16>,
}

#[derive(Debug)]
pub struct Collector {
    scale: Scale,
    /// When the first second began; until this is known, the first event sets it.
    origin: Option<Timestamp>,
    /// By their number.
    seconds: BTreeMap<i64, Second>,
    /// The number of the first second that was not taken yet.
    open: i64,
    /// The last known number of users.
    active: Option<f64>,
    /// When the first request began and the last one ended.
    span: Option<(Timestamp, Timestamp)>,
    /// Whether timestamps are more precise than a second.
    is_exact: bool,
    /// The figures of requests that are also counted by name.
    named: Vec<RequestFigures>,
    /// How many names may still be added; with the last one, all are dropped.
    names_left: usize,
    /// A description of the first failure of each cause.
    examples: Vec<(Cause, String)>,
}

#[derive(Debug, Default)]
struct Second {
    good: u64,
    failed: BTreeMap<Cause, u64>,
    dropped: u64,
    latency: Histogram,
    failed_latency: Histogram,
    users: Option<f64>,
    transferred: Transferred,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            scale: Scale::new([]),
            origin: Some(Timestamp(0)),
            names_left: NAMES_MAX + 1,
            seconds: BTreeMap::new(),
            open: i64::MIN,
            active: None,
            span: None,
            is_exact: false,
            named: Vec::new(),
            examples: Vec::new(),
        }
    }
}

impl Collector {
    /// A collector for a run that begins with its first event.
    pub fn following() -> Self {
        Self {
            origin: None,
            open: 0,
            names_left: 0,
            ..Self::default()
        }
    }

    pub fn request(&mut self, seen: ClientRequest) {
        self.requests(seen, 1);
    }

    /// Adds several identical requests.
    pub fn requests(&mut self, seen: ClientRequest, count: u32) {
        let code = self.scale.code(seen.latency);
        self.extend(seen);
        if let (Some(cause @ (Cause::Status | Cause::RateLimited)), Some(status)) =
            (seen.failed, seen.status)
        {
            self.example(cause, || format!("status {status}"));
        }
        let second = self.second(seen.ended);
        second.latency.add(code, count.into());
        match seen.failed {
            None => second.good += u64::from(count),
            Some(cause) => {
                *second.failed.entry(cause).or_default() += u64::from(count);
                second.failed_latency.add(code, count.into());
            }
        }
    }

    fn extend(&mut self, seen: ClientRequest) {
        let latency = millis(seen.latency);
        let (began, ended) = (seen.ended.0.saturating_sub(latency), seen.ended);
        self.is_exact |= ended.0 % 1000 != 0;
        let (first, last) = self.span.unwrap_or((Timestamp(began), ended));
        self.span = Some((first.min(Timestamp(began)), last.max(ended)));
    }

    /// Sets the names of the requests that are also counted separately.
    pub fn name(&mut self, names: Vec<String>) {
        let figures = names.into_iter().map(|name| RequestFigures {
            name,
            ..RequestFigures::default()
        });
        self.named = figures.collect();
    }

    /// Adds several identical requests of a name.
    pub fn requests_of(&mut self, name: &str, seen: ClientRequest, count: u32) {
        self.requests(seen, count);
        let code = self.scale.code(seen.latency);
        if let Some(figures) = self.figures(name) {
            figures.latency.add(code, count.into());
            match seen.failed {
                None => figures.good += u64::from(count),
                Some(cause) => fail(&mut figures.failed, cause, count),
            }
        }
    }

    /// The figures of a name, which is added if its result may have more names.
    fn figures(&mut self, name: &str) -> Option<&mut RequestFigures> {
        if let Some(place) = self.named.iter().position(|one| one.name == name) {
            return self.named.get_mut(place);
        }
        if name.is_empty() || name.len() > NAME_MAX {
            return None;
        }
        self.names_left = self.names_left.checked_sub(1)?;
        if self.names_left == 0 {
            self.named.clear();
            return None;
        }
        self.named.push(RequestFigures {
            name: name.to_owned(),
            ..RequestFigures::default()
        });
        self.named.last_mut()
    }

    /// Turns answers that were counted as good in this second, or in the one before, into failures.
    pub fn fail_good(&mut self, at: Timestamp, cause: Cause, count: u32) {
        let number = self.number(at);
        let is_counted = |second: &&mut Second| second.good >= u64::from(count);
        let mut near = self.seconds.range_mut(number - 1..=number).rev();
        if let Some(second) = near.find_map(|(_, one)| Some(one).filter(is_counted)) {
            second.good -= u64::from(count);
            *second.failed.entry(cause).or_default() += u64::from(count);
        }
    }

    /// Records which check answers of a name failed. With `recount`, they were counted as good before.
    pub fn failed_check(&mut self, name: &str, check: FailedCheck<'_>, count: u32, recount: bool) {
        let Some(figures) = self.named.iter_mut().find(|one| one.name == name) else {
            return;
        };
        if recount && figures.good >= u64::from(count) {
            figures.good -= u64::from(count);
            fail(&mut figures.failed, check.cause(), count);
        }
        let (counts, name) = match check {
            FailedCheck::Missing(name) => (&mut figures.missing, name),
            FailedCheck::Unmet(name) => (&mut figures.unmet, name),
        };
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known += u64::from(count),
            None => counts.push((name.to_owned(), u64::from(count))),
        }
    }

    /// Records what a response of a name with status 429 asked for.
    pub fn retry_after(&mut self, name: &str, asked: RetryAfter) {
        if let Some(figures) = self.named.iter_mut().find(|one| one.name == name) {
            let known = figures.retry_after.unwrap_or_default();
            figures.retry_after = Some(known.and(asked));
        }
    }

    /// Describes a failure, unless one of its cause is known.
    pub fn example(&mut self, cause: Cause, words: impl FnOnce() -> String) {
        if self.examples.iter().all(|(known, _)| *known != cause) {
            let words = words().chars().take(EXAMPLE_MAX).collect();
            self.examples.push((cause, words));
        }
    }

    /// Sets the start of the run, unless something was recorded before.
    pub fn begin(&mut self, at: Timestamp) {
        self.origin.get_or_insert(at);
    }

    /// Records the number of users at a moment.
    pub fn users(&mut self, at: Timestamp, users: f64) {
        self.second(at).users = Some(users);
    }

    /// Records starts that were due but not made.
    pub fn dropped(&mut self, at: Timestamp, count: u64) {
        let second = self.second(at);
        second.dropped = second.dropped.saturating_add(count);
    }

    /// Records bytes that were transferred up to a moment.
    pub fn transferred(&mut self, at: Timestamp, bytes: Transferred) {
        let second = self.second(at);
        second.transferred = second.transferred.and(bytes);
    }

    /// Records bytes of the requests of a name.
    pub fn transferred_of(&mut self, name: &str, at: Timestamp, bytes: Transferred) {
        self.transferred(at, bytes);
        if let Some(figures) = self.named.iter_mut().find(|one| one.name == name) {
            figures.transferred = figures.transferred.and(bytes);
        }
    }

    fn second(&mut self, at: Timestamp) -> &mut Second {
        let number = self.number(at);
        self.seconds.entry(number).or_default()
    }

    /// Late events count in the first open second.
    fn number(&mut self, at: Timestamp) -> i64 {
        let origin = self.origin.get_or_insert(at);
        at.0.saturating_sub(origin.0)
            .div_euclid(1000)
            .max(self.open)
    }

    /// When the first second began; `None` before the first event.
    pub const fn began(&self) -> Option<Timestamp> {
        self.origin
    }

    /// When the last request ended, since the start.
    pub fn ended(&self) -> Option<Duration> {
        Some(self.span?.1.since(self.origin?))
    }

    /// The number of the last second with data.
    pub fn last(&self) -> Option<i64> {
        self.seconds.last_key_value().map(|(second, _)| *second)
    }

    /// Takes the next second.
    pub fn take(&mut self) -> LoadWindow {
        let number = self.open;
        let second = self.seconds.remove(&number);
        self.open = number + 1;
        let users = second.as_ref().and_then(|one| one.users);
        // The number of users is first known after the first second.
        let next = || self.seconds.values().find_map(|one| one.users);
        self.active = users.or(self.active).or_else(next);
        window(number, self.active.unwrap_or_default(), second.as_ref())
    }

    pub fn examples(&self) -> &[(Cause, String)] {
        &self.examples
    }

    pub fn take_examples(&mut self) -> Vec<(Cause, String)> {
        std::mem::take(&mut self.examples)
    }

    /// Takes the figures that were counted by name.
    pub fn take_named(&mut self) -> Vec<RequestFigures> {
        std::mem::take(&mut self.named)
    }

    /// Returns the start, the windows, and the number of requests beyond the maximum length; `None` without
    /// any request.
    pub fn finish(self) -> Option<(Timestamp, Vec<LoadWindow>, u64)> {
        let has_requests = |second: &Second| second.good > 0 || !second.failed.is_empty();
        let (first, _) = self.seconds.iter().find(|(_, one)| has_requests(one))?;
        let first = *first;
        let mut kept = self.seconds.range(first..first + SECONDS_MAX).rev();
        let last = kept.find(|(_, one)| has_requests(one));
        let last = last.map_or(first, |(second, _)| *second);
        // The number of users may be known earlier than the first request, or only later.
        let before = self.seconds.range(..first).rev();
        let mut known = before.chain(self.seconds.range(first..));
        let users = known.find_map(|(_, one)| one.users);
        let (mut windows, mut users) = (Vec::new(), users.unwrap_or_default());
        for number in first..=last {
            let second = self.seconds.get(&number);
            users = second.and_then(|one| one.users).unwrap_or(users);
            windows.push(window(number - first, users, second));
        }
        let later = self.seconds.range(last + 1..);
        let later = later.map(|(_, one)| one.good + one.failed.values().sum::<u64>());
        let later = later.sum();
        let from = self.trim(first, &mut windows);
        Some((from, windows, later))
    }
}

impl Collector {
    /// Shortens the first and the last window to the part that the run covers, if timestamps are precise.
    /// Returns the start of the run.
    fn trim(&self, first: i64, windows: &mut Vec<LoadWindow>) -> Timestamp {
        let whole = Timestamp::from_secs(first);
        let Some((began, ended)) = self.span.filter(|_| self.is_exact) else {
            return whole;
        };
        // A request that began in an earlier second counts in the window of its end.
        let unused = began.0.saturating_sub(whole.0).clamp(0, 999);
        let unused = Duration::from_millis(u64::try_from(unused).unwrap_or(0));
        let length = ended.0.saturating_sub(whole.0);
        close(
            windows,
            Duration::from_millis(u64::try_from(length).unwrap_or(0)),
        );
        for (place, window) in windows.iter_mut().enumerate() {
            if place == 0 {
                window.length = window
                    .length
                    .saturating_sub(unused)
                    .max(Duration::from_millis(1));
            } else {
                window.start = window.start.saturating_sub(unused);
            }
        }
        whole.after(unused)
    }
}

fn window(number: i64, users: f64, second: Option<&Second>) -> LoadWindow {
    let failed: Vec<_> = second
        .iter()
        .flat_map(|one| one.failed.iter().map(|(cause, count)| (*cause, *count)))
        .collect();
    let good = second.map_or(0, |one| one.good);
    let latency = second.map(|one| one.latency.clone()).unwrap_or_default();
    let failed_latency = second.map(|one| one.failed_latency.clone());
    LoadWindow {
        start: SECOND * u32::try_from(number).unwrap_or(u32::MAX),
        length: SECOND,
        due: users,
        active: users,
        started: good + failed.iter().map(|(_, count)| count).sum::<u64>(),
        dropped: second.map_or(0, |one| one.dropped),
        good,
        failed,
        latency,
        failed_latency: failed_latency.unwrap_or_default(),
        transferred: second.map(|one| one.transferred).unwrap_or_default(),
        ..LoadWindow::default()
    }
}

fn fail(failed: &mut Vec<(Cause, u64)>, cause: Cause, count: u32) {
    match failed.iter_mut().find(|(known, _)| *known == cause) {
        Some((_, known)) => *known += u64::from(count),
        None => failed.push((cause, u64::from(count))),
    }
}

/// Distributes this many requests over latencies with these percentiles: requests between two percentiles
/// count as the higher one, and requests above the last one as the last one. The shares must increase.
pub fn spread(
    requests: u64,
    percentiles: &[(f64, Duration)],
) -> impl Iterator<Item = (Duration, u64)> {
    let last = percentiles.len().saturating_sub(1);
    let mut done = 0;
    let each = percentiles.iter().enumerate();
    each.filter_map(move |(place, (share, latency))| {
        let until = if place == last {
            requests
        } else {
            whole(requests as f64 * share).min(requests)
        };
        let count = until.saturating_sub(done);
        done += count;
        (count > 0).then_some((*latency, count))
    })
}
