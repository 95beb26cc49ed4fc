//! Connects the daemon's tasks with each other, and starts them.

use super::reload::{IsRead, Reloader};
use super::supervisor;
use super::{App, heartbeats};
use crate::alerting;
use crate::config::Config;
use crate::ledger;
use crate::notify::{self, Notifier, Waker};
use crate::observe::{self, Recorder, SystemView};
use crate::runs::{self, Digests, RunsView};
use crate::schedule::{self, StallDetector};
use crate::signal::Findings;
use crate::signals;
use crate::store::Writer;
use crate::tasks::Tasks;
use crate::web::{self, Liveness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Outcomes that may wait for the ledger before probes are held back.
const EVENT_QUEUE: usize = 4096;
/// How long running probes may go on after a stop request.
const PROBE_DRAIN: Duration = Duration::from_secs(5);
impl App {
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

    /// Starts all tasks. Returns the store's thread, which outlives them.
    pub(super) fn spawn_all(self, tasks: &mut Tasks, stop: &CancellationToken) -> Writer {
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
            judged_early: self.own.vantage_judged_early.clone(),
            views: self.ledger_views,
        };
        let ledger = ledger::run(self.ledger, self.vantage, self.config, counting);
        tasks.spawn("ledger", ledger);
        tasks.spawn("observer", observe::run(sampling));
        tasks.spawn("signals", signals::run(watching));
        tasks.spawn("runs", runs::run(reading));
        let listening =
            heartbeats::listen(self.heartbeats.clone(), self.clock.clone(), stop.clone());
        tasks.spawn("heartbeats", listening);
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
