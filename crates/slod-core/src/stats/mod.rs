//! Statistics that hold no state of the outside world. Pure.

pub mod quantile;
pub mod scale;
