//! The buckets of an hour's latencies and of every other measurement.

use crate::outcome::Measurement;
use crate::slo::Threshold;
use crate::stats::scale::Scale;
use std::time::Duration;

/// Separates scales in stored text.
const SEPARATOR: char = ';';

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scales {
    pub latency: Scale,
    /// In the order of [`Measurement::ALL`].
    measured: [Scale; Measurement::ALL.len()],
}

impl Scales {
    /// Creates scales in which every threshold is a bucket boundary.
    pub fn new(thresholds: &[Threshold]) -> Self {
        let cuts = |wanted: Option<Measurement>| {
            let cuts = thresholds.iter().filter(move |one| one.of == wanted);
            cuts.map(|one| one.below).collect::<Vec<Duration>>()
        };
        Self {
            latency: Scale::new(cuts(None)),
            measured: std::array::from_fn(|at| Scale::coarse(cuts(Some(Measurement::ALL[at])))),
        }
    }

    pub const fn measured(&self, one: Measurement) -> &Scale {
        &self.measured[one as usize]
    }

    /// Whether the threshold is a bucket boundary.
    pub fn separates(&self, threshold: &Threshold) -> bool {
        let scale = threshold.of.map_or(&self.latency, |one| self.measured(one));
        scale.separates(threshold.below)
    }

    /// The stored form: the scale of latencies, then the scales with boundaries of their own.
    pub fn to_text(&self) -> String {
        let mut text = self.latency.to_text();
        let usual = Scale::coarse([]);
        for one in Measurement::ALL {
            let scale = self.measured(*one);
            if *scale != usual {
                text.push(SEPARATOR);
                text.push_str(one.label());
                text.push(' ');
                text.push_str(&scale.to_text());
            }
        }
        text
    }

    /// Parses the output of [`Scales::to_text`].
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split(SEPARATOR);
        let mut scales = Self::new(&[]);
        scales.latency = Scale::from_text(parts.next()?)?;
        for part in parts {
            let (label, scale) = part.split_once(' ')?;
            let one = Measurement::from_label(label)?;
            scales.measured[one as usize] = Scale::from_text(scale)?;
        }
        Some(scales)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_round_trip_through_text() {
        let threshold = |of, ms| Threshold {
            of,
            below: Duration::from_millis(ms),
        };
        let connect = threshold(Some(Measurement::Connect), 50);
        let scales = Scales::new(&[threshold(None, 500), connect]);
        assert_eq!(scales.to_text(), "ns 500000000;connect us 50000");
        assert_eq!(Scales::from_text(&scales.to_text()), Some(scales.clone()));
        assert!(scales.separates(&connect));
        assert!(!scales.separates(&threshold(Some(Measurement::Tls), 50)));
        // As written by versions without other measurements.
        let old = Scales::from_text("ns 500000000").expect("valid");
        assert_eq!(old, Scales::new(&[threshold(None, 500)]));
        assert_eq!(Scales::from_text("ns;wait us 5"), None);
    }
}
