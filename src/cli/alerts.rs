//! `slod alerts`: the burn-rate alerts that fire, or that fired in a time range.

use super::daemon::DaemonArgs;
use super::output::{complain, show};
use super::run::on_runtime;
use super::span::When;
use super::{OutputFormat, exit};
use crate::clock::Clock;
use crate::outcome::Timestamp;
use crate::report::alerts::{AlertEntry, to_text};
use crate::store::Store;
use clap::Args;

/// Alerts in one list at most, as in the API: the newest.
const LIMIT: u32 = 10_000;

#[derive(Debug, Args)]
pub struct AlertsArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Alerts that fired since then: a date (2026-11-01), a time (2026-11-01T14:00:00Z), or a duration before now (7d).
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// Alerts that fired before then, in the same formats.
    #[arg(long, value_name = "TIME")]
    to: Option<When>,
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &AlertsArgs) -> u8 {
    let now = Clock::system().now();
    let (from, to) = (
        args.from.map(|from| from.at(now)),
        args.to.map(|to| to.at(now)),
    );
    if from.is_some() && from >= to.or(Some(Timestamp(i64::MAX))) {
        complain("slod: --from is not before --to");
        return exit::USAGE;
    }
    let daemon = match args.daemon.daemon() {
        Ok(daemon) => daemon,
        Err(code) => return code,
    };
    on_runtime(async {
        let stored = |_: &_, store: &Store| {
            let alerts = match (from, to) {
                (None, None) => store.firing_alerts()?,
                (from, to) => store.alerts(
                    from.unwrap_or(Timestamp(0)),
                    to.unwrap_or(Timestamp(i64::MAX)),
                    LIMIT,
                )?,
            };
            Ok(alerts.iter().map(AlertEntry::of).collect())
        };
        let asked: Result<Vec<AlertEntry>, String> = daemon.get_or(&path(from, to), stored).await;
        match asked {
            Ok(alerts) => {
                show(&args.format.of(&alerts, |alerts| to_text(alerts)));
                exit::OK
            }
            Err(reason) => {
                complain(&format!("slod: {reason}"));
                exit::START
            }
        }
    })
}

/// The address of the list.
fn path(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let part = |name: &str, at: Option<Timestamp>| {
        let at = at?
            .to_utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        Some(format!("{name}={at}"))
    };
    let parts: Vec<_> = [part("from", from), part("to", to)]
        .into_iter()
        .flatten()
        .collect();
    format!("/api/v1/alerts?{}", parts.join("&"))
}
