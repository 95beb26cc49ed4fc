//! Statistics. Pure: every function accepts any numbers, and returns a number or `None`, never NaN.

#![expect(
    clippy::float_cmp,
    reason = "equal values are ties, and tests name exact results"
)]

pub mod autocorrelation;
pub mod baseline;
pub mod cusum;
pub mod exponential;
pub mod normal;
pub mod order;
pub mod proportion;
pub mod quantile;
pub mod rank;
pub mod saturation;
pub mod scalability;
pub mod scale;
pub mod season;
pub mod shift;
pub mod step;

#[cfg(test)]
mod oracle;
