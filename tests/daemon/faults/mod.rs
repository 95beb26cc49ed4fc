//! External faults: no descriptors, no names, a disk that is full or locked. Probing continues,
//! the numbers stay correct, and lost data is counted.

mod descriptors;
mod hangs;
mod names;
mod stalled;
mod store;

use crate::server::{CLOSE, http, response};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

/// A server that responds with 200 to everything after a delay, until the test ends.
fn slow(after: Duration) -> SocketAddr {
    http(move |_| {
        thread::sleep(after);
        response("200 OK", CLOSE, "")
    })
}
