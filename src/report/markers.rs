//! Lists of markers: JSON and a table.

use super::deploys::{BudgetSpend, SpendByMarker, words};
use super::table::{drawn, plain};
use crate::format::times;
use crate::store::Marker;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A marker in the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MarkerEntry {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub service: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    pub author: String,
    /// Error budgets of the service that were burned after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub burned: Vec<BudgetSpend>,
}

impl MarkerEntry {
    pub fn of(marker: &Marker) -> Self {
        Self {
            id: marker.id,
            at: marker.at.to_utc(),
            service: marker.service.clone(),
            version: marker.version.clone(),
            text: marker.text.clone(),
            author: marker.author.clone(),
            burned: Vec::new(),
        }
    }

    /// Converts markers, with the budgets burned after each.
    pub fn list(markers: &[Marker], mut burned: SpendByMarker) -> Vec<Self> {
        let entry = |marker: &Marker| Self {
            burned: burned.remove(&marker.id).unwrap_or_default(),
            ..Self::of(marker)
        };
        markers.iter().map(entry).collect()
    }
}

/// Renders one line per marker.
pub fn to_text(markers: &[MarkerEntry]) -> String {
    if markers.is_empty() {
        return "No markers.\n".to_owned();
    }
    let mut table = plain(&[
        "ID", "AT (UTC)", "SERVICE", "VERSION", "TEXT", "AUTHOR", "BUDGET",
    ]);
    for one in markers {
        table.add_row([
            one.id.to_string(),
            times::second(one.at),
            one.service.clone(),
            one.version.clone(),
            one.text.clone(),
            one.author.clone(),
            words(&one.burned),
        ]);
    }
    drawn(table, &[0]) + "\n"
}
