//! The daemon that a subcommand queries, and its store if none runs.

use super::client::{Client, ClientArgs, Target};
use super::failure::{CommandResult, Failure};
use super::output::{print_error, show};
use super::run::on_this_thread;
use super::{ConfigArg, exit};
use crate::config::Config;
use crate::probe::dial::tls_fault;
use crate::store::{Store, StoreError};
use crate::text::{printable, printable_lines, without_controls};
use clap::Args;
use reqwest::header::{CONTENT_TYPE, HeaderValue, LINK};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cell::Cell;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The daemon answers from memory, but a correction waits for a commit and a recount.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Enough for thousands of services. The address may belong to another program.
const MAX_ANSWER: usize = 64 << 20;

/// Which daemon to query.
#[derive(Debug, Args)]
pub struct DaemonArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Query the daemon at this address instead of the config's, such as 127.0.0.1:9771 or `https://slod.example.com:9771`.
    // No conflict with `config`, which may come from the environment.
    #[arg(long, value_name = "ADDR")]
    address: Option<Target>,
    #[command(flatten)]
    client: ClientArgs,
}

impl DaemonArgs {
    pub fn daemon(&self) -> Result<Daemon, Failure> {
        if let Some(target) = &self.address {
            return Daemon::at(target.clone(), &self.client, TIMEOUT);
        }
        let config = self.config.load_shard()?;
        let target = target_of(&config)?;
        let daemon = Daemon::at(target, &self.client, TIMEOUT)?;
        Ok(Daemon {
            config: Some(config),
            ..daemon
        })
    }
}

/// Returns where the daemon of a config listens.
pub fn target_of(config: &Config) -> Result<Target, Failure> {
    Target::at(reachable(config.listen), config.web.names_tls())
        .ok_or_else(|| Failure::usage(format!("{} is not an address to connect to", config.listen)))
}

/// Queries the daemon, and prints the answer.
pub fn on_daemon(
    args: &DaemonArgs,
    ask: impl AsyncFnOnce(&Daemon) -> Result<String, String>,
) -> CommandResult {
    let daemon = args.daemon()?;
    on_this_thread(async {
        show(&ask(&daemon).await.map_err(Failure::unavailable)?);
        Ok(exit::OK)
    })
}

/// A daemon that may be running, and its config.
#[derive(Debug)]
pub struct Daemon {
    client: Client,
    /// `None` if only an address was given.
    config: Option<Config>,
    /// Whether it was reported that the store is used instead.
    is_reported: Cell<bool>,
}

/// Why there is no usable answer.
pub enum RequestError {
    /// Nothing answers.
    Unreachable(String),
    /// No answer in time, or one that reports a failure of the daemon.
    Failing(String),
    /// Something answers, but not with what was requested.
    Refused(String),
}

impl Daemon {
    /// A daemon with a known address only.
    pub fn at(target: Target, args: &ClientArgs, timeout: Duration) -> Result<Self, Failure> {
        let client = args.client(target, timeout);
        Ok(Self {
            client: client.map_err(Failure::usage)?,
            config: None,
            is_reported: Cell::new(false),
        })
    }

    /// Returns the daemon's answer; `stored` reads the same from the store if the daemon does not answer.
    pub async fn get_or<T: DeserializeOwned>(
        &self,
        path: &str,
        stored: impl FnOnce(&Config, &Store) -> Result<T, StoreError>,
    ) -> Result<T, String> {
        match (self.try_get(path).await, &self.config) {
            (Err(RequestError::Unreachable(reason)), Some(config)) => {
                self.stored(config, &reason, stored)
            }
            (answer, _) => answer.map_err(RequestError::into_reason),
        }
    }

