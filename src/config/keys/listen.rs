//! The form of the listen address.

use crate::yaml::{Form, Scalar};
use std::net::SocketAddr;

/// `127.0.0.1:9771`, `[::]:9771`
#[derive(Clone, Copy, Debug)]
pub struct ListenForm;

impl Form for ListenForm {
    fn describe(&self) -> String {
        "address and port".to_owned()
    }
}

impl Scalar for ListenForm {
    type Value = SocketAddr;

    fn expected(&self, _: &str) -> String {
        "an address and port such as 127.0.0.1:9771 or [::]:9771".to_owned()
    }

    fn parse(&self, text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }

    fn likely(&self, written: &str) -> Vec<String> {
        let port = |text: &str| text.parse::<u16>().is_ok();
        match written.rsplit_once(':').unwrap_or(("localhost", written)) {
            ("localhost", digits) if port(digits) => vec![format!("127.0.0.1:{digits}")],
            // `:PORT` means all addresses in Go programs.
            ("", digits) if port(digits) => {
                vec![format!("0.0.0.0:{digits}"), format!("127.0.0.1:{digits}")]
            }
            _ => Vec::new(),
        }
    }
}
