//! Corrections in a report: those that overlap the span, including revoked ones.

use super::model::{CorrectionReport, Origin};
use super::span::Span;
use crate::config::Config;
use crate::ledger::in_force;
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG};
use crate::store::{Store, StoreError};

/// Corrections in force, and all that overlap the span for display.
pub struct Corrections {
    pub in_force: Vec<Correction>,
    pub shown: Vec<CorrectionReport>,
}

impl Corrections {
    pub fn read(config: &Config, store: &Store, span: Span) -> Result<Self, StoreError> {
        let in_force = in_force(config, store)?;
        let mut shown: Vec<CorrectionReport> = Vec::new();
        for correction in in_force.iter().filter(|one| concerns(config, one)) {
            shown.extend(CorrectionReport::inside(correction, span));
        }
        for (correction, at) in store.revoked_corrections()? {
            if concerns(config, &correction) {
                let report = CorrectionReport::inside(&correction, span);
                shown.extend(report.map(|report| report.revoked(at)));
            }
        }
        shown.sort_by_key(|correction| correction.from);
        Ok(Self { in_force, shown })
    }
}

/// Whether the correction affects anything in the report.
fn concerns(config: &Config, correction: &Correction) -> bool {
    config.services.iter().any(|service| {
        let mut objectives = service.objectives.iter();
        objectives.any(|objective| correction.concerns(&service.name, &objective.name))
    })
}

impl CorrectionReport {
    /// A correction with its occurrences in the span; `None` if there are none.
    fn inside(correction: &Correction, span: Span) -> Option<Self> {
        let occurrences = correction.occurrences(span.from, span.to);
        let (first, last) = (occurrences.first()?, occurrences.last()?);
        let inside = |(from, to): &(Timestamp, Timestamp)| {
            let (from, to) = ((*from).max(span.from), (*to).min(span.to));
            to.since(from).as_secs_f64()
        };
        Some(Self {
            id: correction.id.clone(),
            origin: if correction.id.starts_with(IN_CONFIG) {
                Origin::Config
            } else {
                Origin::ByHand
            },
            from: first.0.to_utc(),
            to: last.1.to_utc(),
            occurrences: occurrences.len() as u64,
            corrected_seconds: occurrences.iter().map(inside).sum(),
            taken_back_at: None,
            services: correction.services.clone(),
            slos: correction.slos.clone(),
            reason: correction.reason.clone(),
            author: correction.author.clone(),
        })
    }

    fn revoked(self, at: Timestamp) -> Self {
        Self {
            corrected_seconds: 0.0,
            taken_back_at: Some(at.to_utc()),
            ..self
        }
    }
}
