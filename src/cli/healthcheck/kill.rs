//! Kills a daemon that hangs. Such a daemon could not handle a signal.

use crate::cli::client::Target;
use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Kills the process that listens on an address of this machine if it is this program, and returns its process
/// ID.
pub fn listener(target: &Target) -> Result<i32, String> {
    let mut addresses = target.addresses();
    addresses.retain(|address| is_local(address.ip()));
    if addresses.is_empty() {
        return Err(format!("{target} is not on this machine"));
    }
    let inodes = listening(&addresses);
    let me = Process::myself().and_then(|me| me.exe());
    let me = me.map_err(|_| "/proc cannot be read".to_owned())?;
    let all = all_processes().map_err(|_| "/proc cannot be read".to_owned())?;
    let found = all
        .flatten()
        .find(|process| process.exe().is_ok_and(|exe| exe == me) && has_socket(process, &inodes));
    let process = found.ok_or_else(|| format!("no slod of this user listens at {target}"))?;
    if process.pid == 1 {
        return Err("it is process 1 of its container, which ignores the signal; run the container with an init process (`init: true`)".to_owned());
    }
    let pid = Pid::from_raw(process.pid).ok_or("it has ended")?;
    kill_process(pid, Signal::KILL).map_err(|error| error.to_string())?;
    Ok(process.pid)
}

/// Whether an interface of this machine has the address: others cannot be bound.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// The inodes of the sockets that accept connections to one of these addresses.
fn listening(addresses: &[SocketAddr]) -> HashSet<u64> {
    let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
    let accepts = |local: SocketAddr, wanted: &SocketAddr| {
        let ip = local.ip().to_canonical();
        local.port() == wanted.port() && (ip.is_unspecified() || ip == wanted.ip().to_canonical())
    };
    let is_wanted = |entry: &TcpNetEntry| {
        let mut wanted = addresses.iter();
        entry.state == TcpState::Listen && wanted.any(|wanted| accepts(entry.local_address, wanted))
    };
    let wanted = entries.filter(is_wanted);
    wanted.map(|entry| entry.inode).collect()
}

fn has_socket(process: &Process, inodes: &HashSet<u64>) -> bool {
    let descriptors = process.fd().into_iter().flatten().flatten();
    let mut targets = descriptors.map(|descriptor| descriptor.target);
    targets.any(|target| matches!(target, FDTarget::Socket(inode) if inodes.contains(&inode)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_this_machine_is_searched() {
        // Documentation address (RFC 5737).
        let target = "192.0.2.7:9771".parse().expect("valid");
        let refused = listener(&target).expect_err("elsewhere");
        assert_eq!(refused, "http://192.0.2.7:9771 is not on this machine");
    }

    #[test]
    fn a_listener_is_found_by_its_address_and_port() {
        let bound = TcpListener::bind("127.0.0.2:0").expect("bound");
        let address = bound.local_addr().expect("bound");
        let found = |ip: [u8; 4]| listening(&[(ip, address.port()).into()]).len();
        assert_eq!(found([127, 0, 0, 2]), 1);
        assert_eq!(found([127, 0, 0, 3]), 0, "another address");
    }
}
