//! `slod healthcheck`: one request to the daemon, for containers without a shell.

use super::client::{Client, ClientArgs, Target};
use super::exit;
use super::run::on_runtime;
use clap::Args;
use reqwest::Method;
use std::time::Duration;

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
    let client = match args
        .client
        .client(args.address.clone(), Duration::from_secs(3))
    {
        Ok(client) => client,
        Err(reason) => {
            eprintln!("slod: {reason}");
            return exit::USAGE;
        }
    };
    on_runtime(async {
        match ask(&client).await {
            Ok(()) => exit::OK,
            Err(error) => {
                eprintln!("slod: {}/-/ready: {error}", client.target());
                exit::NO
            }
        }
    })
}

async fn ask(client: &Client) -> Result<(), reqwest::Error> {
    let response = client.request(Method::GET, "/-/ready").send().await?;
    response.error_for_status().map(drop)
}
