//! `slod healthcheck`: sends one request to the daemon, for containers without a shell.

mod kill;

use super::client::{ClientArgs, Target};
use super::daemon::{Daemon, RequestError, target_of};
use super::failure::{CommandResult, Failure};
use super::output::print_error;
use super::run::on_this_thread;
use super::span::read_duration;
use super::{ConfigArg, exit};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Container runtimes do not wait longer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Time between two attempts before a daemon is killed.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address of the daemon, or a URL such as `https://localhost:9771`.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9771",
        env = "SLOD_ADDRESS"
    )]
    address: Target,
    /// Connect to the address and port of this config, with TLS if it is configured there, and ignore --address. The config must be valid, so --address is the better choice for container health checks.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Also check that the daemon can write its store (`/-/ready`). A restart does not help if it cannot.
    #[arg(long)]
    ready: bool,
    /// Retry for this long, such as `20s`; then kill the daemon if it is on this machine, so that its supervisor restarts it. For containers: Docker does not restart a container that is only unhealthy. Needs `init: true`, because the first process of a container cannot be killed from inside.
    #[arg(long, value_name = "DURATION", value_parser = read_duration, conflicts_with = "ready")]
    kill_after: Option<Duration>,
    #[command(flatten)]
    client: ClientArgs,
}

pub fn run(args: &HealthcheckArgs) -> CommandResult {
    let target = args.target()?;
    let daemon = Daemon::at(target.clone(), &args.client, TIMEOUT)?;
    let path = if args.ready { "/-/ready" } else { "/-/healthy" };
    on_this_thread(async {
        let Err(error) = ask(&daemon, path, args.kill_after.unwrap_or_default()).await else {
            return Ok(exit::OK);
        };
        // A daemon that rejects the request does not hang: the address or the credentials are wrong.
        let is_rejected = matches!(error, RequestError::Refused(_));
        print_error(&format!("slod: {}", error.into_reason()));
        if args.kill_after.is_some() {
            let killed = if is_rejected {
                Err("it answers, so it does not hang".to_owned())
            } else {
                kill::listener(&target)
            };
            print_error(&match killed {
                Ok(pid) => format!("slod: killed the daemon, process {pid}"),
                Err(reason) => format!("slod: the daemon was not killed: {reason}"),
            });
        }
        Ok(exit::NO)
    })
}

impl HealthcheckArgs {
    /// Returns where the daemon is.
    fn target(&self) -> Result<Target, Failure> {
        let Some(path) = &self.config else {
            return Ok(self.address.clone());
        };
        let path = path.clone();
        target_of(&ConfigArg { path }.load()?)
    }
}

/// Retries until a request succeeds, for at most `patience`.
async fn ask(daemon: &Daemon, path: &str, patience: Duration) -> Result<(), RequestError> {
    let end = Instant::now() + patience;
    loop {
        match daemon.check(path).await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
