//! `slod demo`: runs the daemon on three simulated services and a temporary store with synthetic history.

mod past;
mod screen;

use super::exit;
use super::failure::{CommandResult, Failure};
use super::log::BufferedLog;
use super::run::{cancel_on_request, ended, on_runtime};
use super::screen::Screen;
use super::span::read_duration;
use crate::app::{App, Origin, Views, check_address};
use crate::clock::Clock;
use crate::demo;
use crate::format::numbers;
use crate::report::status::Status;
use crate::tasks::{Tasks, blocking, threads, unless_panicked};
use crate::units::show_duration;
use clap::Args;
use past::Generated;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Time limit for the last redraw: a pipe that nobody reads must not block the exit.
const LAST_DRAWING: Duration = Duration::from_millis(200);

fn read_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let address = text.parse().ok();
    address.ok_or("expected an address and port such as 127.0.0.1:9771 or [::]:9771")
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address to serve the pages and metrics on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9771", value_parser = read_listen)]
    listen: SocketAddr,
    /// Stop after this time, such as 2m.
    #[arg(long = "for", value_name = "DURATION", value_parser = read_duration)]
    span: Option<Duration>,
}

pub fn run(args: &DemoArgs, log: &BufferedLog) -> CommandResult {
    let folder = tempfile::Builder::new().prefix("slod-demo-").tempdir();
    let folder = folder.map_err(|error| {
        Failure::unavailable(format!(
            "cannot create a temporary folder for the store: {error}"
        ))
    })?;
    let result = on_runtime(run_in(args, folder.path(), log));
    log.release();
    result
}

async fn run_in(args: &DemoArgs, folder: &Path, log: &BufferedLog) -> CommandResult {
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_request(stop.clone()));
    let mut simulated = Tasks::new(CancellationToken::new());
    let started = tokio::select! {
        started = start(args, folder, &mut simulated, &stop) => started,
        // Generating the history takes seconds. An impatient second request would leave the store behind.
        () = stop.cancelled() => return Ok(exit::OK),
    };
    let (app, intro) = started.map_err(Failure::unavailable)?;
    let drawing = Drawing::start(Screen::new(log.clone()), intro, app.views(), &stop);
    let drawing = drawing.map_err(|error| Failure::new(exit::FAILED, threads::refusal(&error)))?;
    if let Some(span) = args.span {
        let stop = stop.clone();
        tokio::spawn(async move {
            sleep(span).await;
            stop.cancel();
        });
    }
    let code = ended(app.run(stop).await);
    simulated.drain(Duration::from_secs(2)).await;
    match drawing.end() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            tracing::error!("cannot write to standard output: {error}");
            Ok(exit::FAILED)
        }
        _ => Ok(code),
    }
}

/// Starts the services, generates their history and builds the daemon that probes them; also returns the
/// text to print first.
async fn start(
    args: &DemoArgs,
    folder: &Path,
    simulated: &mut Tasks,
    stop: &CancellationToken,
) -> Result<(App, String), String> {
    // Generating the history takes seconds.
    check_address(args.listen)
        .map_err(|error| format!("{error}; --listen chooses another address"))?;
    let services = start_services(simulated, stop).await;
    let services =
        services.map_err(|error| format!("cannot start a simulated service: {error}"))?;
    let path = folder.join("slod.yaml");
    let text = demo::config(&services, args.listen);
    std::fs::write(&path, text).map_err(|error| format!("cannot write the config: {error}"))?;
    let origin = Origin::File(path.clone());
    let config = Arc::new(origin.load()?);
    let generating = {
        let config = config.clone();
        blocking(move || past::generate(&config))
    };
    let generated = unless_panicked(generating.await)
        .map_err(|error| format!("cannot generate the history: {error}"))?;
    let app = App::build(Arc::unwrap_or_clone(config), None, origin, Clock::system()).await;
    let app = app.map_err(|error| error.to_string())?;
    let address = app.address().unwrap_or(args.listen);
    Ok((app, intro(address, &path, &generated)))
}

async fn start_services(
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> io::Result<Vec<demo::Simulated>> {
    let mut services = Vec::new();
    for (index, profile) in demo::SERVICES.into_iter().enumerate() {
        let (service, serve) = demo::Simulated::start(index, profile, stop.clone()).await?;
        tasks.spawn(profile.name, serve);
        services.push(service);
    }
    Ok(services)
}

fn intro(address: SocketAddr, config: &Path, generated: &Generated) -> String {
    let count = numbers::count(generated.outcomes as u64);
    let (took, every) = (generated.took.as_secs_f64(), show_duration(demo::INTERVAL));
    let config = shell_word(config);
    format!(
        "Three simulated services with 30 days of synthetic history: {count} outcomes, generated in {took:.1} s.
From now on each is probed every {every}.

  http://{address}/          status page
  http://{address}/metrics   metrics for Prometheus
  slod report --config {config}   report of the last 30 days

Press Ctrl-C to stop. This deletes the store.

"
    )
}

/// The path as one word of a shell, in single quotes if necessary.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Draws the table on a thread of its own: a paused terminal, or a pipe that nobody reads, must not block
/// anything else.
struct Drawing {
    end: mpsc::SyncSender<()>,
    ended: mpsc::Receiver<io::Result<()>>,
}

impl Drawing {
    /// Draws repeatedly. Requests a stop when output can no longer be written.
    fn start(
        mut screen: Screen<io::Stdout>,
        intro: String,
        (mut ledger, alerts): Views,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let (end, until) = mpsc::sync_channel(1);
        let (sender, ended) = mpsc::sync_channel(1);
        let stop = stop.clone();
        let work = move || {
            let mut draw = || -> io::Result<()> {
                screen.print(&intro)?;
                loop {
                    let snapshot = ledger.borrow_and_update().snapshot();
                    let status = Status::of(&snapshot, alerts.borrow().firing());
                    screen::show(&mut screen, &status)?;
                    match until.recv_timeout(screen::pace(&screen)) {
                        Err(mpsc::RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                    }
                }
            };
            let result = draw();
            stop.cancel();
            // The process may end without waiting for the result.
            let _ = sender.send(result);
        };
        thread::Builder::new()
            .name("drawing".to_owned())
            .spawn(work)?;
        Ok(Self { end, ended })
    }

    fn end(self) -> io::Result<()> {
        drop(self.end);
        self.ended.recv_timeout(LAST_DRAWING).unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        let word = |path: &str| shell_word(Path::new(path));
        assert_eq!(
            word("/tmp/slod-demo-x_1/slod.yaml"),
            "/tmp/slod-demo-x_1/slod.yaml"
        );
        assert_eq!(word("/tmp/it's \"me\"/a"), r#"'/tmp/it'\''s "me"/a'"#);
    }
}
