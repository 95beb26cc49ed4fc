//! The daemon as a whole: a config is built into an [`App`] (which may fail, and then leaves
//! nothing behind), the app runs, and a stop request drains it.

mod budgets;
mod changes;
mod heartbeats;
mod reload;
mod supervisor;

pub use budgets::recall_budgets;
pub use heartbeats::recall_heartbeats;

use crate::alert::Decisions;
use crate::alerting::{self, AlertsView, LiveAlerts};
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{self, Ledger, LedgerView, Plans, RestoreFrom};
use crate::metrics::SelfMetrics;
use crate::notify::{self, Notifier, Waker};
use crate::observe::{self, Recorder, SystemView};
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::heartbeat::HeartbeatBoard;
use crate::runs::{self, Digests, RunsView};
use crate::schedule::{self, ProbeThreads, StallDetector};
use crate::signal::Findings;
use crate::signals;
use crate::slo::vantage::NetworkGuard;
use crate::store::{Store, StoreError, Writer};
use crate::tasks::Tasks;
use crate::web::{self, Access, Liveness};
use arc_swap::ArcSwap;
pub use reload::Origin;
use reload::{IsRead, Reloader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinError;
use tokio::time::Instant;
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
        "cannot listen on {address}: {source} (is another slod running, or is the port in use?)"
    )]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the web configuration is invalid:\n{0}")]
    Web(String),
    #[error("cannot start the probe threads: {0}")]
    Threads(std::io::Error),
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot open the store {}: {source}", path.display())]
    Store { path: PathBuf, source: StoreError },
}

