//! Access: TLS, passwords, tokens, client certificates, and pages of other origins.

mod commands;
pub mod fixture;
mod limits;
mod origins;
mod roles;
mod tls;
