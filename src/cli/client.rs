//! Requests to a running daemon, for the subcommands that ask it.

use super::{ConfigArg, exit};
use crate::config::Config;
use crate::store::{Store, StoreError};
use crate::text::printable;
use clap::Args;
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The daemon answers from memory; a correction waits for the disk and for a recount.
const TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Thousands of services fit. An address may be that of another program.
const MAX_ANSWER: usize = 64 << 20;

/// Which daemon to ask.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Ask the daemon at this address instead of the config's, such as 127.0.0.1:9771.
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    address: Option<SocketAddr>,
}

impl DaemonArgs {
    /// The daemon, or the exit code once the errors of the config are printed.
    pub fn daemon(&self) -> Result<Daemon, u8> {
        if let Some(address) = self.address {
            return Daemon::at(address, TIMEOUT);
        }
        let config = self.config.load()?;
        let daemon = Daemon::at(config.listen, TIMEOUT)?;
        Ok(Daemon {
            config: Some(config),
            ..daemon
        })
    }
}

/// A daemon that may run, and the config that it would run with.
#[derive(Debug)]
pub struct Daemon {
    client: reqwest::Client,
    address: SocketAddr,
    /// `None` where only an address is known.
    config: Option<Config>,
}

impl Daemon {
    /// One of which only the address is known, or the exit code once the error is printed.
    pub fn at(address: SocketAddr, timeout: Duration) -> Result<Self, u8> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .no_proxy()
            .build();
        match client {
            Ok(client) => Ok(Self {
                client,
                address: reachable(address),
                config: None,
            }),
            Err(error) => {
                eprintln!("slod: cannot make requests: {}", fact(&error));
                Err(exit::START)
            }
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let body = self.send(self.request(Method::GET, path)).await?;
        let not_slod = |_| format!("{} did not answer as slod does", self.address);
        serde_json::from_slice(&body).map_err(not_slod)
    }

    /// What the daemon answers; `stored` reads the same from the store if none answers.
    pub async fn get_or<T: DeserializeOwned>(
        &self,
        path: &str,
        stored: impl FnOnce(&Config, &Store) -> Result<T, StoreError>,
    ) -> Result<T, String> {
        match (self.get(path).await, &self.config) {
            (Err(reason), Some(config)) => from_store(config, &reason, stored),
            (answer, _) => answer,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url)
    }

    /// The body of a successful answer, or the reason why there is none.
    pub async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, String> {
        let unanswered = |error: reqwest::Error| {
            format!("no daemon answers at {}: {}", self.address, fact(&error))
        };
        let mut answer = request.send().await.map_err(unanswered)?;
        let status = answer.status();
        let body = read(&mut answer).await?;
        if status.is_success() {
            return Ok(body);
        }
        let problem = serde_json::from_slice(&body).unwrap_or_default();
        Err(refusal(self.address, status.as_u16(), &problem))
    }
}

async fn read(answer: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    let lost = |error: reqwest::Error| format!("the answer is incomplete: {}", fact(&error));
    while let Some(piece) = answer.chunk().await.map_err(lost)? {
        if body.len() + piece.len() > MAX_ANSWER {
            let most = MAX_ANSWER >> 20;
            return Err(format!("the answer is larger than {most} MiB"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The reason that a problem document (RFC 9457) has.
fn refusal(address: SocketAddr, status: u16, problem: &serde_json::Value) -> String {
    let text = |key: &str| problem[key].as_str().map(printable);
    match (text("title"), text("detail")) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(title), None) => title,
        (None, _) => format!("{address} answered with the HTTP status {status}"),
    }
}

/// The innermost cause of an error: `connection refused`. What wraps it speaks of the program.
pub fn fact(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut reason: &dyn Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    match reason.downcast_ref::<std::io::Error>() {
        Some(error) => error.kind().to_string(),
        None => reason.to_string(),
    }
}

fn from_store<T>(
    config: &Config,
    unanswered: &str,
    read: impl FnOnce(&Config, &Store) -> Result<T, StoreError>,
) -> Result<T, String> {
    let path = config.store.path.display();
    let answer = Store::open_read_only(&config.store.path).and_then(|store| read(config, &store));
    match answer {
        Ok(answer) => {
            eprintln!("{unanswered}; computed from the store {path}");
            Ok(answer)
        }
        Err(error) => Err(format!(
            "{unanswered}; and the store {path} cannot be read: {error}"
        )),
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