/// The state of all services, and the alerts that fire.
pub type Views = (
    watch::Receiver<Arc<LedgerView>>,
    watch::Receiver<Arc<AlertsView>>,
);

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
    heartbeats: HeartbeatBoard,
    /// The latest tick in the store.
    used_until: Option<Timestamp>,
    own: SelfMetrics,
    access: Access,
    alerts: LiveAlerts,
    ledger_views: watch::Sender<Arc<LedgerView>>,
    alert_views: watch::Sender<Arc<AlertsView>>,
    decisions: watch::Sender<Arc<Decisions>>,
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
    /// Binds, opens and restores; no probe runs yet. `web_config` replaces the file that the config
    /// names.
    pub async fn build(
        config: Config,
        web_config: Option<PathBuf>,
        origin: Origin,
        clock: Clock,
    ) -> Result<Self, StartError> {
        raise_open_files();
        let config = Arc::new(config);
        let own = SelfMetrics::new()?;
        let address = config.listen;
        let access = {
            let (web, own) = (config.web.clone(), own.clone());
            let read = move || Access::new(&web, web_config, address.ip().is_loopback(), own);
            unless_panicked(tokio::task::spawn_blocking(read).await).map_err(StartError::Web)?
        };
        let listener = listen(address).map_err(|source| StartError::Listen { address, source })?;
        let opened = {
            let (config, clock) = (config.clone(), clock.clone());
            tokio::task::spawn_blocking(move || open(&config, clock)).await
        };
        let Opened {
            mut ledger,
            alerts,
            decisions,
            vantage,
            writer,
            plans,
            heartbeats,
            used_until,
        } = unless_panicked(opened).map_err(|source| StartError::Store {
            path: config.store.path.clone(),
            source,
        })?;
        let first = ledger.advance(clock.now()).view();
        let (alert_views, _) = watch::channel(Arc::new(alerts.view(first.at, &config.alerts)));
        let (ledger_views, _) = watch::channel(Arc::new(first));
        Ok(Self {
            threads: ProbeThreads::start().map_err(StartError::Threads)?,
            own,
            access,
            config,
            origin,
            clock,
            listener,
            ledger,
            alerts,
            vantage,
            writer,
            plans,
            heartbeats,
            used_until,
            ledger_views,
            alert_views,
            decisions: watch::channel(Arc::new(decisions)).0,
        })
    }

    /// Where the daemon serves, with the real port.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether it serves HTTPS.
    pub fn is_secure(&self) -> bool {
        self.access.rules().file.tls.is_some()
    }

    /// What the daemon publishes.
    pub fn views(&self) -> Views {
        (self.ledger_views.subscribe(), self.alert_views.subscribe())
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

    fn web_state(
        &self,
        (liveness, configs): (Liveness, watch::Receiver<Arc<Config>>),
        (digests, runs): (Digests, watch::Receiver<Arc<RunsView>>),
        (system, findings): (
            watch::Receiver<Arc<SystemView>>,
            watch::Receiver<Arc<Findings>>,
        ),
        reload: mpsc::Sender<web::ReloadRequest>,
        ledger: mpsc::Sender<ledger::Recount>,
    ) -> web::WebState {
        web::WebState {
            clock: self.clock.clone(),
            heartbeats: self.heartbeats.clone(),
            ledger_views: self.ledger_views.subscribe(),
            alerts: self.alert_views.subscribe(),
            decisions: self.decisions.clone(),
            system,
            findings,
            own: self.own.clone(),
            streams: web::Streams::default(),
            access: self.access.clone(),
            histories: web::HistoryLimits::default(),
            configs,
            liveness,
            digests,
            runs,
            store: self.writer.handle(),
            history: self.config.store.path.clone(),
            reload,
            ledger,
        }
    }

    /// What routes notices, and what delivers them.
    fn delivery(
        &self,
        configs: &watch::Sender<Arc<Config>>,
        stop: &CancellationToken,
    ) -> (Notifier, notify::Deps) {
        let (store, waker) = (self.writer.handle(), Waker::default());
        let notifier = Notifier::new(configs.subscribe(), waker.clone());
        let deps = notify::Deps {
            clock: self.clock.clone(),
            configs: configs.subscribe(),
            states: self.ledger_views.subscribe(),
            alerts: self.alert_views.subscribe(),
            decisions: self.decisions.subscribe(),
            store,
            waker,
            counters: self.own.notifiers.clone(),
            stop: stop.clone(),
        };
        (notifier, deps)
    }

    /// What the warning signs need.
    fn watching(
        &self,
        configs: &watch::Sender<Arc<Config>>,
        system: watch::Receiver<Arc<SystemView>>,
        findings: watch::Sender<Arc<Findings>>,
        stop: &CancellationToken,
    ) -> signals::Deps {
        signals::Deps {
            clock: self.clock.clone(),
            configs: configs.subscribe(),
            ledger: self.ledger_views.subscribe(),
            system,
            findings,
            history: self.config.store.path.clone(),
            stop: stop.clone(),
        }
    }

    /// What reads the load runs.
    fn reading(
        &self,
        configs: &watch::Sender<Arc<Config>>,
        views: watch::Sender<Arc<RunsView>>,
        stop: &CancellationToken,
    ) -> runs::Deps {
        runs::Deps {
            clock: self.clock.clone(),
            configs: configs.subscribe(),
            digests: Digests::default(),
            store: self.config.store.path.clone(),
            views,
            stop: stop.clone(),
        }
    }

    /// What samples the system.
    fn sampling(
        &self,
        configs: &watch::Sender<Arc<Config>>,
        views: watch::Sender<Arc<SystemView>>,
        stop: &CancellationToken,
    ) -> observe::Deps {
        observe::Deps {
            clock: self.clock.clone(),
            configs: configs.subscribe(),
            views,
            recorder: Recorder::new(self.writer.handle()),
            stop: stop.clone(),
        }
    }

    fn spawn_all(self, tasks: &mut Tasks, stop: &CancellationToken) -> Writer {
        let (store, history) = (self.writer.handle(), self.config.store.path.clone());
        let (events_in, events) = mpsc::channel(EVENT_QUEUE);
        let (recounts_in, recounts) = mpsc::channel(1);
        let (requests_in, requests) = mpsc::channel(1);
        let (reloaded_in, _) = watch::channel(true);
        let (system_in, system) = watch::channel(Arc::default());
        let (findings_in, findings) = watch::channel(Arc::default());
        let stall = StallDetector::new(Instant::now());
        let liveness = Liveness {
            schedule: stall.clone(),
            alerts: self.alert_views.subscribe(),
            clock: self.clock.clone(),
        };
        let files = self.config.inputs.files.clone();
        let (configs, _) = watch::channel(self.config.clone());
        let shown = (system.clone(), findings.clone());
        let (runs_in, runs) = watch::channel(Arc::default());
        let reading = self.reading(&configs, runs_in, stop);
        let state = self.web_state(
            (liveness.clone(), configs.subscribe()),
            (reading.digests.clone(), runs),
            shown,
            requests_in,
            recounts_in.clone(),
        );
        let (notifier, delivery) = self.delivery(&configs, stop);
        let watching = self.watching(&configs, system.clone(), findings_in, stop);
        let sampling = self.sampling(&configs, system_in, stop);
        let first = self.threads.first().clone();
        let probing = schedule::Deps {
            clock: self.clock.clone(),
            threads: self.threads,
            stall,
            used_until: self.used_until,
            events: events_in,
            configs: configs.subscribe(),
            stop: stop.clone(),
            drain: PROBE_DRAIN,
            lag: self.own.schedule_lag.clone(),
            wakeup_lag: self.own.wakeup_lag.clone(),
            in_flight: self.own.probes_in_flight.clone(),
        };
        tasks.spawn_on(&first, "schedule", schedule::run(probing));
        let alerting = alerting::Deps {
            states: self.ledger_views.subscribe(),
            configs: configs.subscribe(),
            decisions: self.decisions.subscribe(),
            findings,
            reloaded: reloaded_in.subscribe(),
            store: store.clone(),
            route: Box::new(move |notices, now| notifier.deliveries(notices, now)),
            views: self.alert_views,
        };
        tasks.spawn("notify", notify::run(delivery));
        tasks.spawn("alerting", alerting::run(self.alerts, alerting));
        let counting = ledger::Deps {
            clock: self.clock.clone(),
            events,
            recounts,
            system,
            store,
            history,
            plans: self.plans,
            vantage_lost: self.own.vantage_lost.clone(),
            views: self.ledger_views,
        };
        let ledger = ledger::run(self.ledger, self.vantage, self.config, counting);
        tasks.spawn("ledger", ledger);
        tasks.spawn("observer", observe::run(sampling));
        tasks.spawn("signals", signals::run(watching));
        tasks.spawn("runs", runs::run(reading));
        let reloader = Reloader {
            origin: self.origin,
            configs,
            files,
            heartbeats: self.heartbeats,
            own: self.own,
            access: self.access.clone(),
            is_read: IsRead {
                config: true,
                web: true,
            },
            clock: self.clock,
            requests,
            store: self.writer.handle(),
            ledger: recounts_in,
            reloaded: reloaded_in,
        };
        tasks.spawn("reload", reloader.run(stop.clone()));
        tasks.spawn("supervisor", supervisor::run(liveness, stop.clone()));
        let (router, ended) = (web::router(state), stop.clone().cancelled_owned());
        let serving = web::serve(self.listener, router, self.access, ended);
        tasks.spawn("web", serving);
        self.writer
    }
}

