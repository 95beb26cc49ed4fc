//! The error for a name that does not exist.

use crate::diagnostic::{nearest, some_of};

/// `no service is named wep; did you mean web?`, or some of the known names if none is similar.
pub fn unknown_name<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("no {what} is named {name}; did you mean {near}?"),
        None if known.is_empty() => format!("no {what} is named {name}"),
        None => format!("no {what} is named {name}; known: {}", some_of(known)),
    }
}
