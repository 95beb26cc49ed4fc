//! Kills a daemon that hangs. Such a daemon could not handle a signal.

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::HashSet;

/// Kills the process that listens on a port if it is this program, and returns its process ID.
pub fn listener(port: u16) -> Result<i32, String> {
    let inodes = listening(port);
    let me = Process::myself().and_then(|me| me.exe());
    let me = me.map_err(|_| "/proc cannot be read".to_owned())?;
    let all = all_processes().map_err(|_| "/proc cannot be read".to_owned())?;
    let found = all
        .flatten()
        .find(|process| process.exe().is_ok_and(|exe| exe == me) && has_socket(process, &inodes));
    let process = found.ok_or_else(|| format!("no slod of this user listens on port {port}"))?;
    if process.pid == 1 {
        return Err("it is process 1 of its container, which ignores the signal; run the container with an init process (`init: true`)".to_owned());
    }
    let pid = Pid::from_raw(process.pid).ok_or("it has ended")?;
    kill_process(pid, Signal::KILL).map_err(|error| error.to_string())?;
    Ok(process.pid)
}

/// The inodes of the sockets that accept connections on a port.
fn listening(port: u16) -> HashSet<u64> {
    let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
    let is_wanted =
        |entry: &TcpNetEntry| entry.state == TcpState::Listen && entry.local_address.port() == port;
    let wanted = entries.filter(is_wanted);
    wanted.map(|entry| entry.inode).collect()
}

fn has_socket(process: &Process, inodes: &HashSet<u64>) -> bool {
    let descriptors = process.fd().into_iter().flatten().flatten();
    let mut targets = descriptors.map(|descriptor| descriptor.target);
    targets.any(|target| matches!(target, FDTarget::Socket(inode) if inodes.contains(&inode)))
}
