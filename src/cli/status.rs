//! `slod status`: the SLOs as a table, from the running daemon or from the store if none runs.

use super::run::on_runtime;
use super::{ConfigArg, OutputFormat, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{RestoreFrom, in_force, restore};
use crate::report::status::Status;
use crate::store::Store;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Ask the daemon at this address instead of the config's, such as 127.0.0.1:9771.
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    address: Option<SocketAddr>,
    /// Redraw every 2 seconds.
    #[arg(long)]
    watch: bool,
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &StatusArgs) -> u8 {
    let config = match args.address {
        Some(_) => None,
        None => match args.config.load() {
            Ok(config) => Some(config),
            Err(code) => return code,
        },
    };
    on_runtime(async {
        loop {
            let status = match status(args, config.as_ref()).await {
                Ok(status) => status,
                Err(reason) => {
                    eprintln!("slod: {reason}");
                    return exit::START;
                }
            };
            if args.watch {
                print!("\x1b[H\x1b[2J");
            }
            print!("{}", args.format.of(&status, Status::to_text));
            if !args.watch {
                return if status.all_within_budget() {
                    exit::OK
                } else {
                    exit::NO
                };
            }
            sleep(Duration::from_secs(2)).await;
        }
    })
}

async fn status(args: &StatusArgs, config: Option<&Config>) -> Result<Status, String> {
    let address = args
        .address
        .or(config.map(|config| config.listen))
        .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 9771)));
    match (ask(reachable(address)).await, config) {
        (Ok(status), _) => Ok(status),
        (Err(_), Some(config)) => from_store(config),
        (Err(reason), None) => Err(format!("no daemon answers at {address}: {reason}")),
    }
}

/// A daemon that listens everywhere is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = if address.is_ipv4() {
            IpAddr::from(Ipv4Addr::LOCALHOST)
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        address.set_ip(loopback);
    }
    address
}

async fn ask(address: SocketAddr) -> Result<Status, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .no_proxy()
        .build()?;
    let answer = client
        .get(format!("http://{address}/api/v1/services"))
        .send()
        .await?;
    answer.error_for_status()?.json().await
}

/// The same numbers, counted from the store.
fn from_store(config: &Config) -> Result<Status, String> {
    let path = &config.store.path;
    let store = Store::open_read_only(path).map_err(|error| {
        format!(
            "no daemon answers at {}, and its store cannot be read: {error}",
            config.listen
        )
    })?;
    let now = Clock::system().now();
    let restored = in_force(config, &store).and_then(|corrections| {
        restore(RestoreFrom {
            config,
            corrections: &corrections,
            store: Some(&store),
            now,
        })
    });
    let mut ledger = restored.map_err(|error| format!("cannot read the store: {error}"))?;
    eprintln!(
        "no daemon answers at {}; computed from the store {}",
        config.listen,
        path.display()
    );
    Ok(Status::of(&ledger.advance(now).snapshot()))
}
