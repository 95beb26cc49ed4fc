//! The load engine of `slod`: generates the load of a [`Scenario`](slod_core::load::Scenario) and measures
//! the service in windows of one second.
//!
//! Each thread has its own runtime, users, connections and counters, and hands over the counters once a
//! second. No request shares or locks anything, except for credentials that change. Latencies begin when a request was due, so that a service
//! that stalls the generator does not look fast.

#![forbid(unsafe_code)]

mod alarm;
mod arrivals;
mod body;
mod capture;
mod chunks;
mod condition;
mod connection;
mod counted;
mod engine;
mod examples;
mod head;
mod http1;
mod http2;
mod location;
mod message;
mod open;
mod plan;
mod recorder;
mod request;
mod response;
mod rows;
mod session;
mod sources;
mod tally;
mod template;
mod users;
mod watch;
mod windows;

pub use capture::{BODY_MAX, Capture, Extract, Source};
pub use condition::{Conditions, Unmet};
pub use engine::{Engine, Finished, StartError};
pub use examples::{Clean, Examples};
pub use head::{FIELDS_MAX, Keep};
pub use plan::{
    Connect, ConnectError, Cookies, Credentials, NewCookies, OpenConnection, Plan, Protocol, Stream,
};
pub use request::{Mix, Request, Sequence};
pub use response::{Invalid, Response};
pub use rows::Rows;
pub use sources::{source_of, sources};
pub use template::{Escape, Reference, Template, TemplatePart, Templated};
pub use watch::{Fault, NewWatch, Watch};
pub use windows::{Windows, add_within, close, merged};

#[cfg(test)]
mod tests;
