//! What makes the load of a run: the engine of slod, or another tool.

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

/// What a run measured.
pub struct Generated {
    pub windows: Vec<LoadWindow>,
    pub requests: Vec<RequestFigures>,
    /// Why the run is not what was planned, if nobody ended it.
    pub failure: Option<String>,
    /// The first failure of each cause, in words, if the engine knows it.
    pub examples: Vec<(Cause, String)>,
    /// What the generator's machine lacked first for a start, in words.
    pub lack: Option<String>,
}

/// Why a run without some of its threads cannot be judged.
fn lost(panicked: usize) -> Option<String> {
    let threads = numbers::plural(panicked as u64, "thread");
    (panicked > 0).then(|| {
        format!("{threads} of the load generator ended by a panic: what they counted is lost")
    })
}

impl Generator {
    pub fn start(work: Work) -> Result<Self, String> {
        match work {
            Work::Own(plan) => {
                let cpu = CpuMeter::own();
                let engine = Engine::start(*plan).map_err(|StartError(error)| refusal(&error))?;
                Ok(Self::Own(Box::new(engine), cpu))
            }
            Work::Tool(plan) => ToolRun::start(*plan).map(|run| Self::Tool(Box::new(run))),
        }
    }

    /// Waits until its load begins.
    pub async fn began(&mut self) -> Result<Timestamp, String> {
        match self {
            Self::Own(..) => Ok(Clock::system().now()),
            Self::Tool(run) => run.began().await,
        }
    }

    /// The next second that is over; `None` after the end of the run.
    pub async fn next(&mut self) -> Option<LoadWindow> {
        match self {
            Self::Own(engine, cpu) => engine.next(|| cpu.share()).await,
            Self::Tool(run) => run.next().await,
        }
    }

    /// Asks it for its end.
    pub fn stop(&mut self) {
        match self {
            Self::Own(engine, _) => engine.stop(),
            Self::Tool(run) => run.stop(),
        }
    }

    /// Ends what does not end with this process.
    pub fn kill(&self) {
        if let Self::Tool(run) = self {
            run.kill();
        }
    }

    /// Workers on other machines that run, if there are any.
    pub fn workers(&self) -> Option<u64> {
        match self {
            Self::Own(..) => None,
            Self::Tool(run) => run.workers(),
        }
    }

    /// What the generator's machine lacked first for a start, in words, so far.
    pub fn lack(&self) -> Option<String> {
        match self {
            Self::Own(engine, _) => engine.lack(),
            Self::Tool(_) => None,
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
                    failure: lost(panicked),
                    examples,
                    lack,
                }
            }
            Self::Tool(run) => run.finish(),
        }
    }
}
