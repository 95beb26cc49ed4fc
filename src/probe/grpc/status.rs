//! gRPC status codes.

use std::fmt;

/// A status code; a server may send any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u32);

impl Code {
    pub const OK: Self = Self(0);
    const NOT_FOUND: Self = Self(5);
    const UNIMPLEMENTED: Self = Self(12);

    /// <https://grpc.io/docs/guides/status-codes/>
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("OK", Self::OK),
        ("CANCELLED", Self(1)),
        ("UNKNOWN", Self(2)),
        ("INVALID_ARGUMENT", Self(3)),
        ("DEADLINE_EXCEEDED", Self(4)),
        ("NOT_FOUND", Self::NOT_FOUND),
        ("ALREADY_EXISTS", Self(6)),
        ("PERMISSION_DENIED", Self(7)),
        ("RESOURCE_EXHAUSTED", Self(8)),
        ("FAILED_PRECONDITION", Self(9)),
        ("ABORTED", Self(10)),
        ("OUT_OF_RANGE", Self(11)),
        ("UNIMPLEMENTED", Self::UNIMPLEMENTED),
        ("INTERNAL", Self(13)),
        ("UNAVAILABLE", Self(14)),
        ("DATA_LOSS", Self(15)),
        ("UNAUTHENTICATED", Self(16)),
    ];

    /// What the code means for the health service.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NOT_FOUND => " (the server does not know `service`)",
            Self::UNIMPLEMENTED => " (the server has no health service)",
            _ => "",
        }
    }

    /// Parses a `grpc-status` value.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number)?;
        Some(Self(number))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::NAMES.iter().find(|(_, code)| code == self);
        match known {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}
