//! External faults: no descriptors, no names, a disk that is full or locked. Probing continues,
//! the numbers stay correct, and lost data is counted.

mod descriptors;
mod hangs;
mod names;
mod stalled;
mod store;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

/// A server that responds with 200 to everything after a delay, until the test ends.
fn slow(after: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 2048]);
                thread::sleep(after);
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    address
}
