//! Connects the daemon's tasks with each other, and starts them.

use super::reload::{ReadStatus, Reloader};
use super::supervisor;
use super::{App, STORE, heartbeats};
use crate::alerting::{self, FailingReceivers};
use crate::config::Config;
use crate::ledger;
use crate::metrics::Sources;
use crate::notify::{self, Notifier, Waker};
use crate::observe::{self, Recorder, SystemView};
use crate::remote_write;
use crate::runs::{self, Digests, RunsView};
use crate::schedule::{self, ScheduleEvent, StallDetector};
use crate::signal::Findings;
use crate::signals;
use crate::store::{StoreHandle, Writer};
use crate::tasks::Tasks;
use crate::web::{self, Liveness};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Maximum number of outcomes waiting for the ledger; further probes are delayed.
const EVENT_QUEUE: usize = 4096;
/// How long running probes may continue after a stop request.
const PROBE_DRAIN: Duration = Duration::from_secs(5);

/// The channels between tasks, apart from the views that the daemon publishes.
struct Channels {
    stop: CancellationToken,
    configs: watch::Sender<Arc<Config>>,
    /// Whether the last reload succeeded.
    reloaded: watch::Sender<bool>,
    system: watch::Sender<Arc<SystemView>>,
    findings: watch::Sender<Arc<Findings>>,
    runs: watch::Sender<Arc<RunsView>>,
    digests: Digests,
    stall: StallDetector,
    outcomes: mpsc::Sender<ScheduleEvent>,
    recounts: mpsc::Sender<ledger::Recount>,
    reloads: mpsc::Sender<web::ReloadRequest>,
}

/// The channel ends owned by a single task.
struct Receivers {
    outcomes: mpsc::Receiver<ScheduleEvent>,
    recounts: mpsc::Receiver<ledger::Recount>,
    reloads: mpsc::Receiver<web::ReloadRequest>,
}

impl Channels {
    fn new(config: &Arc<Config>, stop: &CancellationToken) -> (Self, Receivers) {
        let (outcomes, outcomes_out) = mpsc::channel(EVENT_QUEUE);
        let (recounts, recounts_out) = mpsc::channel(1);
        let (reloads, reloads_out) = mpsc::channel(1);
        let channels = Self {
            stop: stop.clone(),
            configs: watch::Sender::new(config.clone()),
            reloaded: watch::Sender::new(true),
            system: watch::Sender::default(),
            findings: watch::Sender::default(),
            runs: watch::Sender::default(),
            digests: Digests::default(),
            stall: StallDetector::new(Instant::now()),
            outcomes,
            recounts,
            reloads,
        };
        let receivers = Receivers {
            outcomes: outcomes_out,
            recounts: recounts_out,
            reloads: reloads_out,
        };
        (channels, receivers)
    }
}

/// Waits until a stop is requested or the writer thread ends by itself, after a panic.
async fn until_ended(store: StoreHandle, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = store.ended() => {}
    }
}

impl App {
    /// Starts all tasks. Returns the writer thread, which outlives them.
    pub(super) fn spawn_all(self, tasks: &mut Tasks, stop: &CancellationToken) -> Writer {
        let (channels, receivers) = Channels::new(&self.config, stop);
        let liveness = self.liveness(&channels);
        let router = web::router(self.web_state(&channels, liveness.clone()));
        let (alerting, delivery) = self.alerting(&channels);
        let heartbeats =
            heartbeats::listen(self.heartbeats.clone(), self.clock.clone(), stop.clone());
        let counting = self.counting(&channels, receivers.outcomes, receivers.recounts);
        let (sampling, judging) = (self.sampling(&channels), self.judging(&channels));
        let reading = self.reading(&channels);
        let sending = self.sending(&channels);
        let reloader = self.reloader(&channels, receivers.reloads);
        let first = self.threads.first().clone();
        let probing = schedule::Deps {
            clock: self.clock,
            threads: self.threads,
            stall: channels.stall,
            used_until: self.used_until,
            events: channels.outcomes,
            configs: channels.configs.subscribe(),
            stop: stop.clone(),
            drain: PROBE_DRAIN,
            lag: self.own.schedule_lag,
            wakeup_lag: self.own.wakeup_lag,
            in_flight: self.own.probes_in_flight,
        };

        tasks.spawn_on(&first, "schedule", schedule::run(probing));
        tasks.spawn("notify", notify::run(delivery));
        tasks.spawn("alerting", alerting::run(self.alerts, alerting));
        let ledger = ledger::run(self.ledger, self.vantage, self.config, counting);
        tasks.spawn("ledger", ledger);
        tasks.spawn("observer", observe::run(sampling));
        tasks.spawn("signals", signals::run(judging));
        tasks.spawn("runs", runs::run(reading));
        tasks.spawn("remote write", remote_write::run(sending));
        tasks.spawn("heartbeats", heartbeats);
        tasks.spawn("reload", reloader.run(self.hangups, stop.clone()));
        let last_reload = channels.reloaded.subscribe();
        let supervising = supervisor::run(liveness, last_reload, stop.clone());
        tasks.spawn("supervisor", supervising);
        let ended = stop.clone().cancelled_owned();
        let serving = web::serve(self.listener, router, self.access, ended);
        tasks.spawn("web", serving);
        tasks.spawn(STORE, until_ended(self.writer.handle(), stop.clone()));
        self.writer
    }

    fn liveness(&self, channels: &Channels) -> Liveness {
        Liveness {
            schedule: channels.stall.clone(),
            alerts: self.alert_views.subscribe(),
            clock: self.clock.clone(),
        }
    }

