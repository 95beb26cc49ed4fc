//! `slod health`: the healthy indicators and warning signs of a service.

use super::daemon::{Daemon, DaemonArgs};
use super::output::{complain, show};
use super::run::on_runtime;
use super::{OutputFormat, exit};
use crate::report::signals::{HealthAnswer, IndicatorEntry, SignalEntry};
use clap::Args;
use reqwest::Method;
use serde::de::DeserializeOwned;

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct HealthArgs {
    /// The service; the host without one.
    service: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

const EXIT_CODES: &str = "Exit codes: 0 if all known indicators are healthy, 1 if one is not, 2 if the service is unknown or nothing can be said. Warning signs that belong to no indicator are shown and do not change the exit code. Without a service, the signs of the host decide.";

pub fn run(args: &HealthArgs) -> u8 {
    let daemon = match args.daemon.daemon() {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    on_runtime(async {
        let signals = list::<SignalEntry>(&daemon, "/api/v1/signals").await;
        let indicators = list::<IndicatorEntry>(&daemon, "/api/v1/indicators").await;
        match signals.and_then(|signals| Ok((signals, indicators?))) {
            Ok((signals, indicators)) => answer(args, signals, indicators),
            Err(reason) => {
                complain(&format!("slod: {reason}"));
                exit::START
            }
        }
    })
}

async fn list<T: DeserializeOwned>(daemon: &Daemon, path: &str) -> Result<Vec<T>, String> {
    let answer = daemon.send(daemon.request(Method::GET, path)).await?;
    serde_json::from_slice(&answer).map_err(|_| format!("the answer of {path} is not a list"))
}

fn answer(args: &HealthArgs, signals: Vec<SignalEntry>, indicators: Vec<IndicatorEntry>) -> u8 {
    let service = args.service.clone();
    let is_ours = |one: &IndicatorEntry| Some(&one.service) == service.as_ref();
    let answer = HealthAnswer {
        signals: signals
            .into_iter()
            .filter(|one| one.service == service)
            .collect(),
        indicators: indicators.into_iter().filter(is_ours).collect(),
        service,
    };
    if answer.signals.is_empty() && answer.indicators.is_empty() {
        let whose = args.service.as_deref().unwrap_or("the host");
        complain(&format!("slod: nothing is known of {whose} (yet)"));
        return exit::USAGE;
    }
    show(&args.format.of(&answer, HealthAnswer::to_text));
    match answer.is_healthy() {
        Some(true) => exit::OK,
        Some(false) => exit::NO,
        None => exit::USAGE,
    }
}
