//! `slod status`: shows the SLOs as a table, from the running daemon or from the store if none runs.

use super::daemon::{Daemon, DaemonArgs};
use super::failure::{CommandResult, Failure};
use super::log::takes_color;
use super::output::draw;
use super::run::on_this_thread;
use super::screen::{Size, fitting, is_drawn, size};
use super::unknown_name::unknown_name;
use super::{OutputFormat, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::format::times;
use crate::ledger::{RestoreFrom, in_force, restore};
use crate::report::health::{Health, HealthLevel};
use crate::report::status::Status;
use crate::store::{Store, StoreError};
use crate::text::{escaped_json, printable_lines};
use clap::Args;
use std::io;
use std::time::Duration;
use tokio::time::sleep;

#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Show only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Repeat every 2 seconds: redrawn on a terminal; in JSON, one object per line.
    #[arg(long)]
    watch: bool,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &StatusArgs) -> CommandResult {
    let daemon = args.daemon.daemon()?;
    on_this_thread(async {
        loop {
            let status = status(args, &daemon).await?;
            // A reader that exits early, such as `head`, ends the output.
            let is_read = draw(&render(args, &status));
            if !args.watch || !is_read {
                let is_ok = status.all_within_budget();
                return Ok(if is_ok { exit::OK } else { exit::NO });
            }
            sleep(Duration::from_secs(2)).await;
        }
    })
}

async fn status(args: &StatusArgs, daemon: &Daemon) -> Result<Status, Failure> {
    let asked = daemon.get_or("/api/v1/services", from_store).await;
    let mut status = asked.map_err(Failure::unavailable)?;
    daemon.doubt(status.services.iter().map(|one| &*one.name));
    if let Some(name) = &args.service {
        keep_only(&mut status, name)
            .map_err(|unknown| Failure::usage(daemon.other_shard(name).unwrap_or(unknown)))?;
    }
    Ok(status)
}

fn keep_only(status: &mut Status, name: &str) -> Result<(), String> {
    let known: Vec<&str> = status.services.iter().map(|one| &*one.name).collect();
    if !known.contains(&name) {
        return Err(unknown_name("service", name, known.into_iter()));
    }
    status.services.retain(|service| service.name == name);
    status.alerts.retain(|alert| alert.service == name);
    Ok(())
}

/// Computes the same status from the store.
fn from_store(config: &Config, store: &Store) -> Result<Status, StoreError> {
    let now = Clock::system().now();
    let corrections = in_force(config, store)?;
    let mut ledger = restore(RestoreFrom::new(config, &corrections, Some(store), now))?;
    let firing = store.firing_alerts()?;
    Ok(Status::of(&ledger.advance(now).snapshot(), &firing))
}

fn render(args: &StatusArgs, status: &Status) -> String {
    let color = takes_color(&io::stdout());
    match args.format {
        OutputFormat::Json if args.watch => {
            let line = serde_json::to_string(status).unwrap_or_default();
            escaped_json(&line).into_owned() + "\n"
        }
        OutputFormat::Json => args.format.of(status, Status::to_text),
        OutputFormat::Text if args.watch && is_drawn() => frame(status, size(), color),
        OutputFormat::Text => {
            let text = status.to_text();
            let text = printable_lines(&text);
            if args.watch {
                format!("{} UTC\n{text}\n", times::second(status.at))
            } else if color {
                colored(&text)
            } else {
                text.into_owned()
            }
        }
    }
}

/// The status as text that replaces the content of a terminal. Longer text would scroll it.
fn frame(status: &Status, size: Size, color: bool) -> String {
    let text = status.to_text_within(size.0.saturating_sub(1));
    let lines = fitting(&printable_lines(&text), size).join("\n");
    let text = if color { colored(&lines) } else { lines + "\n" };
    format!("\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n"))
}

/// Colors the state at the end of each line.
fn colored(text: &str) -> String {
    let line = |line: &str| {
        // Longest label first, because `partly down` ends with `down`.
        let ends = Health::ALL.into_iter().filter(|health| {
            let before = line.strip_suffix(health.label());
            before.is_some_and(|before| before.ends_with("  "))
        });
        match ends.max_by_key(|health| health.label().len()) {
            None => format!("{line}\n"),
            Some(health) => {
                let (label, color) = (health.label(), color(health.level()));
                let before = &line[..line.len() - label.len()];
                format!("{before}\x1b[{color}m{label}\x1b[0m\n")
            }
        }
    };
    text.lines().map(line).collect()
}

/// Color number of an escape sequence.
const fn color(level: HealthLevel) -> u8 {
    match level {
        HealthLevel::Bad => 31,
        HealthLevel::Warn => 33,
        HealthLevel::Idle => 2,
        HealthLevel::Ok => 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_does_not_scroll_the_terminal() {
        let status = Status {
            at: chrono::DateTime::UNIX_EPOCH,
            future_outcomes: 1,
            future_until: Some(chrono::DateTime::UNIX_EPOCH),
            services: Vec::new(),
            alerts: Vec::new(),
        };
        let expected =
            "\x1b[HSERVICE  SLO  SLI  BUDGET LE\x1b[K\n(2 more lines; enlarge the t\x1b[K\n\x1b[J";
        assert_eq!(frame(&status, (29, 3), false), expected);
    }

    #[test]
    fn only_the_state_at_the_end_of_a_line_has_a_color() {
        let text = "SERVICE  STATE\nok       partly down\nrag      down\nok       99.9%\n";
        let expected = "SERVICE  STATE\nok       \x1b[31mpartly down\x1b[0m\nrag      \x1b[31mdown\x1b[0m\nok       99.9%\n";
        assert_eq!(colored(text), expected);
    }
}
