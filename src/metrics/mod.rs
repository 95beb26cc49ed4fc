//! The exposition page: services and system directly from their snapshots, the daemon's own metrics from a
//! registry, all written to one sink.

mod docs;
mod gathered;
mod own;
mod remote;
mod sources;
mod store;

pub use docs::markdown;
pub use own::SelfMetrics;
pub use remote::{QUEUE_FULL, REJECTED, REMOVED, RemoteCounters};
pub use sources::{Content, Sources};

use crate::alerting::{self, AlertsView};
use crate::exposition::accept::PageFormat;
use crate::exposition::{ProtobufSink, Sink, TextSink};
use crate::ledger::{self, LedgerView};
use crate::observe::{self, SystemView};
use crate::probe::http::oauth2;
use crate::runs::{self, RunsView};
use crate::signal::Findings;
use crate::signals;
use std::io;

/// Content of the page.
#[derive(Clone, Copy, Debug)]
pub struct MetricsPage<'a> {
    pub ledger: &'a LedgerView,
    pub alerts: &'a AlertsView,
    pub system: &'a SystemView,
    pub findings: &'a Findings,
    pub runs: &'a RunsView,
    pub own: &'a SelfMetrics,
}

/// Writes the whole page to a sink.
pub fn write(sink: &mut dyn Sink, shown: MetricsPage<'_>) {
    shown.own.write(sink);
    oauth2::metrics::write(sink);
    observe::metrics::write(sink, shown.system);
    ledger::metrics::write(sink, shown.ledger);
    alerting::metrics::write(sink, shown.ledger, shown.alerts);
    signals::metrics::write(sink, shown.findings);
    runs::metrics::write(sink, shown.runs);
}

/// Writes the whole page in a format, and returns the output.
pub fn write_page<W: io::Write>(
    out: W,
    format: PageFormat,
    shown: MetricsPage<'_>,
) -> io::Result<W> {
    match format {
        PageFormat::Text(format) => {
            let mut sink = TextSink::new(format, out);
            write(&mut sink, shown);
            sink.finish()
        }
        PageFormat::Protobuf => {
            let mut sink = ProtobufSink::new(out);
            write(&mut sink, shown);
            sink.finish()
        }
    }
}
