//! Imports results of other load tools as runs, and recordings and descriptions of a service as
//! requests.

pub mod blackbox;
mod check;
mod collect;
mod csv;
mod document;
mod failures;
mod follow;
mod jmeter;
mod k6;
pub mod k6_options;
mod locust;
mod locust_counts;
pub mod locust_failures;
mod oha;
pub mod requests;
pub mod slo;
mod totals;
mod vegeta;
mod written;
mod wrk;

use crate::load::{IMPORTED, LoadWindow, Model, RunRecord, Scenario, Stage};
use crate::outcome::Timestamp;
pub use check::{Check, Fault};
use collect::Collector;
pub use document::Remark;
pub use follow::{Followed, Follower};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::time::Duration;
use totals::Totals;
pub use written::Imported;

/// A remark on a result of a tool that was killed while it wrote.
const CUT: &str = "; the file ends within a line, so the end of the run is missing";

/// Maximum length of a line.
const LINE_MAX: u64 = 1 << 20;

/// A tool whose results can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// `k6 run --out json=FILE` or `--out csv=FILE`.
    K6,
    /// `locust --csv NAME`: the file `NAME_stats_history.csv`.
    Locust,
    /// `vegeta encode --to csv` or `--to json`.
    Vegeta,
    /// `oha --output-format csv` or `json`.
    Oha,
    /// The output of `wrk --latency` and wrk2.
    Wrk,
    /// `jmeter -l FILE`, as CSV.
    JMeter,
}

/// Why a result cannot be imported.
#[derive(Debug)]
pub enum ImportError {
    Read(io::Error),
    /// An error in a line, counted from 1.
    Line {
        number: u64,
        what: String,
    },
    Empty,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => write!(f, "cannot be read: {}", error.kind()),
            Self::Line { number, what } => write!(f, "line {number}: {what}"),
            Self::Empty => f.write_str("no requests found"),
        }
    }
}

impl std::error::Error for ImportError {}

impl Tool {
    pub const ALL: [Self; 6] = [
        Self::K6,
        Self::Locust,
        Self::Vegeta,
        Self::Oha,
        Self::Wrk,
        Self::JMeter,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::K6 => "k6",
            Self::Locust => "locust",
            Self::Vegeta => "vegeta",
            Self::Oha => "oha",
            Self::Wrk => "wrk",
            Self::JMeter => "jmeter",
        }
    }

    /// Whether its results contain timestamps.
    pub const fn writes_times(self) -> bool {
        !matches!(self, Self::Oha | Self::Wrk)
    }

    /// Reads a result, keeping only its windows in memory. `started` is when the run began, for
    /// tools that do not record it.
    pub fn read(
        self,
        input: impl BufRead,
        service: &str,
        started: Timestamp,
    ) -> Result<RunRecord, ImportError> {
        let mut lines = Lines::new(input);
        let mut collector = Collector::default();
        let read = match self {
            Self::K6 => k6::read(&mut lines, &mut collector),
            Self::Locust => locust::read(&mut lines, &mut collector),
            Self::Vegeta => vegeta::read(&mut lines, &mut collector),
            Self::JMeter => jmeter::read(&mut lines, &mut collector),
            Self::Oha => match lines.next()? {
                Some(first) if first.starts_with(oha::JSON) => {
                    let totals = oha::document(first, &mut lines)?;
                    return whole_run(self, service, started, totals);
                }
                Some(header) => oha::requests(&header, &mut lines, &mut collector, started),
                None => Ok(()),
            },
            Self::Wrk => return whole_run(self, service, started, wrk::read(&mut lines)?),
        };
        let is_cut = read.is_err() && lines.is_cut && collector.ended().is_some();
        if !is_cut {
            read?;
        }
        let (requests, examples) = (collector.take_named(), collector.take_examples());
        let (from, windows, later) = collector.finish().ok_or(ImportError::Empty)?;
        let mut run = RunRecord {
            requests,
            examples,
            ..run(self, service, from, windows)
        };
        if self == Self::Oha {
            run.scenario.purpose.push_str(oha::ANSWERED_ONLY);
        }
        if is_cut {
            run.scenario.purpose.push_str(CUT);
        }
        if later > 0 {
            let left_out = "requests later than a week after the first are left out";
            run.scenario.purpose = format!("{}; {left_out}: {later}", run.scenario.purpose);
        }
        Ok(run)
    }
}

