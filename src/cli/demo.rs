//! `slod demo`: the main job on three simulated services, ready in seconds.

use super::exit;
use super::run::{cancel_on_request, ended, on_runtime};
use crate::app::{App, Origin};
use crate::clock::Clock;
use crate::demo;
use crate::diagnostic::Source;
use crate::ledger::Snapshot;
use crate::report::status::Status;
use crate::tasks::Tasks;
use crate::yaml::units;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

/// How often the table is drawn where it cannot be drawn over.
const LINE_EVERY: u64 = 5;

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where to serve the pages and metrics.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9771")]
    listen: SocketAddr,
    /// End by itself after this long, such as 2m.
    #[arg(long = "for", value_name = "DURATION", value_parser = read_duration)]
    span: Option<Duration>,
}

fn read_duration(text: &str) -> Result<Duration, String> {
    units::duration(text).ok_or_else(|| "expected a duration such as 30s or 2m".to_owned())
}

pub fn run(args: &DemoArgs) -> u8 {
    let store = match tempfile::Builder::new().prefix("slod-demo-").tempdir() {
        Ok(store) => store,
        Err(error) => {
            eprintln!("slod: no folder for a throw-away store: {error}");
            return exit::START;
        }
    };
    on_runtime(run_in(args, store.path()))
}

async fn run_in(args: &DemoArgs, folder: &Path) -> u8 {
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_request(stop.clone()));
    let mut simulated = Tasks::new(CancellationToken::new());
    let services = match start_services(&mut simulated, &stop).await {
        Ok(services) => services,
        Err(error) => {
            eprintln!("slod: a simulated service cannot listen: {error}");
            return exit::START;
        }
    };
    let text = demo::config(&services, args.listen, &folder.join("slod.db"));
    let origin = Origin::Fixed(Source {
        name: "demo.yaml".to_owned(),
        text,
    });
    let app = match build(origin).await {
        Ok(app) => app,
        Err(reason) => {
            eprintln!("slod: {reason}");
            return exit::START;
        }
    };
    let address = app.address().unwrap_or(args.listen);
    println!(
        "Three simulated services are being watched. Look at\n  http://{address}/          the status page\n  http://{address}/metrics   what Prometheus scrapes\nCtrl-C ends the demo; its data is thrown away.\n"
    );
    let table = tokio::spawn(draw(app.snapshots(), stop.clone()));
    if let Some(span) = args.span {
        let stop = stop.clone();
        tokio::spawn(async move {
            sleep(span).await;
            stop.cancel();
        });
    }
    let code = ended(app.run(stop).await);
    table.abort();
    simulated.drain(Duration::from_secs(2)).await;
    code
}

async fn start_services(
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> std::io::Result<Vec<demo::Simulated>> {
    let mut services = Vec::new();
    for (index, profile) in demo::SERVICES.into_iter().enumerate() {
        let (service, serve) = demo::Simulated::start(index, profile, stop.clone()).await?;
        tasks.spawn(profile.name, serve);
        services.push(service);
    }
    Ok(services)
}

async fn build(origin: Origin) -> Result<App, String> {
    let config = origin.load()?;
    App::build(config, origin, Clock::system())
        .await
        .map_err(|error| error.to_string())
}

/// Draws the table: over itself on a terminal, every few seconds elsewhere.
async fn draw(mut snapshots: watch::Receiver<Arc<Snapshot>>, stop: CancellationToken) {
    let terminal = std::io::stdout().is_terminal();
    let mut tick = interval(Duration::from_secs(1));
    let mut drawn = 0;
    for second in 1_u64.. {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if !terminal && second % LINE_EVERY != 0 {
            continue;
        }
        let text = Status::of(&snapshots.borrow_and_update()).to_text();
        let mut out = std::io::stdout().lock();
        if terminal && drawn > 0 {
            // Up to where the last table began, and clear from there.
            let _ = write!(out, "\x1b[{drawn}A\x1b[J");
        }
        drawn = text.lines().count() + 1;
        let _ = writeln!(out, "{text}");
    }
}
