//! How values are written for people: the same in the terminal, on pages and in reports. Pure.

pub mod bars;
pub mod numbers;
pub mod objective;
pub mod times;
