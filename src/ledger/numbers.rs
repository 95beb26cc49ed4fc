//! Probes and objectives at the time of a view. Their values are computed when they are read, so
//! that a page of thousands of services needs no memory for all of them.

use super::llm::LlmCounters;
use super::objective::ObjectiveState;
use super::probe::ProbeState;
use super::service::ServiceState;
use super::snapshot::{LastOutcome, Quantiles};
use crate::alert::Burning;
use crate::outcome::{ProbeKey, Timestamp};
use crate::slo::series::Counts;
use crate::slo::{BudgetView, Objective, StandardWindow, Window, WindowView};
use crate::stats::scale::Scale;
use std::sync::Arc;
use std::time::Duration;

/// A probe at the time of a view.
pub(super) struct LiveProbe<'a> {
    pub(super) state: &'a ProbeState,
    pub(super) now: Timestamp,
    pub(super) scale: &'a Scale,
}

impl LiveProbe<'_> {
    pub(super) fn quantiles(&self) -> Quantiles {
        self.state.quantiles(self.now, self.scale, &mut Vec::new())
    }
}

/// A service at the time of a view.
pub struct LiveService<'a> {
    pub(super) state: &'a ServiceState,
    pub(super) now: Timestamp,
}

impl LiveService<'_> {
    /// Its own probes, each with its last outcome and its language model counters.
    pub fn probes(
        &self,
    ) -> impl Iterator<Item = (&ProbeKey, Option<&LastOutcome>, Option<&LlmCounters>)> {
        let own = self.state.probes.iter().filter(|probe| !probe.borrowed);
        own.map(|probe| (&probe.key, probe.last.as_ref(), probe.llm.as_deref()))
    }

    /// The objective with this name.
    pub fn objective(&self, name: &str) -> Option<LiveObjective<'_>> {
        let mut all = self.state.objectives.iter();
        let state = all.find(|one| one.name() == name)?;
        Some(LiveObjective {
            service: &self.state.name,
            probes: &self.state.probes,
            state,
            now: self.now,
        })
    }

    /// The coverage of a window for each objective that has been counted since `since` or earlier.
    pub fn coverages(&self, window: StandardWindow, since: Timestamp) -> impl Iterator<Item = f64> {
        let objectives = self.state.objectives.iter();
        let old = objectives.filter(move |one| {
            let begun = one.since(&self.state.probes);
            begun.is_some_and(|begun| begun <= since)
        });
        old.filter_map(move |one| one.tracker.view(self.now, window.length()).coverage)
    }
}

/// An objective at the time of a view.
pub struct LiveObjective<'a> {
    pub(super) service: &'a Arc<str>,
    /// All probes that its service watches.
    pub(super) probes: &'a [Arc<ProbeState>],
    pub(super) state: &'a ObjectiveState,
    pub(super) now: Timestamp,
}

impl LiveObjective<'_> {
    pub fn service(&self) -> &Arc<str> {
        self.service
    }

    pub fn objective(&self) -> &Objective {
        self.state.tracker.objective()
    }

    /// The error ratio in each of `parts` equal parts of a window that ends now, oldest first;
    /// `None` where nothing was counted.
    pub fn error_ratios(&self, window: Duration, parts: u32) -> Vec<Option<f64>> {
        let mut later = Counts::default();
        let ratio = |part: u32| {
            let all = self.state.tracker.counts(self.now, window * part / parts);
            let mut own = all;
            own -= std::mem::replace(&mut later, all);
            let events = own.good + own.bad;
            (events > 0).then(|| own.bad as f64 / events as f64)
        };
        let mut ratios: Vec<_> = (1..=parts).map(ratio).collect();
        ratios.reverse();
        ratios
    }

    pub(super) fn event_interval(&self) -> Option<Duration> {
        self.state.tracker.event_interval()
    }

    /// Counted events since the daemon started, in units of [`crate::slo::BudgetingMethod::parts`]; time
    /// slices are counted when they end.
    pub fn events(&self) -> u64 {
        self.state.tracker.counters().0
    }

    /// Bad events among [`Self::events`].
    pub fn bad_events(&self) -> u64 {
        self.state.tracker.counters().1
    }

    pub(super) fn is_corrected(&self) -> bool {
        self.state.tracker.corrected().contains(self.now)
    }

    /// The budget of the objective's own window.
    pub(super) fn budget(&self) -> BudgetView {
        let window = self.objective().window;
        self.state.tracker.budget(self.now, window)
    }

    /// The additional windows, with their counts.
    pub(super) fn additional_windows(&self) -> impl Iterator<Item = (&Window, WindowView)> {
        let windows = self.objective().additional_windows.iter();
        windows.map(|window| (window, self.state.tracker.period(self.now, window)))
    }
}

impl Burning for LiveObjective<'_> {
    fn service(&self) -> &Arc<str> {
        self.service
    }

    fn objective(&self) -> &Objective {
        self.state.tracker.objective()
    }

    fn counts(&self, window: StandardWindow) -> Counts {
        self.state.tracker.counts(self.now, window.length())
    }

    fn window(&self, window: StandardWindow) -> WindowView {
        self.state.tracker.view(self.now, window.length())
    }

    fn remaining(&self) -> Option<f64> {
        let tracker = &self.state.tracker;
        tracker.remaining(self.now, &self.objective().window)
    }

    fn exhaustion(&self) -> Option<Timestamp> {
        let tracker = &self.state.tracker;
        tracker.runs_out(self.now, &self.objective().window)
    }

    fn was_bad(&self, within: Duration) -> bool {
        self.state.tracker.was_bad(self.now, within)
    }

    fn last_failure(&self, window: StandardWindow) -> Option<String> {
        let since = self.now.before(window.length());
        let probes = self.state.counts.iter().map(|at| &self.probes[*at]);
        let failures = probes.filter_map(|probe| Some((&probe.key, probe.last_failure()?)));
        let recent = failures.filter(|(_, failure)| failure.at >= since);
        let (key, failure) = recent.max_by_key(|(_, failure)| failure.at)?;
        let name = if key.service == *self.service {
            key.probe.to_string()
        } else {
            key.to_string()
        };
        Some(format!("{name}: {}", failure.words()))
    }
}
