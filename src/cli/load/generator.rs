//! The load generator of a run: slod's own engine or another tool.

use super::cpu::CpuMeter;
use super::plan::Work;
use super::tool_run::ToolRun;
use crate::clock::Clock;
use crate::format::numbers;
use crate::load::{LoadWindow, RequestFigures};
use crate::outcome::{Cause, Timestamp};
use crate::tasks::threads::refusal;
use slod_load::{Engine, Finished, StartError};

pub enum Generator {
    Own(Box<Engine>, CpuMeter),
    Tool(Box<ToolRun>),
}

/// Measurements of a run.
pub struct Generated {
    pub windows: Vec<LoadWindow>,
    pub requests: Vec<RequestFigures>,
    /// Why the run deviated from its plan, unless a user ended it.
    pub failure: Option<String>,
    /// The first failure of each cause as a message, if the engine records it.
    pub examples: Vec<(Cause, String)>,
    /// The resource of the generator's machine that first prevented a start.
    pub lack: Option<String>,
}

/// Why a run that lost some of its threads cannot be judged.
fn panic_message(panicked: usize) -> Option<String> {
    let threads = numbers::plural(panicked as u64, "thread");
    (panicked > 0)
        .then(|| format!("{threads} of the load generator panicked: their counts are lost"))
}

impl Generator {
    pub fn start(work: Work) -> Result<Self, String> {
        match work {
            Work::Engine(plan) => {
                let cpu = CpuMeter::own();
                let engine = Engine::start(*plan).map_err(|StartError(error)| refusal(&error))?;
                Ok(Self::Own(Box::new(engine), cpu))
            }
            Work::Tool(plan) => ToolRun::start(*plan).map(|run| Self::Tool(Box::new(run))),
        }
    }

    /// Waits until the load starts.
    pub async fn began(&mut self) -> Result<Timestamp, String> {
        match self {
            Self::Own(..) => Ok(Clock::system().now()),
            Self::Tool(run) => run.began().await,
        }
    }

    /// Returns the next completed second; `None` after the end of the run.
    pub async fn next(&mut self) -> Option<LoadWindow> {
        match self {
            Self::Own(engine, cpu) => engine.next(|| cpu.share()).await,
            Self::Tool(run) => run.next().await,
        }
    }

    /// Asks the generator to stop.
    pub fn stop(&mut self) {
        match self {
            Self::Own(engine, _) => engine.stop(),
            Self::Tool(run) => run.stop(),
        }
    }

    /// Kills whatever does not end with this process.
    pub fn kill(&self) {
        if let Self::Tool(run) = self {
            run.kill();
        }
    }

    /// Number of running workers on other machines, if any.
    pub fn workers(&self) -> Option<u64> {
        match self {
            Self::Own(..) => None,
            Self::Tool(run) => run.workers(),
        }
    }

    /// The resource of the generator's machine that first prevented a start, so far.
    pub fn lack(&self) -> Option<String> {
        match self {
            Self::Own(engine, _) => engine.lack(),
            Self::Tool(_) => None,
        }
    }

    /// The first failure of each cause as a message, so far.
    pub fn examples(&self) -> Vec<(Cause, String)> {
        match self {
            Self::Own(engine, _) => engine.examples(),
            Self::Tool(run) => run.examples(),
        }
    }

    pub fn finish(self) -> Generated {
        match self {
            Self::Own(engine, _) => {
                let Finished {
                    windows,
                    requests,
                    panicked,
                    examples,
                    lack,
                } = engine.finish();
                Generated {
                    windows,
                    requests,
                    failure: panic_message(panicked),
                    examples,
                    lack,
                }
            }
            Self::Tool(run) => run.finish(),
        }
    }
}
