//! Descriptions of measures.

use super::{Measure, Show};
use crate::load::RunRecord;
use crate::load::judge::processors::Users;
use crate::load::observed::{Curve, Span, gauges};

impl Measure {
    /// `the CPU of app of rag`
    pub fn name(&self, curve: &Curve) -> String {
        format!("{} of {}", self.noun, curve.subject())
    }

    /// What the values are a share of: ` of its limit`; empty for other measures.
    pub fn share_of(&self) -> &'static str {
        match self.show {
            Show::Share(of) => of,
            _ => "",
        }
    }

    /// A description of a measure beyond its bound, from its highest value since then. `usual` is its value
    /// at a low load.
    pub fn fault(&self, run: &RunRecord, curve: &Curve, since: Span, usual: Option<f64>) -> String {
        let highest = curve.highest(since).unwrap_or_default();
        let name = self.name(curve);
        let before = |text: fn(f64) -> String| {
            usual.map_or_else(String::new, |usual| format!(" ({} before)", text(usual)))
        };
        match self.show {
            Show::Share(of) => {
                let users = Users::of(run, curve, since).map(|users| users.words());
                let users = users.unwrap_or_default();
                format!("{name} was at {:.0}%{of}{users}", highest * 100.0)
            }
            Show::Pool => format!("{name} was full{}", pool_numbers(run, curve, since)),
            Show::Breaker => format!("{name} was open"),
            Show::Number(unit) => {
                let before = before(|usual| format!("{usual:.0}"));
                format!("{name} grew to {highest:.0}{unit}{before}")
            }
            Show::Seconds => {
                let text = |seconds: f64| format!("{:.0} ms", seconds * 1000.0);
                format!("{name} rose to {}{}", text(highest), before(text))
            }
            Show::Events(what) => format!("{name} had {what}"),
        }
    }

    /// A description of a measure within its bound, from its highest value.
    pub fn within(&self, curve: &Curve, spans: &[Span]) -> String {
        let highest = spans.iter().filter_map(|span| curve.highest(*span));
        let highest = highest.fold(0.0, f64::max);
        let name = self.name(curve);
        match self.show {
            Show::Share(of) => format!("{name} at most {:.0}%{of}", highest * 100.0),
            Show::Pool => format!("{name} used to at most {:.0}%", highest * 100.0),
            Show::Breaker => format!("{name} never open"),
            Show::Number(unit) => format!("{name} at most {highest:.0}{unit}"),
            Show::Seconds => format!("{name} at most {:.0} ms", highest * 1000.0),
            Show::Events(what) => format!("{name} without {what}"),
        }
    }
}

/// ` (20 of 20, 14 waiting)`, omitting unknown parts.
fn pool_numbers(run: &RunRecord, curve: &Curve, since: Span) -> String {
    let highest = |family: &str| {
        let curves = gauges(run, family);
        let one = curves.iter().find(|one| one.is_about_same(curve))?;
        one.highest(since)
    };
    let in_use = highest("slod_service_db_pool_in_use");
    let max = highest("slod_service_db_pool_max");
    let waiting = highest("slod_service_db_pool_waiting").filter(|waiting| *waiting > 0.0);
    let numbers: Vec<String> = [
        in_use
            .zip(max)
            .map(|(used, max)| format!("{used:.0} of {max:.0}")),
        waiting.map(|waiting| format!("{waiting:.0} waiting")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if numbers.is_empty() {
        return String::new();
    }
    format!(" ({})", numbers.join(", "))
}
