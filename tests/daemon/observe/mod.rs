//! What collectors report against the kernel's own numbers, and against programs that use a known
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
