//! Delivery of alerts: decides who gets a notice, and delivers what waits in the outbox of the store,
//! at least once and in order for each receiver. A worker per receiver, so that one that hangs delays
//! no other.

mod announce;
mod backoff;
mod counters;
mod heartbeat;
mod notifier;
mod send;
mod silences;
mod smtp;
mod task;
mod worker;

pub use counters::Counters;
pub use notifier::{Notifier, Waker};
pub use send::{Answer, Sender};
pub use task::{Deps, run};
