//! The exposition page: per-service families straight from the snapshot, the daemon's own from a
//! registry, both through one writer in text 0.0.4 and OpenMetrics 1.0.0.

pub mod accept;
mod docs;
mod family;
mod host;
mod own;
mod page;
mod samples;
pub mod services;

pub use docs::markdown;
pub use family::{Family, Kind};
pub use own::Own;
pub use page::{Format, Page};

use crate::ledger::Snapshot;

/// The whole page.
pub fn render(format: Format, gzip: bool, snapshot: &Snapshot, own: &Own) -> Vec<u8> {
    let mut page = Page::new(format, gzip);
    own.write(&mut page);
    services::write(&mut page, snapshot);
    page.finish()
}
