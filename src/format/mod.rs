//! Formatting of values for people, shared by the terminal, pages and reports. Pure.

pub mod bars;
pub mod numbers;
pub mod objective;
pub mod times;
pub mod width;
