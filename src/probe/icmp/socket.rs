//! ICMP sockets: unprivileged ones if the system allows them, otherwise raw ones.

use super::error::{Report, TOO_LARGE};
use super::packet::{Answer, Echo};
use crate::outcome::{Cause, VoidReason};
use crate::probe::dial::Failure;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockProtocol, SockType, recv, recvmsg,
    setsockopt, socket, sockopt,
};
use rustix::net::sockopt::{
    Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery, set_ip_mtu_discover, set_ipv6_mtu_discover,
};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Buffer size for the control messages of an error.
const CONTROL: usize = 512;
/// Maximum number of bytes read of the packet that an error quotes.
const QUOTED: usize = 128;

const NOT_ALLOWED: &str = "slod is not allowed to send ICMP: include its group in the sysctl net.ipv4.ping_group_range, or give it CAP_NET_RAW";

/// Options of the sent packets.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub dont_fragment: bool,
    pub ttl: u8,
}

/// A socket for one address.
#[derive(Debug)]
pub struct Socket {
    /// Tokio has no ICMP type; its UDP type makes the same system calls.
    file: UdpSocket,
    target: IpAddr,
    is_raw: bool,
    dont_fragment: bool,
}

/// A sent request that waits for its reply.
#[derive(Debug)]
pub struct Sent<'a> {
    socket: &'a Socket,
    echo: &'a Echo,
}

impl Socket {
    /// Opens a connected socket, which receives only from this address and reports errors.
    pub fn open(to: SocketAddr, settings: Settings) -> Result<Self, Failure> {
        let target = to.ip();
        let failed = |error: io::Error| Failure::io(&error, &target.to_string());
        let (file, is_raw) = create(target)?;
        set(&file, target, settings).map_err(failed)?;
        let file = std::net::UdpSocket::from(file);
        file.connect(to).map_err(failed)?;
        let file = UdpSocket::from_std(file).map_err(failed)?;
        Ok(Self {
            file,
            target,
            is_raw,
            dont_fragment: settings.dont_fragment,
        })
    }

    /// The kind of socket, for messages.
    pub const fn words(&self) -> &'static str {
        if self.is_raw {
            "a raw socket"
        } else {
            "an unprivileged socket"
        }
    }

    pub async fn send<'a>(&'a self, echo: &'a Echo) -> Result<Sent<'a>, Failure> {
        let sent = self.file.send(&echo.encode()).await;
        sent.map_err(|error| self.failure(&error))?;
        Ok(Sent { socket: self, echo })
    }

    fn failure(&self, error: &io::Error) -> Failure {
        if error.raw_os_error() == Some(libc::EMSGSIZE) {
            let message = format!("{}: {TOO_LARGE}", self.target);
            return Failure::bad(Cause::Unreachable, message);
        }
        Failure::io(error, &self.target.to_string())
    }

    /// The next error report about this request, if there is one.
    fn report(&self, echo: &Echo) -> Option<Report> {
        loop {
            let (mut quoted, mut control) = ([0; QUOTED], [0; CONTROL]);
            let mut parts = [IoSliceMut::new(&mut quoted)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let file = self.file.as_raw_fd();
            let received = recvmsg::<()>(file, &mut parts, Some(&mut control), flags).ok()?;
            let length = received.bytes;
            let report = received.cmsgs().ok()?.find_map(|one| read(&one));
            let own = echo.is_quoted_by(&quoted[..length.min(QUOTED)], self.is_raw);
            if let Some(report) = report.filter(|_| own) {
                return Some(report);
            }
        }
    }
}

