//! Probes that connect to real servers, well-behaved and hostile; and the schedule that runs them.

mod answers;
mod connecting;
mod dns;
mod grpc;
mod hostile;
mod http;
mod https;
mod icmp;
mod issuers;
mod keys;
mod known;
mod llm;
mod load;
mod oauth2;
mod probing;
mod proxy;
mod requests;
mod schedule;
mod scrape;
mod server;
mod tcp;
mod trust;
mod unix;
mod websocket;
