//! From a name to a connection: resolve, connect, TLS, each timed and told apart. Knows nothing
//! of what is spoken over the connection.

mod failure;
mod progress;
mod resolve;
mod tls;

pub use failure::{Failure, source_of};
pub use progress::Progress;
pub use resolve::{Family, Host, resolve};
pub use tls::{Tls, TlsOptions};

use crate::outcome::{Cause, Phase};
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Connects to the first address that answers, in the resolver's order. An address that stays
/// silent may take no more than its share of the time that is left.
pub async fn connect(
    addresses: &[IpAddr],
    port: u16,
    progress: &mut Progress<'_>,
) -> Result<TcpStream, Failure> {
    progress.enter(Phase::Connect);
    let mut last = Failure::bad(Cause::Dns, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let shares = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let left = progress
            .deadline()
            .saturating_duration_since(Instant::now());
        let end = Instant::now() + left / shares;
        let target = SocketAddr::new(*address, port);
        progress.detail.address = Some(*address);
        match timeout_at(end, TcpStream::connect(target)).await {
            Ok(Ok(stream)) => {
                progress.tell("connect", || format!("{target}: connected"));
                // A probe sends one small request: waiting to fill a segment only delays it.
                stream
                    .set_nodelay(true)
                    .map_err(|error| Failure::io(&error, "setting up the connection"))?;
                return Ok(stream);
            }
            Ok(Err(error)) => {
                progress.tell("connect", || format!("{target}: {error}"));
                last = Failure::io(&error, &format!("connecting to {target}"));
            }
            Err(_elapsed) => {
                progress.tell("connect", || format!("{target}: no answer"));
                last = Failure::bad(Cause::Timeout, format!("no answer from {target}"));
            }
        }
    }
    Err(last)
}
