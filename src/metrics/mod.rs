//! The exposition page: per-service families straight from the snapshot, the daemon's own from a
//! registry, both through one writer in text 0.0.4 and OpenMetrics 1.0.0.

pub mod accept;
mod docs;
mod family;
mod own;
mod page;
mod samples;
pub mod services;

pub use docs::markdown;
pub use family::{Family, Kind};
pub use own::Own;
pub use page::{Format, Page};

use crate::ledger::Snapshot;

/// The whole page. `room` is a guess of its size in bytes.
pub fn render(format: Format, snapshot: &Snapshot, own: &Own, room: usize) -> String {
    let mut page = Page::new(format, room);
    own.write(&mut page);
    services::write(&mut page, snapshot);
    page.finish()
}
