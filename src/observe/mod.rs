//! The system under the services: collectors sample it, the observer runs them and publishes a
//! [`SystemView`].

mod collector;
mod host;
pub mod metrics;
mod network;
mod observer;
mod process;
mod record;
pub mod scrape;
mod view;

pub use collector::{COLLECTORS, Collector, CollectorKind};
pub use host::HostSampler;
pub use network::NetworkSampler;
pub use observer::{Deps, run};
pub use process::ProcessSampler;
pub use record::Recorder;
pub use scrape::{
    HistogramView, RoleValue, RoleView, ScrapeView, Scraper, ServiceMetrics, ways_to_find,
};
pub use view::{CollectorView, HostView, NetworkView, ProcessView, SystemView};
