//! Authentication and authorization: TLS, passwords, tokens, roles, and protection against pages of other
//! origins. `docs/WEB.md` is the user documentation.

mod access;
mod client;
mod file;
mod keys;
mod limiter;
mod login;
mod origin;
mod password;
mod reload;
mod rules;
mod tls;

pub use access::{Identity, Peer, admit};
pub use client::{name_of, refusal};
pub use file::{LoadedFile, check};
pub use login::is_unguessable;
pub use reload::{Access, Prepared};
pub use rules::Rules;
pub use tls::ServerTls;
