//! Lists of corrections: JSON and a table.

use super::table::{drawn, plain};
use crate::format::times;
use crate::slo::occurrence::Occurrence;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An excluded time range.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CorrectionEntry {
    pub id: String,
    pub from: DateTime<Utc>,
    /// Exclusive.
    pub to: DateTime<Utc>,
    /// Empty means all services.
    pub services: Vec<String>,
    pub slos: Vec<String>,
    pub reason: String,
    pub author: String,
}

impl CorrectionEntry {
    pub fn of(occurrence: &Occurrence<'_>) -> Self {
        let correction = occurrence.correction;
        Self {
            id: correction.id.clone(),
            from: occurrence.from.to_utc(),
            to: occurrence.to.to_utc(),
            services: correction.services.clone(),
            slos: correction.slos.clone(),
            reason: correction.reason.clone(),
            author: correction.author.clone(),
        }
    }
}

/// Renders one line per correction.
pub fn to_text(corrections: &[CorrectionEntry]) -> String {
    if corrections.is_empty() {
        return "No corrections.\n".to_owned();
    }
    let mut table = plain(&[
        "ID",
        "FROM (UTC)",
        "TO (UTC)",
        "SERVICES",
        "SLOS",
        "AUTHOR",
        "REASON",
    ]);
    let all = |names: &[String]| match names {
        [] => "all".to_owned(),
        names => names.join(", "),
    };
    for one in corrections {
        table.add_row([
            one.id.clone(),
            times::second(one.from),
            times::second(one.to),
            all(&one.services),
            all(&one.slos),
            one.author.clone(),
            one.reason.clone(),
        ]);
    }
    drawn(table, &[]) + "\n"
}
