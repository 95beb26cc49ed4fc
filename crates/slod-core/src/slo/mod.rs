//! The arithmetic of service level objectives, from exact integer counts. Pure.

pub mod absence;
pub mod budget;
pub mod calendar;
pub mod correction;
mod hour;
pub mod objective;
pub mod occurrence;
mod pace;
mod precision;
pub mod recurrence;
mod retention;
pub mod series;
pub mod slice;
mod slices;
mod standard;
mod tally;
mod throughput;
mod track;
pub mod traffic;
pub mod vantage;
pub mod watchers;
pub mod window;

pub use hour::HourCounts;
pub use objective::{
    BudgetingMethod, Combine, EventSource, Judgement, NoDataPolicy, Objective, ProbeRef, Sli,
    Threshold, Window,
};
pub use pace::Pace;
pub use precision::Precision;
pub use retention::Retention;
pub use standard::{StandardWindow, StandardWindows};
pub use tally::{Tally, TallyKey, whole_ms};
pub use throughput::{Throughput, When};
pub use track::{Backfill, BudgetView, ContributingProbe, DayView, Tracker};
pub use window::WindowView;
