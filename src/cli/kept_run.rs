//! A run that is stored from its start: written every five seconds on a thread of its own, so that a slow
//! disk delays neither the load nor the samples.

use super::output::print_error;
use crate::clock::Clock;
use crate::config::{Config, ServiceSpec};
use crate::load::{Ending, LoadWindow, RunRecord};
use crate::outcome::Cause;
use crate::report::load_run::{RunReport, RunSummary};
use crate::store::{RunPart, Store, StoreError, Tick};
use slod_load::merged;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Interval between writes.
const EVERY: Duration = Duration::from_secs(5);
/// Maximum number of windows that are stored while a run is in progress; a longer run gets wider windows
/// until it ends.
const WINDOWS_MAX: f64 = 7200.0;

/// A run in progress.
pub struct KeptRun {
    /// Unbounded: it only holds one window per second and a few samples while a slow disk catches up, and
    /// the load must never wait for it.
    news: Sender<RunUpdate>,
    writer: Option<JoinHandle<()>>,
    path: PathBuf,
    /// The number of the run in the store; `None` if it could not be stored yet.
    id: Option<i64>,
}

enum RunUpdate {
    Window(Box<LoadWindow>),
    Tick(Tick),
    Lack(String),
    Examples(Vec<(Cause, String)>),
    End(Arc<RunRecord>),
}

impl KeptRun {
    /// Starts storing a planned run. Without a usable store, the run continues anyway.
    pub fn begin(config: &Config, run: &RunRecord) -> Self {
        let path = config.store.path.clone();
        let mut plan = RunRecord {
            to: run.from,
            ending: Ending::Interrupted,
            windows: Vec::new(),
            requests: Vec::new(),
            examples: Vec::new(),
            lack: None,
            observed: Vec::new(),
            ..run.clone()
        };
        let begun = Store::open_for_runs(&path).and_then(|mut store| {
            plan.concurrent = store.concurrent_runs(None, &plan, Clock::system().now())?;
            let id = store.begin_run(&plan)?;
            Ok((store, id))
        });
        let id = begun.as_ref().ok().map(|(_, id)| *id);
        let (news, received) = channel();
        let writer = match begun {
            Ok((store, id)) => {
                print_error(&format!("slod: run {id} begins (slod runs show {id})"));
                if !plan.concurrent.is_empty() {
                    let names = plan.concurrent.join(", ");
                    let effect = "each run affects the figures of the others";
                    print_error(&format!(
                        "slod: other load at the same time: {names}; {effect}"
                    ));
                }
                let width = (run.scenario.length().as_secs_f64() / WINDOWS_MAX).ceil();
                let work = Writer {
                    store,
                    id,
                    service: config.service(&run.service).cloned(),
                    width: Duration::try_from_secs_f64(width).unwrap_or_default(),
                    part: RunPart::default(),
                    narrow: Vec::new(),
                    is_failing: false,
                };
                let thread = thread::Builder::new().name("run-writer".to_owned());
                thread.spawn(move || work.run(&received)).ok()
            }
            Err(error) => {
                print_error(&not_kept(&path, &error));
                None
            }
        };
        Self {
            news,
            writer,
            path,
            id,
        }
    }

    pub fn window(&self, window: LoadWindow) {
        self.send(RunUpdate::Window(Box::new(window)));
    }

    pub fn tick(&self, tick: Tick) {
        self.send(RunUpdate::Tick(tick));
    }

    /// Records which resource of the load generator's machine ran out first.
    pub fn lacks(&self, words: String) {
        self.send(RunUpdate::Lack(words));
    }

    /// Records the first failures of new causes.
    pub fn examples(&self, examples: Vec<(Cause, String)>) {
        self.send(RunUpdate::Examples(examples));
    }

    fn send(&self, news: RunUpdate) {
        // The writer may have failed, which was reported.
        let _ = self.news.send(news);
    }

    /// Ends the run and returns it; reports why it could not be stored.
    pub fn end(self, mut run: RunRecord) -> RunRecord {
        run.concurrent = self.concurrent(&run);
        let run = Arc::new(run);
        if let Some(writer) = self.writer {
            let _ = self.news.send(RunUpdate::End(run.clone()));
            if writer.join().is_ok() {
                return Arc::unwrap_or_clone(run);
            }
        }
        let kept = Store::open_for_runs(&self.path).and_then(|mut store| store.keep_run(&run));
        report(&self.path, kept);
        Arc::unwrap_or_clone(run)
    }

