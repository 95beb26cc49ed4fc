//! Groups of windows, without those that do not show the service.

use super::{Reason, Role, Usable};
use crate::load::{Figures, LoadWindow};
use std::ops::Range;
use std::time::Duration;

/// Minimum remaining share of a group that can represent it.
const LEFT_MIN: f64 = 0.5;

/// Consecutive windows of about a given width. Windows that do not show the service are excluded.
#[derive(Clone, Debug)]
pub(in crate::load) struct Chunk<'a> {
    pub start: Duration,
    pub end: Duration,
    pub windows: Vec<&'a LoadWindow>,
}

impl<'a> Usable<'a> {
    /// Groups windows into chunks of a width, or of half the width where a stage ends. Windows that only
    /// wait for the last responses are excluded, as are chunks of which too little remains, and the rest at
    /// the end.
    pub(in crate::load) fn chunks(&self, width: Duration) -> Vec<Chunk<'a>> {
        self.chunks_of(width, Duration::ZERO..Duration::MAX)
    }

    /// Like [`Usable::chunks`], for a part of the run.
    pub(in crate::load) fn chunks_of(
        &self,
        width: Duration,
        part: Range<Duration>,
    ) -> Vec<Chunk<'a>> {
        self.grouped(width, part, |role, waited| role == Role::Loaded && !waited)
    }

    /// Like [`Usable::chunks`], but includes windows in which a lower load than planned was offered, or was
    /// offered late: if a service cannot handle that, it cannot handle the planned load either.
    pub(in crate::load) fn chunks_off_plan(&self, width: Duration) -> Vec<Chunk<'a>> {
        let takes = |role, waited| role == Role::Loaded || is_off_plan(role, waited);
        self.grouped(width, Duration::ZERO..Duration::MAX, takes)
    }

    /// Whether a part of the chunk has such windows.
    pub(in crate::load) fn is_off_plan(&self, chunk: &Chunk<'_>) -> bool {
        let inside = |window: &LoadWindow| (chunk.start..chunk.end).contains(&window.start);
        let mut windows = self.run.windows.iter().zip(self.shown());
        windows.any(|(window, (role, waited))| inside(window) && is_off_plan(role, waited))
    }

    fn grouped(
        &self,
        width: Duration,
        part: Range<Duration>,
        takes: impl Fn(Role, bool) -> bool,
    ) -> Vec<Chunk<'a>> {
        let (mut chunks, mut open) = (Vec::new(), None::<Chunk<'_>>);
        let mut stage = 0;
        for (window, (role, waited)) in self.run.windows.iter().zip(self.shown()) {
            if role == Role::Draining || !part.contains(&window.start) {
                continue;
            }
            let is_next = std::mem::replace(&mut stage, window.stage) != window.stage;
            let is_half = |chunk: &Chunk<'_>| 2 * chunk.end.saturating_sub(chunk.start) >= width;
            if is_next && open.as_ref().is_some_and(is_half) {
                chunks.extend(open.take().filter(Chunk::is_enough));
            }
            let chunk = open.get_or_insert_with(|| Chunk {
                start: window.start,
                end: window.start,
                windows: Vec::new(),
            });
            chunk.end = window.end();
            if takes(role, waited) {
                chunk.windows.push(window);
            }
            if chunk.end.saturating_sub(chunk.start) >= width {
                chunks.extend(open.take().filter(Chunk::is_enough));
            }
        }
        chunks
    }

    /// The figures of `count` consecutive spans of a width from the start on; `None` where too little
    /// remains.
    pub(in crate::load) fn slots(&self, width: Duration, count: u32) -> Vec<Option<Figures>> {
        let slot = |number: u32| {
            let (start, end) = (width * number, width * (number + 1));
            let windows = self.loaded();
            let inside = |one: &&LoadWindow| one.start >= start && one.start < end;
            let windows = windows.filter(inside).collect();
            let chunk = Chunk {
                start,
                end,
                windows,
            };
            chunk.is_enough().then(|| chunk.figures())
        };
        (0..count).map(slot).collect()
    }
}

/// Whether a lower load than planned was offered in a window, or was offered late in it or just before it.
const fn is_off_plan(role: Role, waited: bool) -> bool {
    let is_planned = matches!(role, Role::Loaded);
    (is_planned && waited)
        || matches!(
            role,
            Role::Limited(Reason::Rate | Reason::Lag | Reason::Lack)
        )
}

impl Chunk<'_> {
    pub fn figures(&self) -> Figures {
        Figures::of(self.windows.iter().copied())
    }

    /// The highest planned load.
    pub fn level(&self) -> f64 {
        self.windows.iter().map(|one| one.due).fold(0.0, f64::max)
    }

    /// How late starts were.
    pub fn lag(&self) -> Duration {
        let lags = self.windows.iter().map(|one| one.lag);
        lags.max().unwrap_or_default()
    }

    /// Active users, or requests in flight, on average.
    pub fn active(&self) -> f64 {
        let all = self.windows.iter();
        let weighted: f64 = all.map(|one| one.active * one.length.as_secs_f64()).sum();
        weighted / self.figures().length.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    fn is_enough(&self) -> bool {
        let left: f64 = self
            .windows
            .iter()
            .map(|one| one.length.as_secs_f64())
            .sum();
        let all = self.end.saturating_sub(self.start).as_secs_f64();
        left > 0.0 && left >= LEFT_MIN * all
    }
}