/// The result of blocking work; its panic is ours.
fn unless_panicked<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

struct Opened {
    ledger: Ledger,
    alerts: LiveAlerts,
    decisions: Decisions,
    vantage: NetworkGuard,
    writer: Writer,
    plans: Plans,
    heartbeats: HeartbeatBoard,
    used_until: Option<Timestamp>,
}

/// Opens the store and fills the ledger from it, before anything is written. Blocks.
fn open(config: &Config, clock: Clock) -> Result<Opened, StoreError> {
    let mut store = Store::open(&config.store.path)?;
    let corrections = ledger::in_force(config, &store)?;
    let used_until = store.last_seen()?;
    let heartbeats = heartbeats::board(config, &store, clock.now())?;
    budgets::recall(budgets::budgeted(config), &store, clock.now())?;
    store.configured(&config.running_keys(), clock.now())?;
    let plans: Plans = Arc::new(ArcSwap::from_pointee(ledger::plans(config)));
    let plan = {
        let plans = plans.clone();
        move |key: &ProbeKey| plans.load().get(key).cloned().unwrap_or_default()
    };
    // Hours that ended while nothing ran become counts first, so that they are read as counts.
    while store.compact_step(clock.now(), &plan)? {}
    let ledger = ledger::restore(RestoreFrom {
        config,
        corrections: &corrections,
        store: Some(&store),
        now: clock.now(),
    })?;
    ledger::log_ahead(ledger.ahead());
    let vantage = ledger::recalled(config, &store, clock.now())?;
    let held = used_until.unwrap_or_else(|| clock.now());
    let alerts = LiveAlerts::resumed(store.firing_alerts()?, held);
    let decisions = store.decisions()?;
    let writer = store.writer(clock, config.store.retention, plan)?;
    Ok(Opened {
        ledger,
        alerts,
        decisions,
        vantage,
        writer,
        plans,
        heartbeats,
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
            tracing::warn!(
                "the limit of open files is only {limit}; probes can fail when it is reached"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("cannot raise the limit of open files: {error}"),
    }
}
