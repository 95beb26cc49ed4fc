//! Probes that connect against real servers: well-meaning ones and hostile ones.

mod answers;
mod hostile;
mod probe;
mod probing;
mod requests;
mod server;
mod tcp;
mod trust;
