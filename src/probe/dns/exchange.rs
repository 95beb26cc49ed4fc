//! Sends a query and waits for its reply, over UDP, TCP or TLS.

use super::message::{Received, Skipped};
use super::reply::Reply;
use super::{DnsProbe, Transport};
use crate::outcome::{Cause, Measurement};
use crate::probe::deadline::{Overdue, within};
use crate::probe::dial::{Failure, Progress, combined, connect, resolve, share_end};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;

/// Maximum size of a datagram in bytes.
const DATAGRAM_MAX: usize = 65_535;

/// An encoded query.
struct Message {
    id: u16,
    bytes: Vec<u8>,
}

/// Sends the probe's query and waits for the reply. Datagrams that are not a reply to the last
/// query are recorded in `skipped`.
pub async fn exchange(
    probe: &DnsProbe,
    progress: &mut Progress<'_>,
    skipped: &mut Skipped,
) -> Result<Reply, Failure> {
    let id = fastrand::u16(..);
    let bytes = probe.question.encode(id)?;
    let message = Message { id, bytes };
    let mut addresses = resolve(&probe.server.host, probe.family, progress).await?;
    if matches!(probe.transport, Transport::Udp) {
        let (address, received) =
            by_datagrams(probe, &addresses, &message, progress, skipped).await?;
        if let Received::Whole(reply) = received {
            return Ok(reply);
        }
        skipped.clear();
        progress.record("response", || {
            "truncated: repeating the question over TCP".to_owned()
        });
        addresses = vec![address];
    }
    let stream = connect(&addresses, probe.server.port, progress).await?;
    match &probe.transport {
        Transport::Udp | Transport::Tcp => by_stream(probe, stream, &message, progress).await,
        Transport::Tls(tls, name) => {
            let stream = tls.handshake(stream, name.clone(), progress).await?;
            by_stream(probe, stream, &message, progress).await
        }
    }
}

/// Queries each address once, until one answers. Each address may use no more than its share of the
/// remaining time.
async fn by_datagrams(
    probe: &DnsProbe,
    addresses: &[SocketAddr],
    message: &Message,
    progress: &mut Progress<'_>,
    skipped: &mut Skipped,
) -> Result<(SocketAddr, Received), Failure> {
    progress.enter(Measurement::Processing);
    let mut failures = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let end = share_end(progress.deadline(), addresses.len() - index);
        let mut target = *address;
        target.set_port(probe.server.port);
        progress.detail.address = Some(target.ip());
        progress.record("request", || {
            format!("{} to {target} (UDP)", probe.question)
        });
        skipped.clear();
        let asked = by_datagram(probe, target, message, skipped);
        let failure = match within(end, asked).await {
            Ok(Ok(received)) => return Ok((target, received)),
            Ok(Err(failure)) => failure,
            Err(Overdue::Timeout) if !skipped.is_empty() => of_target(target, &skipped.failure()),
            Err(overdue) => overdue.failure(format!("{target}: no answer")),
        };
        progress.record("response", || failure.message.clone());
        failures.push((target.ip(), failure));
    }
    let (address, failure) = combined("asking", &failures);
    progress.detail.address = address;
    Err(failure)
}

/// Names the address that a failure is about, since others may follow.
fn of_target(target: SocketAddr, failure: &Failure) -> Failure {
    Failure {
        verdict: failure.verdict,
        message: format!("{target}: {}", failure.message),
    }
}

async fn by_datagram(
    probe: &DnsProbe,
    target: SocketAddr,
    message: &Message,
    skipped: &mut Skipped,
) -> Result<Received, Failure> {
    let failed = |error: io::Error| Failure::io(&error, &target.to_string());
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Each query uses a new port. The socket is connected, so that it receives only from the
    // server's address and reports a closed port.
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect(target).await.map_err(failed)?;
    socket.send(&message.bytes).await.map_err(failed)?;
    let mut datagram = vec![0; DATAGRAM_MAX];
    loop {
        let length = socket.recv(&mut datagram).await.map_err(failed)?;
        match probe.question.decode(message.id, &datagram[..length]) {
            Ok(received) => return Ok(received),
            Err(unfit) => skipped
                .add(unfit)
                .map_err(|failure| of_target(target, &failure))?,
        }
    }
}

/// Messages over a stream are prefixed with their length (RFC 1035, section 4.2.2).
async fn by_stream(
    probe: &DnsProbe,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    message: &Message,
    progress: &mut Progress<'_>,
) -> Result<Reply, Failure> {
    progress.enter(Measurement::Processing);
    progress.record("request", || probe.question.to_string());
    let length = u16::try_from(message.bytes.len()).unwrap_or(u16::MAX);
    let sent = [&length.to_be_bytes()[..], &message.bytes].concat();
    let failed = |error: io::Error| Failure::io(&error, "sending the question");
    stream.write_all(&sent).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut length = [0; 2];
    stream
        .read_exact(&mut length)
        .await
        .map_err(|error| broken(&error))?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream
        .read_exact(&mut reply)
        .await
        .map_err(|error| broken(&error))?;
    match probe.question.decode(message.id, &reply) {
        Ok(Received::Whole(reply)) => Ok(reply),
        Ok(Received::Truncated) => {
            let message = "the answer is truncated, although it did not come over UDP";
            Err(Failure::bad(Cause::Protocol, message))
        }
        Err(unfit) => {
            let message = format!("the reply does not match the question: {}", unfit.0);
            Err(Failure::bad(Cause::Protocol, message))
        }
    }
}

fn broken(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let message = "the server closed the connection before its answer was complete";
        return Failure::bad(Cause::Closed, message);
    }
    Failure::io(error, "waiting for the answer")
}
