//! Delivery of alerts: routes notices to receivers, and delivers the outbox of the store, at least once
//! and in order within each group of alerts. Each receiver has a worker, which tries several groups
//! concurrently, so that a receiver or a group that hangs or fails does not delay others.

mod announce;
mod backoff;
mod counters;
mod deliver;
mod heartbeat;
mod lanes;
mod messages;
mod notifier;
mod outdated;
mod own_groups;
mod program;
mod send;
mod silences;
mod smtp;
mod task;
mod worker;

pub use backoff::pause;
pub use counters::Counters;
pub use deliver::Done;
pub use notifier::{Notifier, Waker};
pub use send::{Answer, Sender, retry_after};
pub use task::{Deps, run};
