//! `slod healthcheck`: one request to the daemon, for containers without a shell.

use super::exit;
use super::output::complain;
use super::run::on_runtime;
use clap::Args;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address of the daemon.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:9771",
        env = "SLOD_ADDRESS"
    )]
    address: SocketAddr,
}

pub fn run(args: &HealthcheckArgs) -> u8 {
    let url = format!("http://{}/-/ready", args.address);
    on_runtime(async {
        match ask(&url).await {
            Ok(()) => exit::OK,
            Err(error) => {
                complain(&format!("slod: {url}: {error}"));
                exit::NO
            }
        }
    })
}

async fn ask(url: &str) -> Result<(), reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(3))
        .no_proxy()
        .build()?;
    client.get(url).send().await?.error_for_status().map(drop)
}
