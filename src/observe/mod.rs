//! What happens under the services: the host, sampled with sysinfo.

mod host;

pub use host::{HostSampler, HostView, NetworkView};
