//! `slod audit`: answers the performance checklist of a service from measurements.

use super::failure::{CommandResult, Failure};
use super::load::plan::service;
use super::output::show;
use super::run::on_this_thread;
use super::span::read_duration;
use super::{ConfigArg, OutputFormat, exit};
use crate::clock::Clock;
use crate::config::{ProbeSpec, ServiceSpec};
use crate::probe::http::{ResponseFacts, look};
use crate::probe::{Attempt, Trace};
use crate::report::audit::{Audit, gather};
use crate::store::Store;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Name of the service.
    service: String,
    /// How much of its history to read.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = read_duration)]
    span: Duration,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &AuditArgs) -> CommandResult {
    let config = args.config.load()?;
    let service = service(&config, &args.service).map_err(Failure::usage)?;
    let clock = Clock::system();
    on_this_thread(async {
        let responses = responses(service, &clock).await;
        let store = Store::open_read_only(&config.store.path)?;
        let facts = gather(service, responses, &store, clock.now(), args.span)?;
        let audit = Audit::of(&service.name, &facts);
        show(&args.format.of(&audit, Audit::to_text));
        Ok(if audit.is_fine() { exit::OK } else { exit::NO })
    })
}

/// Sends one request to each address, one after the other.
async fn responses<'a>(
    service: &'a ServiceSpec,
    clock: &Clock,
) -> Vec<(&'a ProbeSpec, Result<ResponseFacts, String>)> {
    let mut responses = Vec::new();
    for spec in &service.probes {
        if let Some(preparation) = spec.probe.prepare(spec.timeout) {
            preparation.await;
        }
        let mut attempt = Attempt::new(clock.now(), spec.timeout, Trace::silent());
        if let Some(seen) = look(&*spec.probe, &mut attempt).await {
            responses.push((spec, seen));
        }
    }
    responses
}
