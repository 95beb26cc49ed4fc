//! Loads the web configuration when the daemon starts and when a file changes. An invalid one changes nothing.

use super::file::{self, LoadedFile, WebFile};
use super::limiter::{HEARTBEATS, LOGINS, Limiter};
use super::password::Digests;
use super::rules::Rules;
use crate::config::WebSpec;
use crate::diagnostic::Severity;
use crate::metrics::SelfMetrics;
use crate::yaml::Stamp;
use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use sysinfo::System;

type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

/// The rules in force. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Shared>);

struct Shared {
    rules: ArcSwap<Rules>,
    source: Mutex<Source>,
    /// Given on the command line, in place of the one in the config.
    file: Option<PathBuf>,
    is_loopback: bool,
    logins: Limiter,
    heartbeats: Limiter,
    digests: Digests,
    own: SelfMetrics,
    machine: Option<String>,
}

/// Sources of the rules.
struct Source {
    web: WebSpec,
    /// Stamps of the file and the files that it references, from when they were last read, successfully or not.
    files: Stamps,
    /// Stamps of the last check, if they differed.
    changing: Option<Stamps>,
}

impl Source {
    fn new(web: &WebSpec, files: Stamps) -> Self {
        Self {
            web: web.clone(),
            files,
            changing: None,
        }
    }

    /// Whether a file differs from what was read and has not changed since the last check: a partly written
    /// file must not turn authentication off.
    fn has_changed(&mut self) -> bool {
        let stamps = self
            .files
            .keys()
            .map(|path| (path.clone(), Stamp::of(path)));
        let now: Stamps = stamps.collect();
        let before = self.changing.take();
        if now == self.files {
            return false;
        }
        let is_stable = before.as_ref() == Some(&now);
        self.changing = Some(now).filter(|_| !is_stable);
        is_stable
    }
}

/// Valid new rules that are not active yet.
pub struct Prepared {
    rules: Rules,
    source: Source,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}

impl Access {
    /// The error is that of the file. Blocks.
    pub fn new(
        web: &WebSpec,
        file: Option<PathBuf>,
        is_loopback: bool,
        own: SelfMetrics,
    ) -> Result<Self, String> {
        let random = Digests::new();
        let digests =
            random.ok_or("the system has no random number generator, which passwords require")?;
        let (loaded, files) = read(file.as_ref().or(web.config_file.as_ref()));
        let rules = Rules::new(loaded?.0, web, is_loopback, &digests);
        let access = Self(Arc::new(Shared {
            rules: ArcSwap::from_pointee(rules),
            source: Mutex::new(Source::new(web, files)),
            file,
            is_loopback,
            logins: Limiter::new(LOGINS),
            heartbeats: Limiter::new(HEARTBEATS),
            digests,
            own,
            machine: System::host_name().ok(),
        }));
        access.log();
        Ok(access)
    }

    /// Returns the active rules.
    pub fn rules(&self) -> Arc<Rules> {
        self.0.rules.load_full()
    }

    pub(super) fn logins(&self) -> &Limiter {
        &self.0.logins
    }

    pub(super) fn heartbeats(&self) -> &Limiter {
        &self.0.heartbeats
    }

    pub(super) fn own(&self) -> &SelfMetrics {
        &self.0.own
    }

    pub(super) fn machine(&self) -> Option<&str> {
        self.0.machine.as_deref()
    }

    /// Loads the web configuration of another config. The error is that of its file. Blocks.
    pub fn prepare(&self, web: &WebSpec) -> Result<Prepared, String> {
        let (loaded, files) = self.read(web);
        Ok(Prepared {
            rules: self.rules_of(loaded?, web),
            source: Source::new(web, files),
        })
    }

    fn read(&self, web: &WebSpec) -> (Result<WebFile, String>, Stamps) {
        let path = self.0.file.as_ref().or(web.config_file.as_ref());
        let (loaded, files) = read(path);
        let not_empty = loaded.and_then(|(file, is_empty)| {
            // The program that writes it may have failed. An intentionally empty one is `{}`.
            let reason =
                "the web configuration file has become empty (write {} to turn everything off)";
            if is_empty {
                Err(reason.to_owned())
            } else {
                Ok(file)
            }
        });
        (not_empty, files)
    }

    fn rules_of(&self, file: WebFile, web: &WebSpec) -> Rules {
        Rules::new(file, web, self.0.is_loopback, &self.0.digests)
    }

    /// Activates rules. Open connections continue.
    pub fn apply(&self, prepared: Prepared) {
        self.0.rules.store(Arc::new(prepared.rules));
        *self.source() = prepared.source;
        self.log();
    }

    /// Reloads the file if it or one that it references has changed; `None` if not. Blocks.
    pub fn refresh(&self) -> Option<Result<(), String>> {
        let web = {
            let mut source = self.source();
            if !source.has_changed() {
                return None;
            }
            source.web.clone()
        };
        let (loaded, files) = self.read(&web);
        // An invalid file is reported once, until it changes again.
        self.source().files = files;
        Some(loaded.map(|file| {
            self.0.rules.store(Arc::new(self.rules_of(file, &web)));
            self.log();
        }))
    }

    fn source(&self) -> MutexGuard<'_, Source> {
        self.0.source.lock()
    }

    fn log(&self) {
        let rules = self.rules();
        let tls = rules.file.tls.is_some();
        let authentication = rules.authenticates();
        if rules.takes_tokens() || self.0.file.is_some() || self.source().web.config_file.is_some()
        {
            tracing::info!(tls, authentication, "web configuration loaded");
        }
        if !self.0.is_loopback && !authentication {
            let can = self.source().web.strangers_can();
            let code = "open-listen";
            tracing::warn!(
                code,
                "there is no authentication: everyone who can reach slod can {can}"
            );
        }
        for sentence in file::unknown_users(&rules.file.users, &self.source().web) {
            tracing::warn!("{sentence}");
        }
        if rules.needs_login() && !tls && !self.0.is_loopback {
            tracing::warn!(
                "passwords and tokens are sent without TLS: anyone on the network path can read them"
            );
        }
    }
}

/// Reads the file, whether it is empty, and the files to watch. Logs warnings.
fn read(path: Option<&PathBuf>) -> (Result<(WebFile, bool), String>, Stamps) {
    let Some(path) = path else {
        return (Ok((WebFile::default(), false)), Stamps::new());
    };
    let mut files = Stamps::from([(path.clone(), Stamp::of(path))]);
    let loaded = file::load(path);
    files.extend(loaded.files.clone());
    log_warnings(&loaded);
    let errors = loaded.errors();
    let is_empty = loaded.is_empty;
    let file = loaded.file.map(|file| (file, is_empty));
    (file.ok_or(errors), files)
}

fn log_warnings(loaded: &LoadedFile) {
    for warning in loaded.of(Severity::Warning) {
        let code = warning.code;
        tracing::warn!(code, "{}: {}", warning.path, warning.message);
    }
}
