//! Alerts: their conditions, when they fire and end, what keeps them from notifying, and their records. The
//! daemon, backtests and tests use the same code.

mod causes;
mod condition;
mod explain;
mod gaps;
mod machine;
mod moments;
mod notice;
mod objective;
mod record;
mod replay;
mod rules;
mod set;
mod sign_replay;
mod signs;
mod silence;
mod state;
mod tier;
mod timeline;
mod tracked;

pub use causes::{Cause, Causes, FOLLOW_FROM_FAILURES, Pages, Relation, all_below};
pub use condition::{
    AlertPolicy, Burning, Condition, DEFAULT_FORECAST, MAX_CONDITIONS, MetConditions, met,
};
pub use machine::{Changes, Machine, StepInput};
pub use moments::{MAINTAINED_FOR, MaintenanceFailures};
pub use notice::{
    ANNOUNCED, Announcement, ENDED_BECAUSE, HELD_BACK, MAINTENANCE_PLANNED, MAINTENANCE_RUNNING,
    Notice, SILENCE_ENDING,
};
pub use objective::ObjectiveAlerts;
pub use record::{Acknowledgement, AlertKey, AlertRecord, Inhibitor, Source};
pub use replay::Replay;
pub use rules::AlertRules;
pub use set::AlertSet;
pub use sign_replay::SignReplay;
pub use signs::{
    CONFIG_RELOAD_FAILED, NOTIFICATIONS_FAILING, STORE_FAILING, Sign, SignAlerts, SignTimings,
    TROUBLES,
};
pub use silence::{Decisions, MAX_MATCHERS, MAX_SILENCES, Matcher, Silence};
pub use state::{AlertState, Timing};
pub use tier::{MIN_BAD, TIERS, Tier, Urgency, same_severity};
pub use timeline::{AlertTimeline, PastConditions, decide};
pub use tracked::Tracked;