    /// The state that requests are answered from.
    fn web_state(&self, channels: &Channels, liveness: Liveness) -> web::WebState {
        web::WebState {
            clock: self.clock.clone(),
            heartbeats: self.heartbeats.clone(),
            ledger_views: self.ledger_views.subscribe(),
            alerts: self.alert_views.subscribe(),
            decisions: self.decisions.clone(),
            system: channels.system.subscribe(),
            findings: channels.findings.subscribe(),
            metrics: self.sources(channels),
            streams: web::Streams::default(),
            access: self.access.clone(),
            histories: web::HistoryLimits::default(),
            configs: channels.configs.subscribe(),
            liveness,
            digests: channels.digests.clone(),
            runs: channels.runs.subscribe(),
            store: self.writer.handle(),
            history: self.config.store.path.clone(),
            reload: channels.reloads.clone(),
            ledger: channels.recounts.clone(),
        }
    }

    /// The dependencies of the ledger.
    fn counting(
        &self,
        channels: &Channels,
        events: mpsc::Receiver<ScheduleEvent>,
        recounts: mpsc::Receiver<ledger::Recount>,
    ) -> ledger::Deps {
        ledger::Deps {
            clock: self.clock.clone(),
            events,
            recounts,
            system: channels.system.subscribe(),
            store: self.writer.handle(),
            history: self.config.store.path.clone(),
            plans: self.plans.clone(),
            vantage_lost: self.own.vantage_lost.clone(),
            heartbeats: self.heartbeats.clone(),
            judged_early: self.own.vantage_judged_early.clone(),
            views: self.ledger_views.clone(),
        }
    }

    /// The dependencies of alerting and of delivery.
    fn alerting(&self, channels: &Channels) -> (alerting::Deps, notify::Deps) {
        let waker = Waker::default();
        let notifier = Notifier::new(channels.configs.subscribe(), waker.clone());
        let failing = FailingReceivers::default();
        let alerting = alerting::Deps {
            states: self.ledger_views.subscribe(),
            configs: channels.configs.subscribe(),
            decisions: self.decisions.subscribe(),
            findings: channels.findings.subscribe(),
            reloaded: channels.reloaded.subscribe(),
            failing: failing.clone(),
            store: self.writer.handle(),
            route: Box::new(move |notices, now| notifier.deliveries(notices, now)),
            views: self.alert_views.clone(),
        };
        let delivery = notify::Deps {
            clock: self.clock.clone(),
            configs: channels.configs.subscribe(),
            states: self.ledger_views.subscribe(),
            alerts: self.alert_views.subscribe(),
            decisions: self.decisions.subscribe(),
            store: self.writer.handle(),
            waker,
            counters: self.own.notifiers.clone(),
            failing,
            stop: channels.stop.clone(),
        };
        (alerting, delivery)
    }

    /// The dependencies of observation.
    fn sampling(&self, channels: &Channels) -> observe::Deps {
        observe::Deps {
            clock: self.clock.clone(),
            configs: channels.configs.subscribe(),
            views: channels.system.clone(),
            recorder: Recorder::new(self.writer.handle()),
            stop: channels.stop.clone(),
        }
    }

    /// The dependencies of warning signs.
    fn judging(&self, channels: &Channels) -> signals::Deps {
        signals::Deps {
            clock: self.clock.clone(),
            configs: channels.configs.subscribe(),
            ledger: self.ledger_views.subscribe(),
            system: channels.system.subscribe(),
            findings: channels.findings.clone(),
            history: self.config.store.path.clone(),
            stop: channels.stop.clone(),
        }
    }

    /// What `/metrics` is written from.
    fn sources(&self, channels: &Channels) -> Sources {
        Sources {
            ledger: self.ledger_views.subscribe(),
            alerts: self.alert_views.subscribe(),
            system: channels.system.subscribe(),
            findings: channels.findings.subscribe(),
            runs: channels.runs.subscribe(),
            own: self.own.clone(),
            store: self.writer.handle(),
        }
    }

    /// The dependencies of remote write.
    fn sending(&self, channels: &Channels) -> remote_write::Deps {
        let address = self.listener.local_addr();
        remote_write::Deps {
            clock: self.clock.clone(),
            configs: channels.configs.subscribe(),
            sources: self.sources(channels),
            counters: self.own.remotes.clone(),
            port: address.unwrap_or(self.config.listen).port(),
            stop: channels.stop.clone(),
        }
    }

    /// The dependencies of the task that reads load runs.
    fn reading(&self, channels: &Channels) -> runs::Deps {
        runs::Deps {
            clock: self.clock.clone(),
            configs: channels.configs.subscribe(),
            digests: channels.digests.clone(),
            store: self.config.store.path.clone(),
            views: channels.runs.clone(),
            stop: channels.stop.clone(),
        }
    }

    /// The task that applies a changed config.
    fn reloader(
        &self,
        channels: &Channels,
        requests: mpsc::Receiver<web::ReloadRequest>,
    ) -> Reloader {
        Reloader {
            origin: self.origin.clone(),
            configs: channels.configs.clone(),
            files: self.config.inputs.files.clone(),
            heartbeats: self.heartbeats.clone(),
            own: self.own.clone(),
            access: self.access.clone(),
            is_read: ReadStatus {
                config: true,
                web: true,
            },
            clock: self.clock.clone(),
            requests,
            store: self.writer.handle(),
            ledger: channels.recounts.clone(),
            reloaded: channels.reloaded.clone(),
        }
    }
}
