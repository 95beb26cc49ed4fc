//! Takes a changed config while running: all of it, or nothing with the reason told.

use super::observer::Wanted;
use crate::clock::Clock;
use crate::config::{self, Config, ProbeSpec};
use crate::diagnostic::{Severity, Source};
use crate::ledger;
use crate::metrics::Own;
use crate::probe;
use crate::web::ReloadRequest;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// Where a config comes from, and is read again on a reload.
#[derive(Clone, Debug)]
pub enum Origin {
    File(PathBuf),
    /// A text that never changes, as in the demo.
    Fixed(Source),
}

pub(super) struct Reloader {
    pub(super) origin: Origin,
    pub(super) config: Arc<Config>,
    pub(super) own: Own,
    pub(super) clock: Clock,
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
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                Some(()) = hangups.recv() => None,
                Some(request) = self.requests.recv() => Some(request),
            };
            let result = self.reload().await;
            self.own.reloaded(result.is_ok(), self.clock.now());
            if let Err(reason) = &result {
                tracing::error!(
                    "the config was not reloaded, the old one stays in force:\n{reason}"
                );
            }
            if let Some(request) = request {
                // The client may have gone away.
                let _ = request.send(result);
            }
        }
    }

    async fn reload(&mut self) -> Result<(), String> {
        let next = self.origin.load()?;
        self.refuse_what_needs_a_restart(&next)?;
        let next = Arc::new(next);
        let (done, finished) = oneshot::channel();
        let request = ledger::Reload {
            config: next.clone(),
            done,
        };
        let stopping = || "the daemon is stopping".to_owned();
        // The ledger first: it must know every probe before an outcome of it arrives.
        self.ledger.send(request).await.map_err(|_| stopping())?;
        let restored = finished.await.map_err(|_| stopping())?;
        if let Err(error) = restored {
            tracing::warn!("changed objectives start without their history: {error}");
        }
        self.schedule
            .send(next.probes().cloned().collect())
            .await
            .map_err(|_| stopping())?;
        self.observer.send_if_modified(|wanted| {
            let changed = Wanted::of(&next);
            let modified = *wanted != changed;
            *wanted = changed;
            modified
        });
        tracing::info!("{}", changes(&self.config, &next));
        self.config = next;
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

/// What a reload changed, in one sentence.
fn changes(old: &Config, new: &Config) -> String {
    let before: HashMap<_, _> = old.probes().map(|spec| (&spec.key, spec)).collect();
    let kept = new
        .probes()
        .filter_map(|spec| Some((*before.get(&spec.key)?, spec)));
    let (same, changed): (Vec<_>, Vec<_>) = kept.partition(|(old, new)| old == new);
    let staying = same.len() + changed.len();
    format!(
        "config reloaded: {} probes added, {} changed, {} removed, {} as before",
        new.probes().count() - staying,
        changed.len(),
        before.len() - staying,
        same.len(),
    )
}

impl Origin {
    /// Reads and checks the config. Warnings are logged; errors are the reason, drawn as
    /// `slod check` draws them.
    pub fn load(&self) -> Result<Config, String> {
        let (source, base) = match self {
            Self::File(path) => {
                let source = config::read_file(path).map_err(|error| error.to_string())?;
                (source, path.parent().unwrap_or(Path::new("")))
            }
            Self::Fixed(source) => (source.clone(), Path::new("")),
        };
        let loaded = Config::load(
            &source,
            base,
            &|name| std::env::var(name).ok(),
            probe::KINDS,
        );
        let shown = config::without_secrets(&source);
        let (errors, rest): (Vec<_>, Vec<_>) = loaded
            .diagnostics
            .iter()
            .partition(|d| d.severity == Severity::Error);
        for diagnostic in rest {
            tracing::warn!(
                code = diagnostic.code,
                "{}: {}",
                diagnostic.path,
                diagnostic.message
            );
        }
        let drawn = || {
            errors
                .iter()
                .map(|error| shown.draw(error, false))
                .collect::<Vec<_>>()
                .join("\n")
        };
        loaded.config.ok_or_else(drawn)
    }
}
