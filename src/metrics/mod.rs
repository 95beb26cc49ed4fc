//! The exposition page: the families of the services and of the system straight from their
//! snapshots, the daemon's own from a registry, all through one sink.

mod docs;
mod own;

pub use docs::markdown;
pub use own::SelfMetrics;

use crate::alerting::{self, AlertsView};
use crate::exposition::{Sink, TextFormat, TextSink};
use crate::ledger::{self, LedgerView};
use crate::observe::{self, SystemView};
use crate::runs::{self, RunsView};
use crate::signal::Findings;
use crate::signals;
use std::io;

/// Writes everything to a sink.
pub fn write(
    sink: &mut dyn Sink,
    ledger: &LedgerView,
    alerts: &AlertsView,
    system: &SystemView,
    findings: &Findings,
    runs: &RunsView,
    own: &SelfMetrics,
) {
    own.write(sink);
    observe::metrics::write(sink, system);
    ledger::metrics::write(sink, ledger);
    alerting::metrics::write(sink, ledger, alerts);
    signals::metrics::write(sink, findings);
    runs::metrics::write(sink, runs);
}

/// Writes the whole page as text, and returns the output.
pub fn write_text<W: io::Write>(
    out: W,
    format: TextFormat,
    ledger: &LedgerView,
    alerts: &AlertsView,
    system: &SystemView,
    findings: &Findings,
    runs: &RunsView,
    own: &SelfMetrics,
) -> io::Result<W> {
    let mut sink = TextSink::new(format, out);
    write(&mut sink, ledger, alerts, system, findings, runs, own);
    sink.finish()
}
