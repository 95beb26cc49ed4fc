//! What happens under the services: the host by sysinfo, processes by `/proc`.

mod host;
pub mod metrics;
mod network;
mod process;
mod view;

pub use host::HostSampler;
pub use network::NetworkSampler;
pub use process::ProcessSampler;
pub use view::{CollectorView, HostView, NetworkView, ProcessView, SystemView};
