//! The services' own metrics: one task per service scrapes its endpoint, so that a hanging endpoint
//! delays no other; the collector shows their latest results.

mod alternation;
mod breakers;
mod counter;
mod dropped;
mod history;
mod metrics;
mod native;
mod page;
pub mod parse;
mod plan;
mod pools;
mod protobuf;
mod quantile;
mod reading;
mod scan;
mod series;
mod view;
mod watch;

use super::collector::{Collector, CollectorKind, families_of};
use super::view::SystemView;
use crate::clock::Clock;
use crate::config::{Config, MetricsSpec};
pub use dropped::{DropCause, Dropped};
pub use page::PageReader;
pub use plan::{Plan, ways_to_find};
pub use quantile::{make_monotonic, quantile as histogram_quantile};
pub use reading::reading;
pub use scan::{Scan, Scanned};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
pub use view::{
    BreakerView, HistogramView, QUANTILES, RoleValue, RoleView, ScrapeView, ServiceMetrics,
    surplus_errors,
};
use watch::Latest;
pub use watch::Scraper;

pub(super) const SERVICES: CollectorKind = CollectorKind {
    name: "services",
    is_on: |config| config.observe.is_on("services") && config.metrics().next().is_some(),
    start: |config| match Handle::try_current() {
        Ok(handle) => Ok(Box::new(ServiceScrapes::new(config, handle))),
        Err(error) => Err(error.to_string()),
    },
    families: || {
        let mut families = families_of(metrics::SERVICE);
        families.extend(families_of(metrics::SCRAPE));
        families
    },
    write: metrics::write,
};

/// The tasks of all services with metrics.
#[derive(Debug)]
struct ServiceScrapes {
    handle: Handle,
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    spec: Arc<MetricsSpec>,
    latest: tokio::sync::watch::Receiver<Latest>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(spec: &Arc<MetricsSpec>, handle: &Handle) -> Self {
        let (sender, latest) = tokio::sync::watch::channel(Latest::unknown(spec));
        let scraping = watch::watch(spec.clone(), Clock::system(), sender);
        Self {
            spec: spec.clone(),
            latest,
            task: handle.spawn(scraping),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ServiceScrapes {
    fn new(config: &Config, handle: Handle) -> Self {
        let running = config.metrics().map(|spec| Running::start(spec, &handle));
        Self {
            running: running.collect(),
            handle,
        }
    }
}

impl Collector for ServiceScrapes {
    /// A failed scrape is shown with its service; only a task that ended is a failure of the
    /// collector.
    fn collect(&mut self, view: &mut SystemView) -> Result<(), String> {
        let now = Instant::now();
        let mut ended = Ok(());
        for running in &mut self.running {
            let latest = running.latest.borrow().clone();
            if latest.is_scraped {
                view.services.push(latest.at(now, running.spec.interval));
            }
            if running.task.is_finished() {
                ended = Err(format!("{}: its task ended", running.spec.service));
                *running = Running::start(&running.spec, &self.handle);
            }
        }
        ended
    }

    /// Unchanged services keep their counters.
    fn reload(&mut self, config: &Config) {
        let mut old = std::mem::take(&mut self.running);
        for spec in config.metrics() {
            let same = old.iter().position(|running| running.spec == *spec);
            let running = match same {
                Some(at) => old.swap_remove(at),
                None => Running::start(spec, &self.handle),
            };
            self.running.push(running);
        }
    }
}

#[cfg(test)]
mod tests;
