//! `slod health`: the healthy indicators and warning signs of a service.

use super::daemon::DaemonArgs;
use super::failure::{CommandResult, Failure};
use super::output::show;
use super::run::on_this_thread;
use super::{OutputFormat, exit};
use crate::report::signals::HealthAnswer;
use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct HealthArgs {
    /// Name of the service; without it, the host.
    service: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

const EXIT_CODES: &str = "Exit codes: 0 if all known indicators are healthy, 1 if one is not, 2 if the health is unknown, for example of a service in maintenance, 64 if the daemon does not answer or does not know the service. Warning signs that belong to no indicator are shown and do not change the exit code. Without a service, the signs of the host decide.";

pub fn run(args: &HealthArgs) -> CommandResult {
    let daemon = args.daemon.daemon()?;
    on_this_thread(async {
        let path = match &args.service {
            Some(service) => format!(
                "/api/v1/health/{}",
                utf8_percent_encode(service, NON_ALPHANUMERIC)
            ),
            None => "/api/v1/health".to_owned(),
        };
        let report: HealthAnswer = daemon.get(&path).await.map_err(Failure::unavailable)?;
        show(&args.format.of(&report, HealthAnswer::to_text));
        Ok(match report.is_healthy() {
            Some(true) => exit::OK,
            Some(false) => exit::NO,
            None => exit::UNKNOWN,
        })
    })
}
