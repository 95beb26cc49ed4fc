//! `slod run`: the daemon.

use super::failure::{CommandResult, Failure};
use super::stop_requests::StopRequests;
use super::{ConfigArg, exit};
use crate::app::{App, Origin, RunError, StartError};
use crate::clock::Clock;
use crate::tasks::threads;
use crate::version;
use clap::Args;
use std::collections::BTreeSet;
use std::io;
use std::num::NonZero;
use std::path::PathBuf;
use std::pin::Pin;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

/// Threads of the daemon or a run in addition to those of the runtime: for attempts, the store, name
/// resolution, expectations and files.
const OTHER_THREADS: usize = 6;
/// How long tasks and blocking work may continue after the result is known.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// TLS, users and response headers, in the web configuration format of Prometheus exporters; replaces
    /// `web.config_file`.
    #[arg(long = "web.config.file", value_name = "FILE", env = "SLOD_WEB_CONFIG")]
    web_config: Option<PathBuf>,
}

pub fn run(args: &RunArgs) -> CommandResult {
    let origin = Origin::File(args.config.path.clone());
    let config = origin.load_with_warnings(&BTreeSet::new());
    let config = config.map_err(Failure::Config)?;
    tracing::info!(
        version = version::VERSION,
        "starting slod {}",
        version::LONG
    );
    on_runtime(async {
        let stop = CancellationToken::new();
        // Not only once the daemon runs: as process 1 of a container it would ignore the request.
        tokio::spawn(cancel_on_request(stop.clone()));
        let building = App::build(config, args.web_config.clone(), origin, Clock::system());
        let built = tokio::select! {
            built = building => built,
            () = stop.cancelled() => {
                tracing::info!("stopped before it was ready");
                return Ok(exit::OK);
            }
        };
        let app = match built {
            Ok(app) => app,
            Err(error @ StartError::Web(_)) => return Err(Failure::usage(error)),
            Err(error) => {
                tracing::error!("{error}");
                return Ok(match error {
                    StartError::Threads(_) => exit::FAILED,
                    _ => exit::START,
                });
            }
        };
        if let Ok(address) = app.address() {
            let scheme = if app.is_secure() { "https" } else { "http" };
            tracing::info!("listening on {scheme}://{address}");
        }
        Ok(ended(app.run(stop).await))
    })
}

/// Logs how the daemon ended.
pub fn ended(result: Result<(), RunError>) -> u8 {
    match result {
        Ok(()) => {
            tracing::info!("stopped");
            exit::OK
        }
        Err(error) => {
            tracing::error!("{error}");
            exit::FAILED
        }
    }
}

/// Runs a future on the multi-threaded runtime.
pub fn on_runtime(work: impl Future<Output = CommandResult>) -> CommandResult {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let found = threads::startable(1 + OTHER_THREADS, processors + OTHER_THREADS);
    let start = |threads| {
        Builder::new_multi_thread()
            .worker_threads(threads - OTHER_THREADS)
            .enable_all()
            .build()
    };
    run_on(found.map(start), Box::pin(work))
}

/// Runs a future that only sends requests on the current thread. Only name resolution uses another one.
pub fn on_this_thread(work: impl Future<Output = CommandResult>) -> CommandResult {
    let start = |_| Builder::new_current_thread().enable_all().build();
    run_on(threads::startable(1, 1).map(start), Box::pin(work))
}

/// Not generic over the work, so that it is compiled only once.
fn run_on(
    started: io::Result<io::Result<Runtime>>,
    work: Pin<Box<dyn Future<Output = CommandResult> + '_>>,
) -> CommandResult {
    let failed = |reason: String| Failure::new(exit::FAILED, reason);
    let started = started.map_err(|error| failed(threads::refusal(&error)))?;
    let runtime =
        started.map_err(|error| failed(format!("cannot start the runtime: {}", error.kind())))?;
    let result = runtime.block_on(work);
    // Dropping the runtime would wait for threads that hang in the file system, without a limit.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    result
}

/// Requests a clean stop on SIGTERM or SIGINT; the second signal exits immediately.
pub async fn cancel_on_request(stop: CancellationToken) {
    let mut requests = match StopRequests::new() {
        Ok(requests) => requests,
        Err(reason) => {
            tracing::error!("{reason}");
            return;
        }
    };
    requests.next().await;
    stop.cancel();
    requests.next().await;
    tracing::warn!("second stop request: exiting immediately");
    std::process::exit(i32::from(exit::FAILED));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::blocking;
    use std::sync::mpsc;

    #[test]
    fn a_thread_that_hangs_does_not_keep_the_process_from_ending() {
        let (release, released) = mpsc::channel::<()>();
        let code = on_runtime(async move {
            let (started, has_started) = tokio::sync::oneshot::channel();
            drop(blocking(move || {
                let _ = started.send(());
                released.recv_timeout(Duration::from_secs(10))
            }));
            has_started.await.expect("it starts");
            Ok(exit::OK)
        });
        assert_eq!(code.expect("it ends"), exit::OK);
        release.send(()).expect("the thread still hangs");
    }
}
