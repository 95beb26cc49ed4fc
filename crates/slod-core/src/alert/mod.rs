//! Alerts: which conditions there are, when an alert fires and when it ends, and what is recorded of
//! it. The daemon, a backtest and tests use the same code.

mod burn;
mod notice;
mod record;
mod replay;
mod set;
mod state;
mod tier;

pub use burn::BurnAlerts;
pub use notice::Notice;
pub use record::{AlertKey, AlertRecord};
pub use replay::Replay;
pub use set::{AlertSet, Burning};
pub use state::AlertState;
pub use tier::{Met, TIERS, Tier, Urgency, met, page_tiers};