impl Sent<'_> {
    /// Waits for the reply, and returns the length of its payload in bytes.
    pub async fn reply(&self) -> Result<usize, Failure> {
        let Self { socket, echo } = self;
        // The first such report does not mean that the packet is lost, but that it must be sent
        // again in fragments.
        let mut may_repeat = !socket.dont_fragment;
        let mut buffer = vec![0; echo.reply_max()];
        loop {
            let received = socket
                .file
                .async_io(Interest::READABLE | Interest::ERROR, || {
                    if let Some(report) = socket.report(echo) {
                        return Ok(Err(report));
                    }
                    let file = socket.file.as_raw_fd();
                    let length = recv(file, &mut buffer, MsgFlags::MSG_DONTWAIT);
                    Ok(Ok(length.map_err(io::Error::from)?))
                });
            let length = match received.await {
                Ok(Ok(length)) => length,
                Ok(Err(report)) if report.is_too_large() && may_repeat => {
                    may_repeat = false;
                    socket.send(echo).await?;
                    continue;
                }
                Ok(Err(report)) => return Err(report.failure(socket.target)),
                Err(error) => return Err(socket.failure(&error)),
            };
            match echo.answer(&buffer[..length], socket.is_raw) {
                Answer::Reply(length) => return Ok(length),
                Answer::Altered => {
                    let message = format!("{}: the reply has another payload", socket.target);
                    return Err(Failure::bad(Cause::Protocol, message));
                }
                Answer::Foreign => {}
            }
        }
    }
}

/// Creates an unprivileged socket, or else a raw one; the boolean is true if it is raw.
fn create(target: IpAddr) -> Result<(OwnedFd, bool), Failure> {
    let (family, protocol) = match target {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let refused = |error| matches!(error, Errno::EACCES | Errno::EPERM | Errno::EPROTONOSUPPORT);
    let failed = |error: Errno| Failure::io(&error.into(), &target.to_string());
    match socket(family, SockType::Datagram, flags, protocol) {
        Ok(file) => return Ok((file, false)),
        Err(error) if refused(error) => {}
        Err(error) => return Err(failed(error)),
    }
    match socket(family, SockType::Raw, flags, protocol) {
        Ok(file) => Ok((file, true)),
        Err(error) if refused(error) => {
            let message = format!("{target}: {NOT_ALLOWED}");
            Err(Failure::void(VoidReason::Resources, message))
        }
        Err(error) => Err(failed(error)),
    }
}

fn set(file: &OwnedFd, target: IpAddr, settings: Settings) -> io::Result<()> {
    let ttl = libc::c_int::from(settings.ttl);
    match target {
        IpAddr::V4(_) => {
            setsockopt(file, sockopt::Ipv4RecvErr, &true)?;
            setsockopt(file, sockopt::Ipv4Ttl, &ttl)?;
            let discovery = if settings.dont_fragment {
                Ipv4PathMtuDiscovery::DO
            } else {
                Ipv4PathMtuDiscovery::DONT
            };
            set_ip_mtu_discover(file, discovery)?;
        }
        IpAddr::V6(_) => {
            setsockopt(file, sockopt::Ipv6RecvErr, &true)?;
            setsockopt(file, sockopt::Ipv6Ttl, &ttl)?;
            if settings.dont_fragment {
                set_ipv6_mtu_discover(file, Ipv6PathMtuDiscovery::DO)?;
            }
        }
    }
    Ok(())
}

/// Reads the report of a router or a host. Errors of this machine are returned by the failing
/// system call instead.
fn read(message: &ControlMessageOwned) -> Option<Report> {
    let (error, is_v6, from) = match *message {
        ControlMessageOwned::Ipv4RecvErr(error, from) => {
            let from = from.map(|from| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)).into());
            (error, false, from)
        }
        ControlMessageOwned::Ipv6RecvErr(error, from) => {
            let from = from.map(|from| Ipv6Addr::from(from.sin6_addr.s6_addr).into());
            (error, true, from)
        }
        _ => return None,
    };
    let is_reported = matches!(
        error.ee_origin,
        libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6
    );
    is_reported.then_some(Report {
        is_v6,
        kind: error.ee_type,
        code: error.ee_code,
        from,
    })
}
