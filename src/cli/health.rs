//! `slod health`: the healthy indicators and warning signs of a service.

use super::daemon::DaemonArgs;
use super::output::{complain, show};
use super::run::on_runtime;
use super::{OutputFormat, exit};
use crate::report::signals::{SignalEntry, to_text};
use clap::Args;
use reqwest::Method;

#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The service; the host without one.
    service: Option<String>,
    #[command(flatten)]
    daemon: DaemonArgs,
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &HealthArgs) -> u8 {
    let daemon = match args.daemon.daemon() {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    on_runtime(async {
        let request = daemon.request(Method::GET, "/api/v1/signals");
        let read = daemon.send(request).await.and_then(|answer| {
            let all: Result<Vec<SignalEntry>, _> = serde_json::from_slice(&answer);
            all.map_err(|_| "the answer is not a list of signals".to_owned())
        });
        match read {
            Ok(all) => {
                let is_wanted = |one: &SignalEntry| one.service == args.service;
                let wanted: Vec<SignalEntry> = all.into_iter().filter(is_wanted).collect();
                if wanted.is_empty() {
                    complain("slod: no signals of this service are known yet");
                    return exit::USAGE;
                }
                let title = args.service.as_deref().unwrap_or("host");
                show(&args.format.of(&wanted, |signs| to_text(title, signs)));
                if wanted.iter().any(SignalEntry::is_active) {
                    exit::NO
                } else {
                    exit::OK
                }
            }
            Err(reason) => {
                complain(&format!("slod: {reason}"));
                exit::START
            }
        }
    })
}
