//! Trends of one service: rises and growth over hours.

use super::ServiceHistory;
use crate::signal::rules::{
    Answer, COUNTED, Confirmation, GrowthInput, QUEUE_CONFIRMATIONS, errors_climbing, growing,
    latency_rising,
};
use crate::signal::{Keep, Settings, SignalKind, Track, kinds};
use crate::signals::finding;
use crate::signals::process::{GROWTH_WINDOW, GROWTH_WINDOWS};
use crate::trend::{CONFIRMATIONS, GrowthRules};
use std::sync::Arc;

impl ServiceHistory {
    /// Evaluates the trends. Must be called at the interval that the false-alarm rates were
    /// measured for.
    pub(in crate::signals) fn judge_trends(&mut self, settings: &Settings) {
        let mut found = self.own_trends(settings);
        let unknown = Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Mean);
        let own = self.own.as_ref();
        let traffic = own.map_or(&unknown, |own| &own.traffic_by_growth);
        for (name, process) in &self.processes {
            let levels = (self.usual.process(name), self.sampled);
            let trends = process.trends(traffic, levels, settings);
            found.extend(trends.map(|(kind, answer)| (kind, name.clone(), answer)));
        }
        let mut confirmed = Vec::new();
        let mut before = std::mem::take(&mut self.confirmed);
        let each = found.into_iter().map(|(kind, subject, answer)| {
            let is_it =
                |(name, about, _): &(&str, Arc<str>, _)| *name == kind.name && *about == subject;
            let known = before.iter().position(is_it);
            let mut state = known.map_or_else(Confirmation::default, |at| before.swap_remove(at).2);
            let answer = state.step_of(confirmations(kind), answer);
            let finding = finding(kind, Some(&self.name), &subject, answer);
            if state != Confirmation::default() {
                confirmed.push((kind.name, subject, state));
            }
            finding
        });
        self.trends = each.collect();
        self.confirmed = confirmed;
    }

    fn own_trends(&self, settings: &Settings) -> Vec<(&'static SignalKind, Arc<str>, Answer)> {
        let least = |kind| settings.level(kind).begins;
        let (p95, by) = self.latency();
        let unknown = Track::new(GROWTH_WINDOW, GROWTH_WINDOWS, Keep::Mean);
        let own = self.own.as_ref();
        let traffic = own.map_or(&unknown, |own| &own.traffic);
        let usual = self.usual.p95(by, self.sampled);
        let latency = latency_rising(p95, traffic, usual, by, least(&kinds::LATENCY_RISING));
        let (errors, by) = self.errors();
        let errors = errors_climbing(&errors.windows(), by, least(&kinds::ERRORS_CLIMBING));
        let mut found: Vec<(_, Arc<str>, _)> = vec![
            (&kinds::LATENCY_RISING, "".into(), latency),
            (&kinds::ERRORS_CLIMBING, "".into(), errors),
        ];
        let Some(own) = own else { return found };
        let (by_growth, by_minute) = (&own.traffic_by_growth, &own.traffic_by_minute);
        let earlier = self.usual.connections(self.sampled);
        for (kind, track, traffic, unit, earlier) in [
            (
                &kinds::CONNECTIONS_GROWING,
                &own.connections,
                by_growth,
                "connections",
                Some(earlier),
            ),
            // A queue that cannot be emptied at noon is a problem, even if it is every day.
            (
                &kinds::QUEUE_GROWING,
                &own.queue,
                by_minute,
                "waiting",
                None,
            ),
        ] {
            let number = GrowthInput {
                track,
                traffic,
                rules: GrowthRules {
                    share: least(kind),
                    ..COUNTED
                },
                unit,
                scale: 1.0,
                limit: None,
                earlier,
            };
            found.push((kind, "".into(), growing(&number)));
        }
        found
    }
}

/// The number of consecutive evaluations in which a trend must be found.
fn confirmations(kind: &SignalKind) -> u32 {
    if kind.name == kinds::QUEUE_GROWING.name {
        QUEUE_CONFIRMATIONS
    } else {
        CONFIRMATIONS
    }
}
