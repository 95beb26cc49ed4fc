//! The daemon as a whole: a config is built into an [`App`] (which may fail, and then leaves
//! nothing behind), the app runs, and a stop request drains it.

mod changes;
mod observer;
mod reload;
mod supervisor;

use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{self, Ledger, Plans, Snapshot};
use crate::metrics::SelfMetrics;
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::beats::HeartbeatBoard;
use crate::schedule::{self, ProbeThreads};
use crate::slo::correction::Correction;
use crate::slo::vantage::NetworkGuard;
use crate::store::{Store, StoreError, Writer};
use crate::tasks::Tasks;
use crate::web;
use arc_swap::ArcSwap;
use observer::Wanted;
pub use reload::Origin;
use reload::Reloader;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Outcomes that may wait for the ledger before probes are held back.
const EVENT_QUEUE: usize = 4096;
/// How long running probes may go on after a stop request.
const PROBE_DRAIN: Duration = Duration::from_secs(5);
/// How long the whole daemon may take to stop.
const DRAIN: Duration = Duration::from_secs(15);
/// Connections that may wait to be accepted; the kernel may allow less.
const ACCEPT_QUEUE: u32 = 4096;
/// Open files and sockets to ask the system for.
const OPEN_FILES: u64 = 65_536;

/// Why the daemon could not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error(
        "cannot listen on {address}: {source} (is another slod running, or is the port taken?)"
    )]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the threads for probes cannot be started: {0}")]
    Threads(std::io::Error),
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the store cannot be opened: {0}")]
    Store(#[from] StoreError),
}

/// A daemon that is ready to run.
pub struct App {
    config: Arc<Config>,
    origin: Origin,
    clock: Clock,
    listener: TcpListener,
    threads: ProbeThreads,
    ledger: Ledger,
    vantage: NetworkGuard,
    writer: Writer,
    plans: Plans,
    corrections: Arc<[Correction]>,
    beats: HeartbeatBoard,
    /// The latest tick in the store.
    used_until: Option<Timestamp>,
    own: SelfMetrics,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

/// Why the daemon ended before it was asked to, or did not end in time.
#[derive(Debug, Error)]
pub enum RunError {
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
    #[error("gave up waiting for {0} after {secs} s", secs = DRAIN.as_secs())]
    Stuck(String),
}

impl App {
    /// Binds, opens and restores; no probe runs yet.
    pub async fn build(config: Config, origin: Origin, clock: Clock) -> Result<Self, StartError> {
        raise_open_files();
        let config = Arc::new(config);
        let address = config.listen;
        let listener = listen(address).map_err(|source| StartError::Listen { address, source })?;
        let opened = {
            let (config, clock) = (config.clone(), clock.clone());
            tokio::task::spawn_blocking(move || open(&config, clock)).await
        };
        let Opened {
            mut ledger,
            vantage,
            writer,
            plans,
            corrections,
            beats,
            used_until,
        } = match opened {
            Ok(opened) => opened?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let first = ledger.snapshot(clock.now());
        let (snapshots, _) = watch::channel(Arc::new(first));
        Ok(Self {
            threads: ProbeThreads::start().map_err(StartError::Threads)?,
            own: SelfMetrics::new()?,
            config,
            origin,
            clock,
            listener,
            ledger,
            vantage,
            writer,
            plans,
            corrections,
            beats,
            used_until,
            snapshots,
        })
    }

    /// Where the daemon serves, with the real port.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The pictures that the daemon publishes.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    /// Runs until a stop is requested, then drains: probes end, what they found is kept, the
    /// store is flushed.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let mut tasks = Tasks::new(stop.clone());
        let writer = self.spawn_all(&mut tasks, &stop);
        let ended = tasks.until_stop().await;
        tracing::info!("stopping");
        let stuck = tasks.drain(DRAIN).await;
        // On a thread of its own: closing waits for the disk.
        let closed = tokio::task::spawn_blocking(move || writer.close(DRAIN)).await;
        if !matches!(closed, Ok(true)) {
            return Err(RunError::Stuck("the store".to_owned()));
        }
        match ended {
            Some(name) => Err(RunError::Ended(name)),
            None if stuck.is_empty() => Ok(()),
            None => Err(RunError::Stuck(stuck.join(", "))),
        }
    }

