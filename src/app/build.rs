//! Builds the daemon: listens on its port, opens its store and restores its state.

use super::{App, Origin, budgets, heartbeats};
use crate::alert::Decisions;
use crate::alerting::LiveAlerts;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{self, Ledger, Plans, RestoreFrom};
use crate::metrics::SelfMetrics;
use crate::outcome::{ProbeKey, Timestamp};
use crate::probe::heartbeat::HeartbeatBoard;
use crate::schedule::ProbeThreads;
use crate::slo::vantage::NetworkGuard;
use crate::store::{CountingPlan, Store, StoreError, Writer};
use crate::tasks::{blocking, threads, unless_panicked};
use crate::web::{self, Access};
use arc_swap::ArcSwap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Maximum number of connections waiting to be accepted; the kernel may allow fewer. Long, so that
/// during a flood of connections a scraper's handshake does not have to be retried.
const ACCEPT_QUEUE: u32 = 4096;
/// The limit of open files to request.
const OPEN_FILES: u64 = 65_536;

/// Why the daemon could not start.
#[derive(Debug, Error)]
pub enum StartError {
    #[error("cannot listen on {address}: {source}{}", remedy(.source))]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    #[error("the web configuration is invalid:\n{0}")]
    Web(String),
    #[error("{}", threads::refusal(.0))]
    Threads(std::io::Error),
    #[error("cannot set up the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot open the store {}: {source}", path.display())]
    Store { path: PathBuf, source: StoreError },
}

