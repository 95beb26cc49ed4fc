//! Delivery of alerts: decides who gets a notice, and delivers what waits in the outbox of the store,
//! at least once and in order for each group of alerts. A worker per receiver, which tries several groups
//! at a time, so that neither a receiver nor a group that hangs or fails delays another.

mod announce;
mod backoff;
mod counters;
mod deliver;
mod heartbeat;
mod lanes;
mod messages;
mod notifier;
mod outdated;
mod program;
mod send;
mod silences;
mod smtp;
mod task;
mod worker;

pub use counters::Counters;
pub use deliver::Done;
pub use notifier::{Notifier, Waker};
pub use send::{Answer, Sender};
pub use task::{Deps, run};
