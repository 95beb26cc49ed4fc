//! From a name to a connection: resolve, connect, TLS, each timed separately. Independent of the
//! protocol over the connection.

mod address;
mod authorities;
mod certificates;
mod connect;
mod dates;
mod failure;
mod host;
mod hosts;
mod issuer;
mod lookup;
pub mod options;
mod plain_client;
mod progress;
mod recording;
mod relaxed;
mod resolve;
mod several;
mod socket;
mod system_resolver;
mod system_trust;
mod tls;
mod tls_error;
mod trust;

pub use address::{Address, HostMaybePort, Place, ServerAddress};
pub use authorities::Authorities;
pub use certificates::{alternative_names, read_certificates};
pub use connect::connect;
pub use dates::{Dates, OutOfDate};
pub use failure::{Failure, tls_fault, without_advice};
pub use host::{expected_host, web_address};
pub use plain_client::{client_of, system_client};
pub use progress::Progress;
pub use resolve::{Family, Host, resolve};
pub use several::{combined, share_end};
pub use socket::{SocketFile, SocketPath};
pub use tls::{Identity, Tls, TlsOptions, TlsStream, Trusted};
pub use tls_error::{certificate as certificate_fault, dated};
pub use trust::{NO_TRUSTED, Trust};

use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

/// A connection to a server, over the network or by a socket of this machine.
pub type Connection = Either<TcpStream, UnixStream>;
