//! `slod healthcheck`: one request to the daemon, for containers without a shell.

use super::client::{ClientArgs, Target};
use super::daemon::Daemon;
use super::exit;
use super::output::complain;
use super::run::on_runtime;
use clap::Args;
use reqwest::Method;
use std::time::Duration;

/// A container runtime waits no longer.
const TIMEOUT: Duration = Duration::from_secs(3);

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
    #[command(flatten)]
    client: ClientArgs,
}

pub fn run(args: &HealthcheckArgs) -> u8 {
    let daemon = match Daemon::at(args.address.clone(), &args.client, TIMEOUT) {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    on_runtime(async {
        match daemon.send(daemon.request(Method::GET, "/-/ready")).await {
            Ok(_) => exit::OK,
            Err(reason) => {
                complain(&format!("slod: {reason}"));
                exit::NO
            }
        }
    })
}
