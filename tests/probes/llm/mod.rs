//! Probes of language models against a server that replays responses of providers byte by byte.

mod clients;
mod judging;
mod requests;
mod server;
mod timing;
mod wire;
