//! Connections to names with several addresses, some of which are silent.

use slod::outcome::{Cause, Timestamp, Verdict, VoidReason};
use slod::probe::dial::{Failure, Progress, connect};
use slod::probe::{Attempt, Trace};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);

fn loopback(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// A listener with a full accept queue, so that the system drops all connection attempts.
struct Silent {
    listener: TcpListener,
    _queued: TcpStream,
}

impl Silent {
    fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("bound");
        rustix::net::listen(&listener, 0).expect("no queue");
        Self {
            _queued: TcpStream::connect(address).expect("the queue has place for one"),
            listener,
        }
    }
}

/// A port on which 127.0.0.1 answers, followed by a number of silent addresses.
fn port(silent: u8) -> (u16, TcpListener, Vec<Silent>) {
    let listener = TcpListener::bind((loopback(1), 0)).expect("bound");
    let port = listener.local_addr().expect("bound").port();
    let silent = (2..2 + silent).map(|last| Silent::at((loopback(last), port).into()));
    (port, listener, silent.collect())
}

/// Connects. Returns the address that is shown, and the message of an attempt that has succeeded so
/// far.
async fn try_all(
    addresses: &[u8],
    port: u16,
    timeout: Duration,
) -> (Result<(), Failure>, Option<IpAddr>, String) {
    let addresses = addresses
        .iter()
        .map(|last| SocketAddr::new(loopback(*last), 0));
    let addresses: Vec<_> = addresses.collect();
    let mut attempt = Attempt::new(Timestamp(0), timeout, Trace::silent());
    let mut progress = Progress::new(&mut attempt);
    let result = connect(&addresses, port, &mut progress).await;
    let detail = &progress.detail;
    let message = detail.message.as_deref().unwrap_or_default().to_owned();
    (result.map(drop), detail.address, message)
}

#[tokio::test]
async fn a_silent_address_does_not_delay_the_next_one_for_long() {
    let (port, _listener, _silent) = port(3);
    let cases: [(&[u8], Duration, &str); 4] = [
        (
            &[2, 1],
            TIMEOUT,
            "no answer from 127.0.0.2; connected to 127.0.0.1",
        ),
        (
            &[2, 3, 4, 1],
            TIMEOUT,
            "no answer from 127.0.0.2, 127.0.0.3, 127.0.0.4; connected to 127.0.0.1",
        ),
        // Each address has its share of a short timeout.
        (
            &[2, 3, 4, 1],
            Duration::from_millis(400),
            "no answer from 127.0.0.2, 127.0.0.3, 127.0.0.4; connected to 127.0.0.1",
        ),
        // After a refused connection, the next address is tried at once.
        (&[9, 1], TIMEOUT, ""),
    ];
    for (addresses, timeout, said) in cases {
        let started = Instant::now();
        let (result, address, message) = try_all(addresses, port, timeout).await;
        assert_eq!(result, Ok(()), "{addresses:?}");
        assert_eq!(address, Some(loopback(1)), "{addresses:?}");
        assert_eq!(message, said, "{addresses:?}");
        assert!(started.elapsed() < TIMEOUT / 2, "{addresses:?}");
    }
}

#[tokio::test]
async fn the_shown_address_is_the_connected_one() {
    let (port, _listener, silent) = port(2);
    let connecting = try_all(&[2, 3], port, TIMEOUT);
    // The system repeats its first attempt after a second, when the second address has been tried.
    let accepting = async { silent[0].listener.accept().expect("queued") };
    let ((result, address, message), _accepted) = tokio::join!(connecting, accepting);
    assert_eq!(result, Ok(()));
    assert_eq!(address, Some(loopback(2)));
    assert_eq!(message, "no answer from 127.0.0.3; connected to 127.0.0.2");
}

#[tokio::test]
async fn a_stall_past_the_deadline_is_void() {
    let (port, _listener, _silent) = port(2);
    let timeout = Duration::from_millis(200);
    let connecting = try_all(&[2, 3], port, timeout);
    let stall = async { std::thread::sleep(timeout * 2) };
    let ((result, ..), ()) = tokio::join!(connecting, stall);
    let failure = result.expect_err("nobody answers");
    let stalled = Verdict::Void(VoidReason::Stalled);
    assert_eq!(failure.verdict, stalled, "{failure:?}");
}

#[tokio::test]
async fn if_all_addresses_fail_all_are_named() {
    let (port, listener, _silent) = port(2);
    drop(listener);
    let short = Duration::from_millis(300);
    let refused = format!("127.0.0.1:{port}: connection refused");
    let [second, third] = [2, 3].map(|last| format!("127.0.0.{last}:{port}: no answer"));
    let cases: [(&[u8], Cause, Vec<&str>); 3] = [
        (&[2], Cause::Timeout, vec![&second]),
        (&[2, 3], Cause::Timeout, vec![&second, &third]),
        (&[2, 1, 3], Cause::Refused, vec![&second, &refused, &third]),
    ];
    for (addresses, cause, named) in cases {
        let (result, address, _) = try_all(addresses, port, short).await;
        let failure = result.expect_err("nobody answers");
        assert_eq!(failure.verdict, Verdict::Bad(cause), "{failure:?}");
        let says_most = if cause == Cause::Refused { 1 } else { 2 };
        assert_eq!(address, Some(loopback(says_most)), "{failure:?}");
        for one in named {
            assert!(failure.message.contains(one), "{failure:?}");
        }
    }
}
