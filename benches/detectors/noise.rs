//! Random numbers of known distributions, the same in every run.

use fastrand::Rng;
use std::f64::consts::TAU;

pub fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (TAU * rng.f64()).cos()
}

/// A first-order process with variance 1: each value is `correlation` times the one before it, and
/// noise.
pub struct Ar {
    correlation: f64,
    last: f64,
}

impl Ar {
    pub fn new(rng: &mut Rng, correlation: f64) -> Self {
        let last = normal(rng);
        Self { correlation, last }
    }

    pub fn next(&mut self, rng: &mut Rng) -> f64 {
        let r = self.correlation;
        self.last = r * self.last + (1.0 - r * r).sqrt() * normal(rng);
        self.last
    }
}

/// Events of `total` that happen with a probability.
pub fn binomial(rng: &mut Rng, total: u64, probability: f64) -> u64 {
    (0..total).filter(|_| rng.f64() < probability).count() as u64
}
