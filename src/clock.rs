//! The one place where time comes from. Pure code takes `now` as an argument instead.

mod zones;

pub use zones::use_newer_system_zones;

use crate::outcome::{Timestamp, millis};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Wall time for labels. Spans are measured with [`tokio::time::Instant`], which tests
/// can pause.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual {
        start: Instant,
        offset_ms: Arc<AtomicI64>,
    },
}

impl Clock {
    /// The operating system's wall clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that reads `start` now and goes on with tokio's (pausable) time.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual {
            start: Instant::now(),
            offset_ms: Arc::new(AtomicI64::new(start.0)),
        })
    }

    /// Moves a manual clock, as an administrator or a suspended laptop would. No effect on the
    /// system's clock.
    pub fn jump(&self, by_ms: i64) {
        if let Source::Manual { offset_ms, .. } = &self.0 {
            offset_ms.fetch_add(by_ms, Ordering::SeqCst);
        }
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that asks the system"
            )]
            Source::System => Timestamp(match SystemTime::now().duration_since(UNIX_EPOCH) {
                Ok(since) => millis(since),
                Err(before) => -millis(before.duration()),
            }),
            Source::Manual { start, offset_ms } => {
                Timestamp(offset_ms.load(Ordering::SeqCst) + millis(start.elapsed()))
            }
        }
    }
}
