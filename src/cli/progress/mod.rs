//! Progress of a run: redrawn in place on a terminal, otherwise one line per window.
//!
//! ```text
//! windows, samples -> state.rs -> RunView -> a thread of its own -> view.rs -> the terminal
//! ```

mod state;
mod view;

use super::log::{BufferedLog, takes_color};
use super::output::show;
use super::screen::{Screen, is_drawn};
use crate::config::ServiceSpec;
use crate::load::{LoadWindow, RunRecord, Scenario};
use crate::report::load_run::{Requirement, requirements};
use crate::store::Tick;
use crate::threshold::Threshold;
use clap::Args;
use state::State;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use view::RunView;

/// Time between two redraws.
const PACE: Duration = Duration::from_millis(500);
/// Time limit for the last redraw: a paused terminal must not block the exit.
const LAST_DRAWING: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, Args)]
pub struct DrawnArg {
    /// Write lines instead of drawing on the terminal.
    #[arg(long)]
    pub plain: bool,
}

impl DrawnArg {
    /// The log to hold back while the terminal is drawn on; `None` if nothing is drawn.
    pub fn on_terminal(self, log: &BufferedLog) -> Option<BufferedLog> {
        (!self.plain && is_drawn()).then(|| log.clone())
    }
}

/// Requirements of a run: those configured for the service, and those of the command line.
pub fn required(
    service: &ServiceSpec,
    scenario: &Scenario,
    given: &[Threshold],
) -> Vec<Requirement> {
    let given = given.iter();
    let given = given.map(|one| Requirement::of_all(one.clone(), "threshold"));
    let known = requirements(service, scenario).into_iter();
    known.chain(given).collect()
}

pub struct Progress {
    state: State,
    /// Formats a window as a line when nothing is drawn.
    line: fn(&LoadWindow, &RunRecord) -> String,
    run: RunRecord,
    drawing: Option<Drawing>,
}

/// Draws on a thread of its own, so that only this thread waits for the terminal.
struct Drawing {
    views: SyncSender<RunView>,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Starts with the planned run. `log` is held back while a terminal is drawn on.
    pub fn start(
        run: &RunRecord,
        requirements: Vec<Requirement>,
        title: String,
        log: Option<BufferedLog>,
        line: fn(&LoadWindow, &RunRecord) -> String,
    ) -> Self {
        let state = State::new(run, requirements, title);
        Self {
            drawing: log.and_then(|log| Drawing::start(log, state.view())),
            state,
            line,
            run: run.clone(),
        }
    }

    pub fn window(&mut self, window: &LoadWindow) {
        self.state.window(window);
        match &self.drawing {
            Some(drawing) => drawing.show(&self.state),
            None => {
                show(&(self.line)(window, &self.run));
            }
        }
    }

    pub fn sampled(&mut self, tick: &Tick) {
        self.state.sampled(tick);
        self.redraw();
    }

    pub fn workers(&mut self, workers: Option<u64>) {
        self.state.workers(workers);
    }

    /// Sets the resource of the generator's machine that first prevented a start.
    pub fn lacks(&mut self, first: Option<String>) {
        self.state.lacks(first.clone());
        self.run.lack = first;
    }

    /// Records that the run was asked to stop.
    pub fn ends(&mut self) {
        self.state.ends();
        self.redraw();
    }

    fn redraw(&self) {
        if let Some(drawing) = &self.drawing {
            drawing.show(&self.state);
        }
    }

    /// Whether the run is drawn on a terminal.
    pub const fn is_drawn(&self) -> bool {
        self.drawing.is_some()
    }

    /// Draws a last time; subsequent output appears below.
    pub fn end(&mut self) {
        let Some(Drawing { views, thread }) = self.drawing.take() else {
            return;
        };
        // A view that is still queued is nearly the same.
        let _ = views.try_send(self.state.view());
        drop(views);
        let until = Instant::now() + LAST_DRAWING;
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drawing {
    /// Returns `None` if no thread can be started.
    fn start(log: BufferedLog, first: RunView) -> Option<Self> {
        let (views, received) = sync_channel(1);
        let mut screen = Screen::new(log);
        let work = move || {
            // If the terminal is gone, drawing ends, and the run continues.
            let _ = draw(&mut screen, first, &received);
        };
        let thread = thread::Builder::new().name("drawing".to_owned());
        let thread = thread.spawn(work).ok()?;
        Some(Self { views, thread })
    }

    /// If the terminal is slow, the view is skipped: the next one includes it.
    fn show(&self, state: &State) {
        let _ = self.views.try_send(state.view());
    }
}

fn draw(
    screen: &mut Screen<io::Stdout>,
    mut view: RunView,
    views: &Receiver<RunView>,
) -> io::Result<()> {
    let began = Instant::now();
    let color = takes_color(&io::stdout());
    loop {
        screen.show(
            |size| view::lines(&view, began.elapsed(), size, color),
            String::new,
        )?;
        match views.recv_timeout(PACE) {
            Ok(next) => view = next,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
