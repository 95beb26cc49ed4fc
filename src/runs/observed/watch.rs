//! State of an observed run: its samples, and the windows computed from them.

use super::probes::ProbeWindows;
use crate::config::{Config, ServiceSpec};
use crate::load::{
    CountedWindows, Ending, LoadWindow, Model, OBSERVED, RunRecord, Samples, Scenario, Stage,
};
use crate::observe::reading;
use crate::outcome::Timestamp;
use crate::store::Tick;
use slod_load::{add_within, merged};
use std::time::Duration;

/// Maximum number of windows of a run; beyond it, neighboring windows are merged.
const WINDOWS_MAX: usize = 1440;

/// An observed run.
pub struct Watch {
    service: String,
    pub from: Timestamp,
    source: Source,
    samples: Samples,
    windows: Vec<LoadWindow>,
}

/// Data that windows are computed from.
enum Source {
    Metrics(CountedWindows),
    Probes(ProbeWindows),
}

impl Watch {
    /// Uses the service's own metrics if they are configured, otherwise its probes.
    pub fn new(config: &Config, service: &ServiceSpec, from: Timestamp, width: Duration) -> Self {
        let has_metrics = service.metrics.is_some() && config.observe.is_on("services");
        let source = if has_metrics {
            Source::Metrics(CountedWindows::new(from))
        } else {
            Source::Probes(ProbeWindows::new(config, service, from, width))
        };
        Self {
            service: service.name.to_string(),
            from,
            source,
            samples: Samples::default(),
            windows: Vec::new(),
        }
    }

    /// Source of the windows, as a phrase.
    pub const fn purpose(&self) -> &'static str {
        match self.source {
            Source::Metrics(_) => "requests as counted by the service's own metrics",
            Source::Probes(_) => {
                "requests are the attempts of slod's probes, because the service's metrics are not configured"
            }
        }
    }

    /// Why there will be nothing to observe, if known.
    pub fn fault(&self) -> Option<String> {
        match &self.source {
            Source::Metrics(_) => None,
            Source::Probes(probes) => probes.fault(),
        }
    }

    /// Adds a tick; returns the windows that it completed. A tick from before the run only sets the counter
    /// baseline of the first window.
    pub fn take(&mut self, tick: Tick) -> Vec<LoadWindow> {
        let new: Vec<LoadWindow> = match &mut self.source {
            Source::Metrics(counted) => {
                let samples = tick.samples.iter().map(|(key, _, value)| (&**key, *value));
                let reading = reading(&self.service, samples);
                counted.take(tick.at, reading).into_iter().collect()
            }
            Source::Probes(probes) => probes.ended_by(tick.at),
        };
        if tick.at >= self.from {
            self.samples.add(tick.at, tick.samples);
        }
        add_within(WINDOWS_MAX, &mut self.windows, &new);
        new
    }

    /// Time after the end of a window until its measurements are complete.
    pub const fn settling(&self) -> Duration {
        match &self.source {
            Source::Metrics(_) => Duration::ZERO,
            Source::Probes(probes) => probes.settled(),
        }
    }

    /// Returns the record of the run, which ended at `to`.
    pub fn finish(mut self, to: Timestamp, ending: Ending, purpose: String) -> RunRecord {
        let rest: Vec<LoadWindow> = match &mut self.source {
            Source::Metrics(counted) => counted.close(to).into_iter().collect(),
            Source::Probes(probes) => probes.rest(to),
        };
        add_within(WINDOWS_MAX, &mut self.windows, &rest);
        join_short_end(&mut self.windows);
        let mut run = record(self.service, self.from, purpose);
        run.scenario.stages[0].length = to.since(self.from);
        RunRecord {
            to,
            ending,
            windows: self.windows,
            observed: self.samples.finish(),
            ..run
        }
    }

    /// The record of the run before anything is measured.
    pub fn plan(&self, purpose: String, length: Duration) -> RunRecord {
        let mut run = record(self.service.clone(), self.from, purpose);
        run.scenario.stages[0].length = length;
        run
    }
}

/// The last sample is taken when the run ends, and the rate of a very short window would be random.
fn join_short_end(windows: &mut Vec<LoadWindow>) {
    if let [.., before, last] = &windows[..]
        && last.length < before.length / 2
        && let Some(joined) = merged(&[before.clone(), last.clone()])
    {
        windows.truncate(windows.len() - 2);
        windows.push(joined);
    }
}

/// A record with one stage without a load level: the load is not planned here, so that any two runs can be
/// compared.
fn record(service: String, from: Timestamp, purpose: String) -> RunRecord {
    let scenario = Scenario {
        name: OBSERVED.to_owned(),
        purpose,
        model: Model::Open { poisson: false },
        stages: vec![Stage::new(OBSERVED, 0.0, 0.0, Duration::ZERO)],
    };
    RunRecord::begun(service, scenario, OBSERVED, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_short_last_window_is_merged_with_the_one_before() {
        let window = |start: u64, length: u64, good: u64| LoadWindow {
            start: Duration::from_millis(start),
            length: Duration::from_millis(length),
            started: good,
            good,
            ..LoadWindow::default()
        };
        let ended = |last: u64| {
            let mut windows = vec![
                window(0, 5000, 5),
                window(5000, 5000, 6),
                window(10_000, last, 1),
            ];
            join_short_end(&mut windows);
            let shown = |one: &LoadWindow| (one.length.as_millis(), one.good);
            windows.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(ended(20), [(5000, 5), (5020, 7)]);
        assert_eq!(ended(2500), [(5000, 5), (5000, 6), (2500, 1)]);
    }
}
