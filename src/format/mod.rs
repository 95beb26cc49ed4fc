//! Formatting of values for people, shared by the terminal, pages and reports. Pure.

pub mod bars;
pub mod objective;
pub mod times;
pub mod width;

pub use slod_core::format as numbers;
