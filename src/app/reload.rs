//! Applies a changed config at runtime: completely, or not at all, with the reason.

use super::budgets;
use super::changes::changes;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::ledger::{Changed, Recount};
use crate::metrics::SelfMetrics;
use crate::outcome::Timestamp;
use crate::probe::heartbeat::HeartbeatBoard;
use crate::store::{AuditEntry, Store, StoreHandle};
use crate::tasks::{blocking, unless_panicked};
use crate::web::{Access, ReloadRequest};
use crate::yaml::{Stamp, from_environment};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

/// The source of a config, which is read again on a reload.
#[derive(Clone, Debug)]
pub enum Origin {
    File(PathBuf),
}

/// How often credential and certificate files are checked for changes.
const FILES_EVERY: Duration = Duration::from_secs(2);
/// A note about the config that the daemon does not log: the web server warns itself, and also knows the web
/// configuration file of the command line.
const OPEN_LISTEN: &str = "open-listen";
/// How long a reload waits for its audit log entry.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Reloader {
    pub(super) origin: Origin,
    /// The active config, for all readers.
    pub(super) configs: watch::Sender<Arc<Config>>,
    /// The files referenced by the config, as of the last check.
    pub(super) files: BTreeMap<PathBuf, Option<Stamp>>,
    pub(super) heartbeats: HeartbeatBoard,
    pub(super) own: SelfMetrics,
    pub(super) access: Access,
    /// Whether the config and the web configuration were last read successfully.
    pub(super) is_read: ReadStatus,
    pub(super) clock: Clock,
    pub(super) store: StoreHandle,
    /// From the web.
    pub(super) requests: mpsc::Receiver<ReloadRequest>,
    pub(super) ledger: mpsc::Sender<Recount>,
    /// Whether both were last read successfully.
    pub(super) reloaded: watch::Sender<bool>,
}

#[derive(Clone, Copy)]
pub(super) struct ReadStatus {
    pub(super) config: bool,
    pub(super) web: bool,
}

impl Reloader {
    /// Waits for SIGHUP and requests until shutdown.
    pub(super) async fn run(mut self, mut hangups: Signal, stop: CancellationToken) {
        self.record();
        let mut look = interval_at(Instant::now() + FILES_EVERY, FILES_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = hangups.recv() => self.reload_by_signal().await,
                _ = look.tick() => {
                    self.reload_changed_files().await;
                    self.reload_changed_web_file().await;
                }
                Some(ReloadRequest { done }) = self.requests.recv() => {
                    // The client may have disconnected.
                    let _ = done.send(self.reload().await);
                }
            }
        }
    }

    fn config(&self) -> Arc<Config> {
        self.configs.borrow().clone()
    }

    /// The sender of a signal is unknown: it has the same user, or root.
    async fn reload_by_signal(&mut self) {
        let result = self.reload().await;
        let entry = AuditEntry {
            at: self.clock.now(),
            name: "SIGHUP".to_owned(),
            action: "reload",
            object: "config".to_owned(),
            outcome: if result.is_ok() { "ok" } else { "refused" }.to_owned(),
        };
        let store = self.store.clone();
        let keep = move || store.ask(AUDIT_TIMEOUT, move |store| store.add_audit(&entry));
        if !matches!(blocking(keep).await, Ok(Some(Ok(())))) {
            tracing::warn!("cannot save an audit log entry");
        }
    }

    /// Applies the config in its current form, or returns the reason why not.
    async fn reload(&mut self) -> Result<(), String> {
        let active = self.config();
        let read = self.origin.load_with_warnings(&active.inputs.warnings);
        let is_same = |next: &Config| next.inputs.source.text == active.inputs.source.text;
        if read.as_ref().is_ok_and(is_same) {
            // A container that mounts the file itself keeps the old one when an editor replaces it.
            tracing::info!("the config file has not changed since it was last read");
        }
        self.apply(read).await
    }

    /// Reads the files referenced by the config again if one of them changed. The config itself is
    /// not read: it may be in the middle of being edited.
    async fn reload_changed_files(&mut self) {
        let config = self.config();
        let paths: Vec<PathBuf> = config.inputs.files.keys().cloned().collect();
        let look = || {
            let stamps = paths.into_iter().map(|path| (Stamp::of(&path), path));
            stamps.map(|(stamp, path)| (path, stamp)).collect()
        };
        let files = unless_panicked(blocking(look).await);
        if self.files == files {
            return;
        }
        self.files = files;
        tracing::info!("a file referenced by the config has changed: reloading all of them");
        let inputs = &config.inputs;
        let read = self
            .origin
            .check_with_warnings(&inputs.source, &inputs.warnings);
        // The error is logged, and the next change of a file causes a retry.
        drop(self.apply(read).await);
    }

    /// The same for the web configuration file and the certificates that it references.
    async fn reload_changed_web_file(&mut self) {
        let access = self.access.clone();
        let refreshed = unless_panicked(blocking(move || access.refresh()).await);
        let Some(result) = refreshed else { return };
        self.is_read.web = result.is_ok();
        self.record();
        if let Err(reason) = result {
            tracing::error!(
                "the web configuration was not reloaded; the old one stays active:\n{reason}"
            );
        }
    }

    async fn apply(&mut self, read: Result<Config, String>) -> Result<(), String> {
        let result = match read {
            Ok(next) => self.try_apply(next).await,
            Err(reason) => Err(reason),
        };
        self.is_read.config = result.is_ok();
        // A config is only applied together with its web configuration.
        self.is_read.web |= result.is_ok();
        self.record();
        if let Err(reason) = &result {
            tracing::error!("the config was not reloaded; the old one stays active:\n{reason}");
        }
        result
    }

    fn record(&self) {
        let ReadStatus { config, web } = self.is_read;
        self.own.reloaded(config && web, self.clock.now());
        self.reloaded.send_replace(config && web);
    }

    async fn try_apply(&mut self, next: Config) -> Result<(), String> {
        let old = self.config();
        reject_changes_that_need_a_restart(&old, &next)?;
        let web = {
            let (access, web) = (self.access.clone(), next.web.clone());
            unless_panicked(blocking(move || access.prepare(&web)).await)?
        };
        let next = Arc::new(next);
        // The ledger first: it must know every probe before an outcome of it arrives.
        let counted = Recount::request(&self.ledger, Changed::Config(next.clone())).await;
        if let Err(error) = counted.ok_or("the daemon is stopping")? {
            tracing::warn!("changed objectives start without their history: {error}");
        }
        // Before they run: a heartbeat probe checks where its job reports.
        let probes = next.running().map(|spec| (&spec.key, &*spec.probe));
        self.heartbeats.accept(self.clock.now(), probes, |_| None);
        continue_budgets(old.clone(), next.clone(), self.clock.now()).await;
        self.access.apply(web);
        self.own.divided(next.shard);
        self.files.clone_from(&next.inputs.files);
        let changes = changes(&old, &next);
        self.configs.send_replace(next);
        tracing::info!("config reloaded: {changes}");
        Ok(())
    }
}