    fn spawn_all(self, tasks: &mut Tasks, stop: &CancellationToken) -> Writer {
        let (store, history) = (self.writer.handle(), self.config.store.path.clone());
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (probe_reloads_in, probe_reloads) = mpsc::channel(1);
        let (ledger_reloads_in, ledger_reloads) = mpsc::channel(1);
        let (requests_in, requests) = mpsc::channel(1);
        let (system_in, system) = watch::channel(Arc::default());
        let (snapshots, clock) = (self.snapshots.subscribe(), self.clock.clone());
        let probes: Vec<_> = self.config.running().cloned().collect();
        let max_concurrent = self.config.max_concurrent_probes;
        let state = web::WebState {
            clock: self.clock.clone(),
            beats: self.beats.clone(),
            snapshots: self.snapshots.subscribe(),
            system,
            own: self.own.clone(),
            streams: web::Streams::default(),
            histories: web::HistoryLimits::default(),
            store: store.clone(),
            history: history.clone(),
            reload: requests_in,
        };
        let probing = self.threads.first().clone();
        tasks.spawn_on(
            &probing,
            "schedule",
            schedule::run(
                probes,
                schedule::Deps {
                    clock: self.clock.clone(),
                    threads: self.threads,
                    beats: self.beats.clone(),
                    used_until: self.used_until,
                    events: events_in,
                    reloads: probe_reloads,
                    stop: stop.clone(),
                    drain: PROBE_DRAIN,
                    max_concurrent,
                    lag: self.own.schedule_lag.clone(),
                    wakeup_lag: self.own.wakeup_lag.clone(),
                    in_flight: self.own.probes_in_flight.clone(),
                },
            ),
        );
        tasks.spawn(
            "ledger",
            ledger::run(
                self.ledger,
                self.vantage,
                self.config.clone(),
                ledger::Deps {
                    clock: self.clock.clone(),
                    events,
                    reloads: ledger_reloads,
                    store,
                    history: history.clone(),
                    plans: self.plans,
                    vantage_lost: self.own.vantage_lost.clone(),
                    snapshots: self.snapshots,
                },
            ),
        );
        let (wanted_in, wanted) = watch::channel(Wanted::of(&self.config));
        tasks.spawn("observer", observer::run(wanted, system_in, stop.clone()));
        let reloader = Reloader {
            origin: self.origin,
            files: self.config.inputs.files.clone(),
            config: self.config,
            corrections: self.corrections,
            beats: self.beats,
            own: self.own,
            clock: self.clock,
            requests,
            history,
            ledger: ledger_reloads_in,
            schedule: probe_reloads_in,
            observer: wanted_in,
        };
        tasks.spawn("reload", reloader.run(stop.clone()));
        tasks.spawn(
            "supervisor",
            supervisor::run(snapshots, clock, stop.clone()),
        );
        tasks.spawn(
            "web",
            web::serve(
                self.listener,
                web::router(state),
                stop.clone().cancelled_owned(),
            ),
        );
        self.writer
    }
}

struct Opened {
    ledger: Ledger,
    vantage: NetworkGuard,
    writer: Writer,
    plans: Plans,
    corrections: Arc<[Correction]>,
    beats: HeartbeatBoard,
    used_until: Option<Timestamp>,
}

/// Opens the store and fills the ledger from it, before anything is written. Blocks.
fn open(config: &Config, clock: Clock) -> Result<Opened, StoreError> {
    let mut store = Store::open(&config.store.path)?;
    let corrections = ledger::in_force(config, &store)?;
    let used_until = store.last_seen()?;
    let beats = HeartbeatBoard::new(store.beats()?);
    let probes = config.running().map(|spec| (&spec.key, &spec.probe));
    beats.listen(clock.now(), probes, |key| {
        // What cannot be read only gives the job its time once more.
        let last = store.last_outcome(key, used_until?).ok().flatten()?;
        Some((last.at, last.outcome.verdict))
    });
    store.configured(&config.running_keys(), clock.now())?;
    let mut ledger = Ledger::new(config, &corrections);
    let plans: Plans = Arc::new(ArcSwap::from_pointee(ledger.plans()));
    let plan = {
        let plans = plans.clone();
        move |key: &ProbeKey| plans.load().get(key).cloned().unwrap_or_default()
    };
    // Hours that ended while nothing ran become counts first, so that they are read as counts.
    while store.compact_step(clock.now(), &plan)? {}
    ledger.restore(&store, clock.now())?;
    ledger::log_ahead(ledger.ahead());
    let vantage = ledger::recalled(config, &store, clock.now())?;
    let held = used_until.unwrap_or_else(|| clock.now());
    ledger.recall_alerts(store.firing_alerts()?, held.min(clock.now()), clock.now());
    let writer = store.writer(clock, config.store.retention, plan)?;
    Ok(Opened {
        ledger,
        vantage,
        writer,
        plans,
        corrections: corrections.into(),
        beats,
        used_until,
    })
}

/// Binds with a long queue, so that a flood of connections does not keep a scraper waiting for
/// its handshake to be tried again.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

/// Thousands of probes need as many sockets; most systems allow them on request.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit < 1024 => {
            tracing::warn!("only {limit} open files are allowed; probes may fail for want of them");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("the limit of open files cannot be raised: {error}"),
    }
}
