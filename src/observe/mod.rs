//! Observation of the system under the services: collectors sample it, and the observer runs them
//! and publishes a [`SystemView`].

mod cgroup;
mod collector;
mod container;
mod count;
mod counters;
mod disk;
mod host;
mod lines;
pub mod metrics;
mod mounts;
mod network;
mod observer;
mod pressure;
mod process;
mod record;
mod root;
mod run_sampler;
pub mod scrape;
mod unreadable;
mod view;

pub use collector::{COLLECTORS, Collector, CollectorKind};
pub use container::ContainerSampler;
pub use disk::DiskSampler;
pub use host::HostSampler;
pub use network::NetworkSampler;
pub use observer::{Deps, run};
pub use pressure::PressureSampler;
pub use process::ProcessSampler;
pub use record::{Recorder, SeriesNames};
pub use root::HostRoot;
pub use run_sampler::{RunSampler, sampling_interval};
pub use scrape::{
    DropCause, Dropped, HistogramView, QUANTILES, RoleValue, RoleView, ScrapeView, Scraper,
    ServiceMetrics, histogram_quantile, make_monotonic, reading, ways_to_find,
};
pub use unreadable::Unreadable;
pub use view::{
    CollectorView, ContainerView, DiskView, FileSystemView, HostView, NetworkView, PressureView,
    ProcessView, SystemView, Traffic,
};
