//! Addresses of servers in config values.

use super::socket::expected_path;
use super::{
    Connection, Failure, Family, Host, Progress, SocketPath, connect, expected_host, resolve,
};
use crate::yaml::{Form, Scalar};
use std::fmt;

/// An address to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: Host,
    pub port: u16,
    /// The host as it is written in URLs.
    pub shown: String,
}

impl Address {
    /// The host as it appears in certificates.
    pub fn name(&self) -> &str {
        self.shown.trim_matches(['[', ']'])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.shown, self.port)
    }
}

/// Where a server is: on the network, or at a socket of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Network(Address),
    Socket(SocketPath),
}

impl Place {
    /// The host as it appears in certificates; for a socket, its path, which no certificate is valid for.
    pub fn name(&self) -> String {
        match self {
            Self::Network(address) => address.name().to_owned(),
            Self::Socket(path) => path.to_string(),
        }
    }

    /// The host of a server on the network.
    pub const fn host(&self) -> Option<&Host> {
        match self {
            Self::Network(address) => Some(&address.host),
            Self::Socket(_) => None,
        }
    }

    pub async fn connect(
        &self,
        family: Family,
        progress: &mut Progress<'_>,
    ) -> Result<Connection, Failure> {
        match self {
            Self::Network(address) => {
                let addresses = resolve(&address.host, family, progress).await?;
                connect(&addresses, address.port, progress).await
            }
            Self::Socket(path) => path.connect(progress).await,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Socket(path) => path.fmt(f),
        }
    }
}

/// `db.example.org:5432` or `unix:/run/db.sock`
#[derive(Clone, Copy, Debug)]
pub struct ServerAddress;

impl Form for ServerAddress {
    fn describe(&self) -> String {
        "host and port, or socket".to_owned()
    }
}

impl Scalar for ServerAddress {
    type Value = Place;

    fn expected(&self, written: &str) -> String {
        match written.strip_prefix("unix:") {
            Some(path) => expected_path(path),
            None => HostAndPort.expected(written),
        }
    }

    fn parse(&self, text: &str) -> Option<Place> {
        let socket = SocketPath::of_address(text).map(Place::Socket);
        socket.or_else(|| HostAndPort.parse(text).map(Place::Network))
    }

    fn likely(&self, written: &str) -> Vec<String> {
        let path = SocketPath::of_path(written);
        path.map(|path| path.to_string()).into_iter().collect()
    }
}

/// `db.example.org:5432`
#[derive(Clone, Copy, Debug)]
struct HostAndPort;

impl Form for HostAndPort {
    fn describe(&self) -> String {
        "host and port".to_owned()
    }
}

impl Scalar for HostAndPort {
    type Value = Address;

    fn expected(&self, written: &str) -> String {
        let example =
            "a host and a port from 1 to 65535, such as db.example.org:5432 or [::1]:6379";
        match written.rsplit_once(':') {
            // Values with variables get no specific explanation.
            _ if written.contains("${") => example.to_owned(),
            _ if written.contains("://") => expected_host(written).to_owned(),
            Some((host, port)) if read_port(port).is_some() => expected_host(host).to_owned(),
            _ => example.to_owned(),
        }
    }

    fn parse(&self, text: &str) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        let port = read_port(port)?;
        let (host, shown) = Host::written(host)?;
        Some(Address { host, port, shown })
    }
}

/// A host whose port is optional: `192.0.2.53` or `192.0.2.53:5353`.
#[derive(Clone, Copy, Debug)]
pub struct HostMaybePort;

/// A host with an optional port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub host: Host,
    port: Option<u16>,
    shown: String,
}

impl Server {
    /// Uses the given default port if none is written.
    pub fn or_port(self, default: u16) -> Address {
        Address {
            host: self.host,
            port: self.port.unwrap_or(default),
            shown: self.shown,
        }
    }
}

impl Form for HostMaybePort {
    fn describe(&self) -> String {
        "host, or host and port".to_owned()
    }
}

impl Scalar for HostMaybePort {
    type Value = Server;

    fn expected(&self, written: &str) -> String {
        if written.contains("${") || written.is_empty() {
            return "a host, with or without a port, such as 192.0.2.53 or [::1]:5353".to_owned();
        }
        match written.rsplit_once(':') {
            Some((host, port)) if read_port(port).is_some() => expected_host(host).to_owned(),
            Some((host, port)) if !port.starts_with("//") && Host::written(host).is_some() => {
                "a port from 1 to 65535 after the host".to_owned()
            }
            _ => expected_host(written).to_owned(),
        }
    }

    fn parse(&self, text: &str) -> Option<Server> {
        if let Some((host, shown)) = Host::written(text) {
            let port = None;
            return Some(Server { host, port, shown });
        }
        let Address { host, port, shown } = HostAndPort.parse(text)?;
        let port = Some(port);
        Some(Server { host, port, shown })
    }
}

fn read_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_optional_if_the_protocol_has_a_default() {
        for (text, shown, port) in [
            ("192.0.2.53", "192.0.2.53", 53),
            ("ns1.example.org:5353", "ns1.example.org", 5353),
            ("[::1]", "[::1]", 53),
            ("[::1]:5353", "[::1]", 5353),
        ] {
            let address = HostMaybePort.parse(text).expect(text).or_port(53);
            assert_eq!((&*address.shown, address.port), (shown, port));
        }
        for (text, expected) in [
            ("::1", "in brackets"),
            ("ns1:0", "a port from 1 to 65535"),
            ("ns1:x", "a port from 1 to 65535"),
            ("tls://ns1", "without a scheme"),
            ("tls://ns1:853", "without a scheme"),
            ("", "a host, with or without a port"),
            ("a b", "a host of letters"),
        ] {
            assert_eq!(HostMaybePort.parse(text), None, "{text}");
            let help = HostMaybePort.expected(text);
            assert!(help.contains(expected), "{text}: {help}");
        }
    }
}
