//! Applies a changed config while running: all of it, or nothing and the reason.

use super::changes::changes;
use super::observer::Wanted;
use crate::clock::Clock;
use crate::config::{self, Config, ProbeSpec};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::ledger;
use crate::metrics::SelfMetrics;
use crate::probe;
use crate::probe::beats::HeartbeatBoard;
use crate::slo::correction::Correction;
use crate::store::{Store, StoreError};
use crate::web::{ReloadRequest, Reloaded};
use crate::yaml::Stamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

/// Where a config comes from, and is read again on a reload.
#[derive(Clone, Debug)]
pub enum Origin {
    File(PathBuf),
}

/// How soon a changed file of credentials or certificates is taken.
const FILES_EVERY: Duration = Duration::from_secs(2);
/// Repeated corrections are known two days ahead, so this is early enough.
const CORRECTIONS_EVERY: Duration = Duration::from_secs(3600);
const STOPPING: &str = "the daemon is stopping";

pub(super) struct Reloader {
    pub(super) origin: Origin,
    pub(super) config: Arc<Config>,
    /// The files that it names, as they were looked at last.
    pub(super) files: BTreeMap<PathBuf, Option<Stamp>>,
    /// In force, as they were read last.
    pub(super) corrections: Arc<[Correction]>,
    pub(super) beats: HeartbeatBoard,
    pub(super) own: SelfMetrics,
    pub(super) clock: Clock,
    /// The store's file: the corrections that were made by hand.
    pub(super) history: PathBuf,
    /// From the web.
    pub(super) requests: mpsc::Receiver<ReloadRequest>,
    pub(super) ledger: mpsc::Sender<ledger::Reload>,
    pub(super) schedule: mpsc::Sender<Vec<ProbeSpec>>,
    pub(super) observer: watch::Sender<Wanted>,
}

