//! The load engine of `slod`: it makes the load of a [`Scenario`](slod_core::load::Scenario) and
//! measures what the service does, one window a second.
//!
//! Every thread has its own runtime, users, connections and counters; once a second it hands over
//! its counters. Nothing is shared or locked for a request. Latencies begin at the time at which a
//! request was due, so that a service that stalls the generator does not look fast.

#![forbid(unsafe_code)]

mod alarm;
mod arrivals;
mod body;
mod capture;
mod chunks;
mod connection;
mod engine;
mod examples;
mod head;
mod http1;
mod http2;
mod message;
mod open;
mod plan;
mod recorder;
mod request;
mod response;
mod rows;
mod session;
mod tally;
mod template;
mod users;
mod watch;
mod windows;

pub use capture::{Capture, Extract, Source};
pub use engine::{Engine, Finished, StartError};
pub use examples::{Clean, Examples};
pub use head::{FIELDS_MAX, Keep};
pub use plan::{Connect, ConnectError, Cookies, NewCookies, Opened, Plan, Protocol, Stream};
pub use request::{Mix, Request, Sequence};
pub use response::{Invalid, Response};
pub use rows::Rows;
pub use template::{Escape, Made, Reference, Template, TemplatePart};
pub use watch::{Fault, NewWatch, Watch};
pub use windows::{Windows, add_within, close, merged};

#[cfg(test)]
mod tests;
