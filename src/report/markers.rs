//! Markers as lists: in JSON and as a table.

use super::table::{drawn, plain};
use crate::format::times;
use crate::store::Marker;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A marker as clients read it.
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
        }
    }
}

/// One line each.
pub fn to_text(markers: &[MarkerEntry]) -> String {
    if markers.is_empty() {
        return "No markers.\n".to_owned();
    }
    let mut table = plain(&["ID", "AT (UTC)", "SERVICE", "VERSION", "TEXT", "AUTHOR"]);
    for one in markers {
        table.add_row([
            one.id.to_string(),
            times::second(one.at),
            one.service.clone(),
            one.version.clone(),
            one.text.clone(),
            one.author.clone(),
        ]);
    }
    drawn(table, &[0]) + "\n"
}
