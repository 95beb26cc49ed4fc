//! What is told of corrections: those that touch the span, and those that were taken back.

use super::model::{CorrectionReport, Origin};
use super::span::Span;
use crate::config::Config;
use crate::ledger::in_force;
use crate::outcome::Timestamp;
use crate::slo::correction::{Correction, IN_CONFIG};
use crate::store::{Store, StoreError};
use std::time::Duration;

/// Of the span: those that count, and all as they are told.
pub struct Corrections {
    pub in_force: Vec<Correction>,
    pub told: Vec<CorrectionReport>,
}

impl Corrections {
    pub fn read(config: &Config, store: &Store, span: Span) -> Result<Self, StoreError> {
        let touches = |one: &Correction| one.from < span.to && one.to > span.from;
        let mut in_force = in_force(config, store, span.to)?;
        in_force.retain(touches);
        let mut told: Vec<CorrectionReport> = Vec::new();
        for correction in in_force.iter().filter(|one| concerns(config, one)) {
            tell(&mut told, correction, span);
        }
        for (correction, at) in store.corrections_taken_back()? {
            if touches(&correction) && concerns(config, &correction) {
                told.push(taken_back(&correction, at));
            }
        }
        told.sort_by_key(|correction| correction.from);
        Ok(Self { in_force, told })
    }
}

/// Whether anything of the report is concerned.
fn concerns(config: &Config, correction: &Correction) -> bool {
    config.services.iter().any(|service| {
        let mut objectives = service.objectives.iter();
        objectives.any(|objective| correction.concerns(&service.name, &objective.name))
    })
}

/// Those that repeat, whose occurrences come together, are told once.
fn tell(told: &mut Vec<CorrectionReport>, correction: &Correction, span: Span) {
    let inside = correction.to.min(span.to).0 - correction.from.max(span.from).0;
    let seconds = Duration::from_millis(inside.unsigned_abs()).as_secs_f64();
    match told.last_mut() {
        Some(known) if known.id == correction.id => {
            known.from = known.from.min(correction.from.to_utc());
            known.to = known.to.max(correction.to.to_utc());
            known.occurrences += 1;
            known.corrected_seconds += seconds;
        }
        _ => told.push(CorrectionReport {
            corrected_seconds: seconds,
            ..CorrectionReport::of(correction)
        }),
    }
}

fn taken_back(correction: &Correction, at: Timestamp) -> CorrectionReport {
    CorrectionReport {
        taken_back_at: Some(at.to_utc()),
        ..CorrectionReport::of(correction)
    }
}

impl CorrectionReport {
    /// One occurrence, before it is known what it takes out.
    fn of(correction: &Correction) -> Self {
        Self {
            id: correction.id.clone(),
            origin: if correction.id.starts_with(IN_CONFIG) {
                Origin::Config
            } else {
                Origin::ByHand
            },
            from: correction.from.to_utc(),
            to: correction.to.to_utc(),
            occurrences: 1,
            corrected_seconds: 0.0,
            taken_back_at: None,
            services: correction.services.clone(),
            slos: correction.slos.clone(),
            reason: correction.reason.clone(),
            author: correction.author.clone(),
        }
    }
}
