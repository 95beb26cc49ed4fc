//! The exposition page: families of services and system straight from their snapshots, the daemon's
//! own from a registry, both through one writer in text 0.0.4 and OpenMetrics 1.0.0.

pub mod accept;
mod docs;
mod family;
mod info;
mod own;
mod page;
mod samples;
pub mod services;
mod system;

pub use docs::markdown;
pub use family::{Family, Kind};
pub use own::Own;
pub use page::{Format, Page};

use crate::ledger::Snapshot;
use crate::observe::SystemView;

/// The whole page.
pub fn render(
    format: Format,
    gzip: bool,
    snapshot: &Snapshot,
    system: &SystemView,
    own: &Own,
) -> Vec<u8> {
    let mut page = Page::new(format, gzip);
    own.write(&mut page);
    system::write(&mut page, system);
    info::write(&mut page, snapshot);
    services::write(&mut page, snapshot);
    page.finish()
}