impl App {
    /// Listens, opens and restores; no probe is running yet. `web_config` replaces the file named in
    /// the config.
    pub async fn build(
        config: Config,
        web_config: Option<PathBuf>,
        origin: Origin,
        clock: Clock,
    ) -> Result<Self, StartError> {
        // First of all: until then, SIGHUP would end the process, and opening a large store takes a while.
        // A request in the meantime is fulfilled once the daemon runs.
        let hangups = signal(SignalKind::hangup()).map_err(StartError::Signals)?;
        raise_open_files();
        let config = Arc::new(config);
        let own = SelfMetrics::new()?;
        own.divided(config.shard);
        if let Some(note) = config.shard_note() {
            tracing::info!("{note}");
        }
        let access = read_access(&config, web_config, own.clone()).await?;
        warn_of_links(&config, &access);
        let address = config.listen;
        let cannot_listen = |source| StartError::Listen { address, source };
        let listener = listen(address).map_err(cannot_listen)?;
        let Opened {
            mut ledger,
            alerts,
            decisions,
            vantage,
            writer,
            plans,
            heartbeats,
            used_until,
        } = open_while_starting(&config, &listener, &access, &clock).await?;
        let first = ledger.advance(clock.now()).view();
        let (alert_views, _) = watch::channel(Arc::new(alerts.view(first.at, &config.alerts)));
        let (ledger_views, known) = watch::channel(Arc::new(first));
        heartbeats.correct_by(move || known.borrow().corrections.clone());
        Ok(Self {
            threads: ProbeThreads::start().map_err(StartError::Threads)?,
            own,
            access,
            config,
            origin,
            clock,
            listener,
            hangups,
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
}

/// Reads who may access the web server.
async fn read_access(
    config: &Config,
    web_config: Option<PathBuf>,
    own: SelfMetrics,
) -> Result<Access, StartError> {
    let (web, is_local) = (config.web.clone(), config.listen.ip().is_loopback());
    let read = move || Access::new(&web, web_config, is_local, own);
    unless_panicked(blocking(read).await).map_err(StartError::Web)
}

/// Opens the store and restores the state, while the web server answers that it is starting.
async fn open_while_starting(
    config: &Arc<Config>,
    listener: &TcpListener,
    access: &Access,
    clock: &Clock,
) -> Result<Opened, StartError> {
    let opening = {
        let (config, clock) = (config.clone(), clock.clone());
        blocking(move || open(&config, clock))
    };
    let starting = web::starting(access.clone(), clock.clone());
    let opened = web::serve_during(listener, starting, access.clone(), opening).await;
    unless_panicked(opened).map_err(|source| StartError::Store {
        path: config.store.path.clone(),
        source,
    })
}

/// Warns if links in messages do not open, because only a web configuration file that the config does not name
/// enables TLS.
fn warn_of_links(config: &Config, access: &Access) {
    let address = &config.alerts.address;
    let has_tls = access.rules().file.tls.is_some();
    if has_tls && address.starts_with("http:") && !config.routing.receivers.is_empty() {
        tracing::warn!(
            "links in messages start with {address}, but the pages are served over TLS: set `alerts.address`"
        );
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

/// Opens the store and restores the ledger from it, before anything is written. Blocks.
fn open(config: &Config, clock: Clock) -> Result<Opened, StoreError> {
    let mut store = Store::open(&config.store.path)?;
    let corrections = ledger::in_force(config, &store)?;
    let used_until = store.last_seen()?;
    let sampled = store.last_sampled()?;
    if used_until.is_none() {
        // An unmounted volume or a misspelled path would otherwise look like a normal start.
        tracing::info!(
            "the store {} is new: it contains no earlier outcomes",
            config.store.path.display()
        );
    }
    let heartbeats = heartbeats::board(config, &store, clock.now())?;
    budgets::recall(budgets::budgeted(config), &store, clock.now())?;
    let saved = store.configured(&config.running_keys(), clock.now());
    unless_temporary(saved, "cannot save which probes are configured")?;
    let plans: Plans = Arc::new(ArcSwap::from_pointee(ledger::plans(config)));
    let plan = {
        let plans = plans.clone();
        move |key: &ProbeKey| {
            let plans = plans.load();
            plans
                .get(key)
                .map_or_else(CountingPlan::default, |plan| (**plan).clone())
        }
    };
    compact_finished_hours(&mut store, clock.now(), &plan)?;
    let ledger = ledger::restore(RestoreFrom::new(
        config,
        &corrections,
        Some(&store),
        clock.now(),
    ))?;
    ledger::log_ahead(ledger.ahead());
    let vantage = ledger::recalled(config, &store, clock.now())?;
    // Nothing is known about the time in which slod did not run, so it resolves no alert.
    let now = clock.now();
    let alerts = LiveAlerts::resumed(store.firing_alerts()?, now);
    if let Some(until) = used_until.max(sampled) {
        unless_temporary(
            store.keep_gap((until, now)),
            "a backtest may end alerts in the time in which slod did not run",
        )?;
    }
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

/// Compacts the hours that ended while slod was not running, so that they are restored from counts.
fn compact_finished_hours(
    store: &mut Store,
    now: Timestamp,
    plan: &dyn Fn(&ProbeKey) -> CountingPlan,
) -> Result<(), StoreError> {
    let mut step = || {
        let more = store.compact_step(now, plan);
        unless_temporary(more, "finished hours are compacted later")
    };
    while step()? == Some(true) {}
    Ok(())
}

/// Logs a temporary error, and returns `None` for it: a full disk must not keep slod from starting.
/// `effect` is what is not written now.
fn unless_temporary<T>(
    result: Result<T, StoreError>,
    effect: &str,
) -> Result<Option<T>, StoreError> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_temporary() => {
            tracing::warn!("{effect}: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Checks that an address can be listened on, for callers that have other work to do first.
pub fn check_address(address: SocketAddr) -> Result<(), StartError> {
    let listened = listen(address).map(drop);
    listened.map_err(|source| StartError::Listen { address, source })
}

/// Listens before anything else is done, so that a conflict is found first.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

/// What to do about an error of binding or listening, in parentheses.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        _ if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            " (IPv6 is disabled on this machine; 0.0.0.0 is all of its IPv4 addresses)"
        }
        ErrorKind::AddrInUse => " (is another slod running, or is the port in use?)",
        ErrorKind::AddrNotAvailable => {
            " (no interface of this machine has this address; 0.0.0.0 and [::] are all of its addresses)"
        }
        ErrorKind::PermissionDenied => {
            " (a port below 1024 needs the capability CAP_NET_BIND_SERVICE)"
        }
        _ => "",
    }
}

/// Thousands of probes need as many sockets; most systems allow raising the limit.
fn raise_open_files() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(limit) if limit < 1024 => {
            tracing::warn!(
                "the limit of open files is only {limit}; probes may fail when it is reached"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!("cannot raise the limit of open files: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_in_use_is_blamed_on_another_slod() {
        let hint = |kind: ErrorKind| remedy(&kind.into());
        assert!(hint(ErrorKind::AddrInUse).contains("another slod"));
        assert!(hint(ErrorKind::AddrNotAvailable).contains("no interface"));
        assert!(hint(ErrorKind::PermissionDenied).contains("CAP_NET_BIND_SERVICE"));
        assert_eq!(hint(ErrorKind::OutOfMemory), "");
    }
}
