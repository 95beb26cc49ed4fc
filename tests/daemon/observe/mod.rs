//! What collectors report, compared with the kernel's numbers, and with programs that use a known
//! amount.

mod collectors;
mod host;
mod processes;

use slod::observe::HostRoot;

fn within(reported: f64, truth: f64, share: f64) -> bool {
    (reported - truth).abs() <= share * truth.abs()
}

fn host() -> HostRoot {
    HostRoot::new("/")
}
