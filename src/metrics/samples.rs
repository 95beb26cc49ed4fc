//! The samples of one family for one probe or objective.

use super::family::Family;
use super::page::{Labels, Page};
use crate::ledger::snapshot::ObjectiveView;

/// Where a family's samples go; its labels so far are the probe's or objective's.
pub struct Samples<'a> {
    pub page: &'a mut Page,
    pub family: &'a Family,
    pub labels: Labels,
}

impl Samples<'_> {
    /// Unknown is absent.
    pub fn value(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.page
                .sample(self.family.name, "", self.labels.text(), value);
        }
    }

    pub fn count(&mut self, value: u64) {
        self.page
            .count(self.family.name, "", self.labels.text(), value);
    }

    /// Counts of an objective as events, which may be whole or not.
    pub fn events(&mut self, slo: &ObjectiveView, counts: u64) {
        match slo.objective.budgeting {
            budgeting if budgeting.parts() == 1 => self.count(counts),
            budgeting => self.value(Some(budgeting.events(counts))),
        }
    }

    /// What is written inside has one more label.
    pub fn with(&mut self, name: &str, value: &str, write: impl FnOnce(&mut Self)) {
        let end = self.labels.push(name, value);
        write(self);
        self.labels.cut(end);
    }

    pub fn histogram(&mut self, bounds: impl Iterator<Item = f64>, buckets: &[u64], sum: f64) {
        self.page
            .histogram(self.family.name, &mut self.labels, bounds, buckets, sum);
    }
}
