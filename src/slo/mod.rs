//! The arithmetic of service level objectives: exact integer counts in, numbers out. Pure.

pub mod objective;

pub use objective::{Budgeting, Judgement, Objective, Sli, Tally, TallyKey};
