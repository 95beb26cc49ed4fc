//! `slod status`: the SLOs as a table, from the running daemon or from the store if none runs.

use super::output::{complain, show};
use super::run::on_runtime;
use super::{ConfigArg, OutputFormat, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{RestoreFrom, in_force, restore};
use crate::report::status::Status;
use crate::store::Store;
use crate::text::printable;
use clap::Args;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::time::sleep;

/// Bytes of a daemon's answer: ten thousand services take about as much.
const ANSWER_MAX: usize = 64 << 20;
const ANSWER_TIME: Duration = Duration::from_secs(5);

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
                    complain(&format!("slod: {reason}"));
                    return exit::START;
                }
            };
            if args.watch {
                print!("\x1b[H\x1b[2J");
            }
            show(&args.format.of(&status, Status::to_text));
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

/// Whoever answers is not trusted: it may be another program.
async fn ask(address: SocketAddr) -> Result<Status, String> {
    let body = fetch(address).await?;
    let mut answer: Value = serde_json::from_slice(&body)
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    make_printable(&mut answer);
    serde_json::from_value(answer)
        .map_err(|error| format!("the answer is not the status of a slod: {error}"))
}

async fn fetch(address: SocketAddr) -> Result<Vec<u8>, String> {
    let words = |error: reqwest::Error| error.to_string();
    let client = reqwest::Client::builder()
        .timeout(ANSWER_TIME)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(words)?;
    let url = format!("http://{address}/api/v1/services");
    let answer = client.get(url).send().await.map_err(words)?;
    let mut answer = answer.error_for_status().map_err(words)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(words)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            let limit = ANSWER_MAX >> 20;
            return Err(format!("the answer is larger than {limit} MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The same with every text and name safe to show.
fn make_printable(value: &mut Value) {
    match value {
        Value::String(text) => *text = printable(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(make_printable),
        Value::Object(entries) => entries.values_mut().for_each(make_printable),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
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
    complain(&format!(
        "no daemon answers at {}; computed from the store {}",
        config.listen,
        path.display()
    ));
    Ok(Status::of(&ledger.advance(now).snapshot()))
}
