//! Limits the number of concurrent attempts. The end of an attempt only increments a counter, and
//! wakes the schedule, which may run on another thread, only if it is waiting.

use prometheus::IntGauge;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use tokio::sync::Notify;

/// A limited number of slots for attempts.
#[derive(Clone, Debug)]
pub(super) struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    taken: AtomicUsize,
    /// Whether somebody waits for a free slot.
    awaited: AtomicBool,
    freed: Notify,
    gauge: IntGauge,
}

/// The slot of an attempt; freed when this is dropped, however the attempt ended.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    ended: Arc<AtomicBool>,
}

/// Whether the attempt in a slot has ended.
#[derive(Clone, Debug)]
pub(super) struct SlotStatus(Arc<AtomicBool>);

impl SlotStatus {
    pub(super) fn has_ended(&self) -> bool {
        self.0.load(SeqCst)
    }
}

impl Slots {
    /// `gauge` shows how many are taken.
    pub(super) fn new(most: usize, gauge: IntGauge) -> Self {
        Self(Arc::new(Shared {
            most,
            taken: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
            freed: Notify::new(),
            gauge,
        }))
    }

    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(SeqCst)
    }

    /// Takes a slot. If none is free, wait with [`Slots::freed`].
    pub(super) fn take(&self) -> Option<(Slot, SlotStatus)> {
        if !self.count_one() {
            self.0.awaited.store(true, SeqCst);
            // A slot may have become free before waiting started.
            if !self.count_one() {
                return None;
            }
        }
        self.0.gauge.inc();
        let ended = Arc::new(AtomicBool::new(false));
        let slots = self.clone();
        let status = SlotStatus(ended.clone());
        Some((Slot { slots, ended }, status))
    }

    fn count_one(&self) -> bool {
        let more = |taken| (taken < self.0.most).then_some(taken + 1);
        self.0.taken.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    /// Waits for the first slot that becomes free after [`Slots::take`] found none.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    /// Waits until no slot is taken.
    pub(super) async fn all_freed(&self) {
        loop {
            self.0.awaited.store(true, SeqCst);
            if self.taken() == 0 {
                return;
            }
            self.freed().await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let shared = &self.slots.0;
        self.ended.store(true, SeqCst);
        shared.gauge.dec();
        shared.taken.fetch_sub(1, SeqCst);
        if shared.awaited.swap(false, SeqCst) {
            shared.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn waiting_for_a_slot_ends_when_one_becomes_free() {
        let gauge = IntGauge::new("slots", "Taken slots.").expect("valid");
        let slots = Slots::new(2, gauge.clone());
        let (first, status) = slots.take().expect("free");
        let (second, _) = slots.take().expect("free");
        assert_eq!((gauge.get(), status.has_ended()), (2, false));
        assert!(slots.freed().now_or_never().is_none());
        drop(first);
        assert!(status.has_ended());
        let woken = slots.freed().now_or_never();
        assert!(woken.is_none(), "nobody was waiting for a slot");
        let third = slots.take().expect("free again");
        assert!(slots.take().is_none());
        drop(second);
        assert!(slots.freed().now_or_never().is_some());
        assert!(slots.all_freed().now_or_never().is_none());
        drop(third);
        assert!(slots.all_freed().now_or_never().is_some());
        assert_eq!(gauge.get(), 0);
    }
}