    /// The other runs that made load meanwhile; none if the store cannot be read.
    fn concurrent(&self, run: &RunRecord) -> Vec<String> {
        let store = Store::open_read_only(&self.path);
        let now = Clock::system().now();
        let found = store.and_then(|store| store.concurrent_runs(self.id, run, now));
        found.unwrap_or_default()
    }
}

/// Stores the summary that lists show of a run. Without it, lists judge the run again.
pub fn summarize(store: &mut Store, id: i64, run: &RunRecord, service: Option<&ServiceSpec>) {
    let report = RunReport::new(run.clone(), service);
    let summary = RunSummary::of(&report).to_stored(RunSummary::basis(service));
    if let Err(error) = store.keep_summaries(&[(id, summary)]) {
        tracing::debug!("cannot store the summary of run {id}: {error}");
    }
}

/// Reports whether a run was stored.
pub fn report(path: &std::path::Path, kept: Result<i64, StoreError>) {
    match kept {
        Ok(id) => print_error(&format!("slod: kept as run {id} (slod runs show {id})")),
        Err(error) => print_error(&not_kept(path, &error)),
    }
}

fn not_kept(path: &std::path::Path, error: &StoreError) -> String {
    format!("slod: cannot store the run: {}: {error}", path.display())
}

struct Writer {
    store: Store,
    id: i64,
    service: Option<ServiceSpec>,
    /// Width of the stored windows.
    width: Duration,
    part: RunPart,
    /// Windows that are not merged to the full width yet.
    narrow: Vec<LoadWindow>,
    is_failing: bool,
}

impl Writer {
    fn run(mut self, received: &Receiver<RunUpdate>) {
        let mut due = Instant::now() + EVERY;
        loop {
            match received.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(RunUpdate::Window(window)) => self.take(*window),
                Ok(RunUpdate::Tick(tick)) => self.part.ticks.push(tick),
                Ok(RunUpdate::Lack(words)) => self.part.lack = Some(words),
                Ok(RunUpdate::Examples(new)) => self.part.examples.extend(new),
                Ok(RunUpdate::End(run)) => {
                    let path = self.store.path().to_owned();
                    let kept = match self.store.end_run(self.id, &run) {
                        // A store was restored or created in its place during the run.
                        Err(StoreError::Gone) => Store::open_for_runs(&path).and_then(|store| {
                            self.store = store;
                            self.store.keep_run(&run)
                        }),
                        kept => kept,
                    };
                    if let Ok(id) = kept {
                        summarize(&mut self.store, id, &run, self.service.as_ref());
                    }
                    return report(&path, kept);
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The run failed before its end; its age shows this.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= due {
                self.write();
                due = Instant::now() + EVERY;
            }
        }
    }

    fn take(&mut self, window: LoadWindow) {
        self.narrow.push(window);
        let length: Duration = self.narrow.iter().map(|one| one.length).sum();
        if length >= self.width {
            self.part.windows.extend(merged(&self.narrow));
            self.narrow.clear();
        }
    }

    /// Writes pending data. What cannot be written is retried with the next write.
    fn write(&mut self) {
        let now = Clock::system().now();
        match self.store.continue_run(self.id, &self.part, now) {
            Ok(_is_there) => {
                self.part = RunPart::default();
                self.is_failing = false;
            }
            Err(error) => {
                if !self.is_failing {
                    print_error(&not_kept(self.store.path(), &error));
                }
                self.is_failing = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{SLOD, builtin};
    use crate::outcome::Timestamp;
    use std::fs;

    #[test]
    fn a_run_whose_store_was_replaced_is_kept_in_the_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, earlier) = (folder.path().join("data"), folder.path().join("earlier"));
        let path = data.join("slod.db");
        let text = format!(
            "store: {{ path: '{}' }}\nservices: [ {{ name: web, probes: [ {{ name: p, tcp: {{ address: '127.0.0.1:1' }} }} ] }} ]\n",
            path.display()
        );
        let config: Config = text.parse().expect("valid");
        let scenario = builtin("baseline", 1.0).expect("built in");
        let run = RunRecord::begun("web", scenario, SLOD, Timestamp::from_secs(1000));
        let kept = KeptRun::begin(&config, &run);
        fs::rename(&data, &earlier).expect("moved");
        kept.end(run);
        let ended = |path| {
            let store = Store::open_read_only(path).expect("opens");
            let runs = store.runs(None, 9).expect("reads");
            runs.iter().map(|run| !run.is_open).collect::<Vec<_>>()
        };
        assert_eq!(ended(&path), [true]);
        assert_eq!(ended(&earlier.join("slod.db")), [false]);
    }
}
