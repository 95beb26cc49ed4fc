//! The arithmetic of service level objectives: exact integer counts in, numbers out. Pure.

pub mod budget;
pub mod burn;
pub mod calendar;
pub mod correction;
pub mod objective;
pub mod replay;
pub mod series;
mod slices;
mod track;
pub mod vantage;

pub use objective::{Budgeting, Judgement, Objective, Sli, Tally, TallyKey};
pub use track::{Tracker, WindowView};
