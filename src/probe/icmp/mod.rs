//! The `icmp` kind: an echo request and its reply.

mod error;
mod packet;
mod socket;

use super::deadline::within;
use super::dial::{
    Failure, Family, Host, Progress, combined, expected_host, options, resolve, share_end,
};
use super::{Attempt, Kind, Probe};
use crate::outcome::{DurationOf, Measurement, Measures, Outcome};
use crate::yaml::{Bool, Form, Integer, Key, Keys, Scalar};
use async_trait::async_trait;
use packet::Echo;
use socket::{Sent, Socket};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const KEYS: Keys = &[
    &HOST,
    &PAYLOAD_SIZE,
    &DONT_FRAGMENT,
    &TTL,
    &options::IP_VERSION,
];

const HOST: Key<HostForm> = Key::required(
    "host",
    HostForm,
    "The host, such as `router.example.org`, `192.0.2.1` or `2001:db8::1`.",
);

const PAYLOAD_SIZE: Key<Integer> = Key::with_default(
    "payload_size",
    Integer(packet::TOKEN, 65_000),
    "56",
    "Number of bytes after the ICMP header. The reply must repeat them.",
);

const DONT_FRAGMENT: Key<Bool> = Key::with_default(
    "dont_fragment",
    Bool,
    "false",
    "Whether to forbid routers to fragment the packet. If set, a packet that is too large for the path is bad (`unreachable`).",
);

const TTL: Key<Integer> = Key::with_default(
    "ttl",
    Integer(1, 255),
    "64",
    "Maximum number of routers that may forward the packet (time to live). A packet dropped because of this limit is bad (`unreachable`).",
);

/// A host without a port; IPv6 addresses may be in brackets.
#[derive(Clone, Copy, Debug)]
struct HostForm;

impl Form for HostForm {
    fn describe(&self) -> String {
        "host".to_owned()
    }
}

impl Scalar for HostForm {
    type Value = (Host, String);

    fn expected(&self, written: &str) -> String {
        match written.rsplit_once(':') {
            Some((host, port)) if !port.starts_with("//") && Host::written(host).is_some() => {
                "a host without a port: ICMP has none".to_owned()
            }
            _ => expected_host(written).to_owned(),
        }
    }

    fn parse(&self, text: &str) -> Option<(Host, String)> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some((Host::Address(address), address.to_string()));
        }
        Host::written(text)
    }
}

/// The kind in the registry.
pub const KIND: Kind = Kind {
    name: "icmp",
    summary: "Sends one echo request (ping) and waits for its reply; a lost packet results in a `timeout`. Uses an unprivileged socket if the sysctl `net.ipv4.ping_group_range` includes slod's group, and otherwise a raw socket, which needs CAP_NET_RAW. If neither is allowed, attempts are void (`resources`), with a message that says how to allow it.",
    keys: KEYS,
    example: "{ host: 192.0.2.1 }",
    measures: Measures {
        duration: DurationOf::Attempt,
        measurements: &[Measurement::Resolve, Measurement::Processing],
        code: None,
    },
    read: |section| {
        let host = section.get(&HOST);
        let payload_size = section.get(&PAYLOAD_SIZE);
        let dont_fragment = section.get(&DONT_FRAGMENT);
        let ttl = section.get(&TTL);
        let family = options::read_family(section, host.as_ref().map(|(host, _)| host));
        let (host, shown) = host?;
        Some(Arc::new(IcmpProbe {
            host,
            shown,
            family: family?,
            payload_size: payload_size? as usize,
            settings: socket::Settings {
                dont_fragment: dont_fragment?,
                ttl: u8::try_from(ttl?).ok()?,
            },
        }))
    },
};

#[derive(Debug)]
struct IcmpProbe {
    host: Host,
    shown: String,
    family: Family,
    payload_size: usize,
    settings: socket::Settings,
}

#[async_trait]
impl Probe for IcmpProbe {
    async fn run(&self, attempt: &mut Attempt) -> Outcome {
        let deadline = attempt.deadline;
        let mut progress = Progress::new(attempt);
        let work = self.ping(&mut progress);
        let result = within(deadline, work).await;
        progress.finish(result)
    }

    fn target(&self) -> String {
        self.shown.clone()
    }
}

impl IcmpProbe {
    /// Pings each address once, until one replies. Each address may use no more than its share of
    /// the remaining time.
    async fn ping(&self, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let addresses = resolve(&self.host, self.family, progress).await?;
        progress.enter(Measurement::Processing);
        let mut failures = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            let end = share_end(progress.deadline(), addresses.len() - index);
            progress.detail.address = Some(address.ip());
            let asked = self.echo(*address, progress);
            let failure = match within(end, asked).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(overdue) => overdue.failure(format!("{}: no reply", address.ip())),
            };
            progress.record("response", || failure.message.clone());
            failures.push((address.ip(), failure));
        }
        let (address, failure) = combined("echo request to", &failures);
        progress.detail.address = address;
        Err(failure)
    }

    async fn echo(&self, target: SocketAddr, progress: &mut Progress<'_>) -> Result<(), Failure> {
        let address = target.ip();
        let echo = Echo::new(address.is_ipv6(), self.payload_size);
        let socket = Socket::open(target, self.settings)?;
        let sent: Sent<'_> = socket.send(&echo).await?;
        progress.record("request", || {
            let size = self.payload_size;
            format!("echo to {address}, {size} bytes, by {}", socket.words())
        });
        let length = sent.reply().await?;
        progress.leave();
        progress.record("response", || {
            format!("echo reply from {address}, {length} bytes")
        });
        Ok(())
    }
}