/// Continues the budgets of probes; those of new probes are read from the store.
async fn continue_budgets(old: Arc<Config>, next: Arc<Config>, now: Timestamp) {
    let work = move || {
        let rest = budgets::continue_budgets(&next, &old);
        if rest.is_empty() {
            return Ok(());
        }
        let store = Store::open_read_only(&next.store.path)?;
        budgets::recall(rest, &store, now)
    };
    if let Err(error) = unless_panicked(blocking(work).await) {
        tracing::warn!("new token budgets start as if nothing had been spent today: {error}");
    }
}

fn reject_changes_that_need_a_restart(old: &Config, next: &Config) -> Result<(), String> {
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
    Err(format!("changing {} requires a restart", names.join(", ")))
}

impl Origin {
    /// Reads and checks the config. An error is formatted as by `slod check`.
    pub fn load(&self) -> Result<Config, String> {
        self.check(&self.read()?).map(|(config, _)| config)
    }

    /// The part of the config that a daemon runs. Logs the warnings that are not `known`.
    pub fn load_with_warnings(&self, known: &BTreeSet<String>) -> Result<Config, String> {
        self.check_with_warnings(&self.read()?, known)
    }

    fn read(&self) -> Result<Source, String> {
        let Self::File(path) = self;
        config::read_file(path).map_err(|error| error.to_string())
    }

    /// Logs the warnings that are not `known`.
    fn check_with_warnings(
        &self,
        source: &Source,
        known: &BTreeSet<String>,
    ) -> Result<Config, String> {
        let (mut config, warnings) = self.check(source)?;
        for Diagnostic {
            code,
            path,
            message,
            ..
        } in warnings
        {
            let warning = format!("{path}: {message}");
            if code != OPEN_LISTEN && !known.contains(&warning) {
                tracing::warn!(code, "{warning}");
            }
            config.inputs.warnings.insert(warning);
        }
        Ok(config.of_shard())
    }

    /// Checks the text of a config, and reads the files that it references.
    fn check(&self, source: &Source) -> Result<(Config, Vec<Diagnostic>), String> {
        let Self::File(path) = self;
        let base = path.parent().unwrap_or(Path::new(""));
        let loaded = Config::load(source, base, &from_environment);
        let shown = loaded.shown;
        let (errors, warnings): (Vec<_>, Vec<_>) = loaded
            .diagnostics
            .into_iter()
            .partition(|d| d.severity == Severity::Error);
        let drawn = || shown.draw_all(&errors, false).trim_end().to_owned();
        let config = loaded.config.ok_or_else(drawn)?;
        Ok((config, warnings))
    }
}
