//! `slod audit`: answers the performance checklist of a service from measurements.

use super::output::{fail, show};
use super::run::on_this_thread;
use super::span::read_duration;
use super::unknown_name::unknown_name;
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
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &AuditArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let Some(service) = config
        .services
        .iter()
        .find(|one| *one.name == *args.service)
    else {
        let known = config.services.iter().map(|one| &*one.name);
        let reason = unknown_name("service", &args.service, known);
        return fail(exit::USAGE, reason);
    };
    let clock = Clock::system();
    on_this_thread(async {
        let responses = responses(service, &clock).await;
        let read = Store::open_read_only(&config.store.path)
            .and_then(|store| gather(service, responses, &store, clock.now(), args.span));
        match read {
            Ok(facts) => {
                let audit = Audit::of(&service.name, &facts);
                show(&args.format.of(&audit, Audit::to_text));
                if audit.is_fine() { exit::OK } else { exit::NO }
            }
            Err(error) => fail(exit::START, error),
        }
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