/// A run of which only the totals are known.
fn whole_run(
    tool: Tool,
    service: &str,
    started: Timestamp,
    totals: Totals,
) -> Result<RunRecord, ImportError> {
    let window = totals.window().ok_or(ImportError::Empty)?;
    let mut run = run(tool, service, started, vec![window]);
    run.scenario.purpose = format!(
        "imported from the totals of {}: latencies are spread evenly between its percentiles",
        tool.name()
    );
    Ok(run)
}

/// A run with a single stage, since the results do not contain the plan.
fn run(tool: Tool, service: &str, from: Timestamp, windows: Vec<LoadWindow>) -> RunRecord {
    let length: Duration = windows.iter().map(|window| window.length).sum();
    let highest = |of: fn(&LoadWindow) -> f64| windows.iter().map(of).fold(0.0, f64::max);
    let active = highest(|window| window.active);
    let scenario = Scenario {
        name: IMPORTED.to_owned(),
        purpose: format!(
            "imported from a result of {}, from its first request to its last response",
            tool.name()
        ),
        model: Model::Closed {
            think: Duration::ZERO,
        },
        stages: vec![Stage::new(IMPORTED, active, active, length)],
    };
    RunRecord {
        to: from.after(length),
        windows,
        ..RunRecord::begun(service, scenario, tool.name(), from)
    }
}

/// Lines with their numbers.
struct Lines<R> {
    input: R,
    number: u64,
    /// The first line of the last record.
    first: u64,
    /// Whether the input ended within the last line.
    is_cut: bool,
}

impl<R: BufRead> Lines<R> {
    const fn new(input: R) -> Self {
        Self {
            input,
            number: 0,
            first: 0,
            is_cut: false,
        }
    }

    /// The next line without its end; `None` after the last one.
    fn next(&mut self) -> Result<Option<String>, ImportError> {
        self.number += 1;
        self.first = self.number;
        let mut line = Vec::new();
        let mut limited = self.input.by_ref().take(LINE_MAX);
        let read = limited.read_until(b'\n', &mut line);
        // A compressed input may end within its last block.
        self.is_cut = matches!(&read, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        read.map_err(ImportError::Read)?;
        if line.is_empty() {
            return Ok(None);
        }
        self.is_cut = !line.ends_with(b"\n");
        if line.len() as u64 >= LINE_MAX {
            return Err(self.fault("longer than 1 MiB"));
        }
        let text = String::from_utf8(line).map_err(|_| self.fault("invalid UTF-8"))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The next CSV record, without its end.
    fn record(&mut self) -> Result<Option<String>, ImportError> {
        let first = self.next()?;
        first.map(|line| self.whole(line)).transpose()
    }

    /// Completes a record that starts with a line: quoted values may contain line breaks.
    fn whole(&mut self, mut record: String) -> Result<String, ImportError> {
        let first = self.number;
        let mut is_open = csv::leaves_quotes(&record);
        while is_open {
            let Some(line) = self.next()? else { break };
            is_open ^= csv::leaves_quotes(&line);
            record.push('\n');
            record.push_str(&line);
            if record.len() as u64 >= LINE_MAX {
                self.first = first;
                return Err(self.fault("longer than 1 MiB"));
            }
        }
        self.first = first;
        Ok(record)
    }

    fn fault(&self, what: impl Into<String>) -> ImportError {
        ImportError::Line {
            number: self.first,
            what: what.into(),
        }
    }
}

#[cfg(test)]
mod tests;