    /// Warns that another daemon, such as the demo, uses the address of the config, if it has none of the
    /// config's services.
    pub fn doubt<'a>(&self, mut services: impl Iterator<Item = &'a str>) {
        let Some(config) = &self.config else { return };
        let is_own = services
            .any(|name| config.service(name).is_some() || config.elsewhere.contains_key(name));
        if !is_own && !config.services.is_empty() && !self.is_reported.replace(true) {
            let at = self.client.target();
            print_error(&format!(
                "slod: the daemon at {at} has none of the config's services: another daemon uses this address"
            ));
        }
    }

    /// Why neither the daemon nor its store knows a service, if another shard observes it.
    pub fn other_shard(&self, service: &str) -> Option<String> {
        self.config.as_ref()?.other_shard(service)
    }

    fn stored<T>(
        &self,
        config: &Config,
        unanswered: &str,
        read: impl FnOnce(&Config, &Store) -> Result<T, StoreError>,
    ) -> Result<T, String> {
        let path = config.store.path.display();
        let answer =
            Store::open_read_only(&config.store.path).and_then(|store| read(config, &store));
        match answer {
            Ok(answer) => {
                if !self.is_reported.replace(true) {
                    print_error(&format!("{unanswered}; computed from the store {path}"));
                }
                Ok(answer)
            }
            Err(error) => Err(format!(
                "{unanswered}; and the store {path} cannot be read: {error}"
            )),
        }
    }

    /// Returns the daemon's answer to a GET request.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.try_get(path).await.map_err(RequestError::into_reason)
    }

    /// Returns the daemon's answer to a JSON document.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, String> {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let answer = self.try_send(request).await;
        answer
            .and_then(|body| self.parsed(&body))
            .map_err(RequestError::into_reason)
    }

    /// Checks that the daemon answers a GET request with success.
    pub async fn check(&self, path: &str) -> Result<(), RequestError> {
        let request = self.request(Method::GET, path);
        self.try_send(request).await.map(drop)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path)
    }

    /// Returns the body of a successful answer, or why there is none.
    pub async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, String> {
        self.try_send(request)
            .await
            .map_err(RequestError::into_reason)
    }

    async fn try_get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RequestError> {
        let body = self.try_send(self.request(Method::GET, path)).await?;
        self.parsed(&body)
    }

    fn parsed<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, RequestError> {
        let mut answer: Value = serde_json::from_slice(body).unwrap_or_default();
        remove_controls(&mut answer);
        serde_json::from_value(answer).map_err(|_| {
            RequestError::Refused(format!(
                "{} did not answer like a slod daemon",
                self.client.target()
            ))
        })
    }

    async fn try_send(&self, request: RequestBuilder) -> Result<Vec<u8>, RequestError> {
        let at = self.client.target();
        let mut answer = request.send().await.map_err(|error| {
            if let Some(fault) = tls_fault(&error) {
                let help = "see --ca-file and --cert-file";
                return RequestError::Refused(format!("cannot query {at}: {fault} ({help})"));
            }
            let fact = fact(&error);
            let failed = || format!("cannot query the daemon at {at}: {fact}");
            if error.is_connect() {
                RequestError::Unreachable(format!("no daemon answers at {at}: {fact}"))
            } else if error.is_timeout() {
                RequestError::Failing(failed())
            } else {
                RequestError::Refused(failed())
            }
        })?;
        let status = answer.status();
        let has_next = answer.headers().contains_key(LINK);
        let body = read(&mut answer).await.map_err(RequestError::Refused)?;
        if status.is_success() {
            if has_next {
                print_error(
                    "slod: only the newest entries are listed; the API returns the others page by page",
                );
            }
            return Ok(body);
        }
        let problem = serde_json::from_slice(&body).unwrap_or_default();
        let mut refusal = refusal(at, status, &problem);
        if problem.is_null() && answer.headers().get(CONTENT_TYPE).is_some_and(is_plain) {
            refusal.push_str(&sentence(&body));
        }
        Err(if status.is_server_error() {
            RequestError::Failing(refusal)
        } else {
            RequestError::Refused(refusal)
        })
    }
}

impl RequestError {
    pub fn into_reason(self) -> String {
        match self {
            Self::Unreachable(reason) | Self::Failing(reason) | Self::Refused(reason) => reason,
        }
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

fn is_plain(media_type: &HeaderValue) -> bool {
    media_type.as_bytes().starts_with(b"text/plain")
}

/// `: ` and the first line of a plain-text answer, such as that of a server that expects TLS.
fn sentence(body: &[u8]) -> String {
    const SHOWN: usize = 200;
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        return String::new();
    }
    format!(": {}", printable(line))
}

/// The reason given by a problem document (RFC 9457).
fn refusal(at: &Target, status: StatusCode, problem: &Value) -> String {
    if status == StatusCode::UNAUTHORIZED {
        return format!("{at} requires authentication (see --token-file and --username)");
    }
    let title = problem["title"].as_str().map(printable);
    let detail = problem["detail"].as_str().map(printable_lines);
    match (title, detail) {
        // The errors of a config, with their lines.
        (Some(title), Some(detail)) if detail.contains('\n') => format!("{title}:\n{detail}"),
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(title), None) => title.into_owned(),
        (None, _) => format!("{at} answered with HTTP status {}", status.as_u16()),
    }
}

/// The innermost cause of an error, such as `connection refused`. The outer ones describe the program.
fn fact(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut reason: &dyn Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    match reason.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        // For example, what is wrong with a name.
        _ => reason.to_string(),
    }
}

/// Removes control characters from every string in the answer, which may come from another program. Names keep
/// all other characters: they are compared with those in the config and in arguments.
fn remove_controls(value: &mut Value) {
    match value {
        Value::String(text) => *text = without_controls(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(remove_controls),
        Value::Object(entries) => entries.values_mut().for_each(remove_controls),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A daemon that listens on all addresses is reached on loopback.
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