impl Reloader {
    /// Waits for SIGHUP and requests until a stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.own.reloaded(true, self.clock.now());
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                tracing::error!("SIGHUP cannot be listened to: {error}");
                return;
            }
        };
        let mut repeat = interval_at(Instant::now() + CORRECTIONS_EVERY, CORRECTIONS_EVERY);
        let mut look = interval_at(Instant::now() + FILES_EVERY, FILES_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = hangups.recv() => drop(self.reload().await),
                _ = repeat.tick() => drop(self.correct().await),
                _ = look.tick() => self.look_at_files().await,
                Some(ReloadRequest { what, done }) = self.requests.recv() => {
                    let result = match what {
                        Reloaded::Config => self.reload().await,
                        Reloaded::Corrections => self.correct().await,
                    };
                    // The client may have gone away.
                    let _ = done.send(result);
                }
            }
        }
    }

    /// Takes the config as it is now, or says why not.
    async fn reload(&mut self) -> Result<(), String> {
        let read = self.origin.load_with_warnings();
        self.take(read).await
    }

    /// Reads the files that the config names again if one of them changed. The config itself stays
    /// as it is: somebody may be editing it.
    async fn look_at_files(&mut self) {
        let paths: Vec<PathBuf> = self.config.inputs.files.keys().cloned().collect();
        let look = || {
            let stamps = paths.into_iter().map(|path| (Stamp::of(&path), path));
            stamps.map(|(stamp, path)| (path, stamp)).collect()
        };
        let files = match tokio::task::spawn_blocking(look).await {
            Ok(files) => files,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if self.files == files {
            return;
        }
        self.files = files;
        tracing::info!("a file that the config names has changed: all of them are read again");
        let read = self.origin.check_with_warnings(&self.config.inputs.source);
        // It is logged, and tried again when a file changes again.
        drop(self.take(read).await);
    }

    async fn take(&mut self, read: Result<Config, String>) -> Result<(), String> {
        let result = match read {
            Ok(next) => self.try_take(next).await,
            Err(reason) => Err(reason),
        };
        self.own.reloaded(result.is_ok(), self.clock.now());
        if let Err(reason) = &result {
            tracing::error!("the config was not reloaded, the old one stays in force:\n{reason}");
        }
        result
    }

    async fn try_take(&mut self, next: Config) -> Result<(), String> {
        self.refuse_what_needs_a_restart(&next)?;
        let next = Arc::new(next);
        let before = self.corrections.clone();
        match self.in_force(next.clone()).await {
            Ok(corrections) => self.corrections = corrections,
            Err(error) => tracing::warn!("the corrections stay as they are: {error}"),
        }
        // The ledger first: it must know every probe before an outcome of it arrives.
        self.count_anew(next.clone()).await?;
        self.schedule
            .send(next.running().cloned().collect())
            .await
            .map_err(|_| STOPPING.to_owned())?;
        let probes = next.running().map(|spec| (&spec.key, &spec.probe));
        self.beats.listen(self.clock.now(), probes, |_| None);
        self.observer.send_if_modified(|wanted| {
            let changed = Wanted::of(&next);
            let modified = *wanted != changed;
            *wanted = changed;
            modified
        });
        let corrected = before != self.corrections;
        tracing::info!(
            "config reloaded: {}",
            changes(&self.config, &next, corrected)
        );
        self.files.clone_from(&next.inputs.files);
        self.config = next;
        Ok(())
    }

    /// Takes the corrections as they are now.
    async fn correct(&mut self) -> Result<(), String> {
        let config = self.config.clone();
        let corrections = self.in_force(config.clone()).await.map_err(|error| {
            tracing::error!("the corrections cannot be read: {error}");
            error.to_string()
        })?;
        // Repeated ones are computed a few days ahead.
        let grows = corrections.iter().any(|one| one.repeats.is_some());
        if corrections == self.corrections && !grows {
            return Ok(());
        }
        self.corrections = corrections;
        self.count_anew(config).await
    }

    async fn in_force(&self, config: Arc<Config>) -> Result<Arc<[Correction]>, StoreError> {
        let path = self.history.clone();
        let read = move || {
            let store = Store::open_read_only(&path)?;
            ledger::in_force(&config, &store).map(Arc::from)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(corrections) => corrections,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Lets the ledger go on by a config and the corrections in force.
    async fn count_anew(&self, config: Arc<Config>) -> Result<(), String> {
        let (done, finished) = oneshot::channel();
        let request = ledger::Reload {
            config,
            corrections: self.corrections.clone(),
            done,
        };
        let stopping = || STOPPING.to_owned();
        self.ledger.send(request).await.map_err(|_| stopping())?;
        if let Err(error) = finished.await.map_err(|_| stopping())? {
            tracing::warn!("changed objectives start without their history: {error}");
        }
        Ok(())
    }

    fn refuse_what_needs_a_restart(&self, next: &Config) -> Result<(), String> {
        let old = &self.config;
        let changed = [
            (old.listen != next.listen, "listen"),
            (old.store != next.store, "store"),
            (
                old.max_concurrent_probes != next.max_concurrent_probes,
                "max_concurrent_probes",
            ),
        ];
        let names: Vec<_> = changed
            .iter()
            .filter(|(changed, _)| *changed)
            .map(|(_, name)| *name)
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        Err(format!("a change of {} needs a restart", names.join(", ")))
    }
}

impl Origin {
    /// Reads and checks the config. Errors are the reason, drawn as `slod check` draws them.
    pub fn load(&self) -> Result<Config, String> {
        self.check(&self.read()?).map(|(config, _)| config)
    }

    /// The same for who goes on running with it: warnings are logged.
    pub fn load_with_warnings(&self) -> Result<Config, String> {
        self.check_with_warnings(&self.read()?)
    }

    fn read(&self) -> Result<Source, String> {
        let Self::File(path) = self;
        config::read_file(path).map_err(|error| error.to_string())
    }

    fn check_with_warnings(&self, source: &Source) -> Result<Config, String> {
        let (config, warnings) = self.check(source)?;
        for Diagnostic {
            code,
            path,
            message,
            ..
        } in warnings
        {
            tracing::warn!(code, "{path}: {message}");
        }
        Ok(config)
    }

    /// Checks a text of the config, and reads the files that it names.
    fn check(&self, source: &Source) -> Result<(Config, Vec<Diagnostic>), String> {
        let Self::File(path) = self;
        let base = path.parent().unwrap_or(Path::new(""));
        let loaded = Config::load(source, base, &|name| std::env::var(name).ok(), probe::KINDS);
        let shown = loaded.shown;
        let (errors, warnings): (Vec<_>, Vec<_>) = loaded
            .diagnostics
            .into_iter()
            .partition(|d| d.severity == Severity::Error);
        let drawn = || {
            let drawn: Vec<_> = errors
                .iter()
                .map(|error| shown.draw(error, false))
                .collect();
            drawn.join("\n")
        };
        let config = loaded.config.ok_or_else(drawn)?;
        Ok((config, warnings))
    }
}
