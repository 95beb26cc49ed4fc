//! `slod status`: the SLOs as a table, from the running daemon or from the store if none runs.

use super::client::{ClientArgs, RequestError, Target};
use super::run::on_runtime;
use super::{ConfigArg, OutputFormat, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{RestoreFrom, in_force, restore};
use crate::report::status::Status;
use crate::store::Store;
use crate::web::auth::names_tls;
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Ask the daemon at this address instead of the config's, such as 127.0.0.1:9771 or `https://slod.example.com:9771`.
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    address: Option<Target>,
    #[command(flatten)]
    client: ClientArgs,
    /// Redraw every 2 seconds.
    #[arg(long)]
    watch: bool,
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &StatusArgs) -> u8 {
    let config = match &args.address {
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
    let target = target(args, config)?;
    let client = args.client.client(target, Duration::from_secs(5))?;
    let at = client.target();
    match (client.json("/api/v1/services").await, config) {
        (Ok(status), _) => Ok(status),
        (Err(RequestError::Unreachable(_)), Some(config)) => from_store(config),
        (Err(RequestError::Unreachable(reason)), None) => {
            Err(format!("no daemon answers at {at}: {reason}"))
        }
        (Err(RequestError::Refused(reason)), _) => {
            Err(format!("the daemon at {at} cannot be asked: {reason}"))
        }
    }
}

fn target(args: &StatusArgs, config: Option<&Config>) -> Result<Target, String> {
    if let Some(target) = &args.address {
        return Ok(target.clone());
    }
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 9771));
    let address = config.map_or(default, |config| config.listen);
    let file = config.and_then(|config| config.web.config_file.as_deref());
    let target = Target::at(reachable(address), file.is_some_and(names_tls));
    target.ok_or_else(|| format!("{address} is no address to connect to"))
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
