//! Splits the address of a request into its origin and target.

use super::text::{encode_target, encode_value, has_reference};
use url::{Host, Origin, Url};

/// The destination of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Origin(Origin),
    /// The file does not contain it: a description without an address, or a variable.
    Unknown,
    /// Neither `http` nor `https`.
    OtherScheme,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub place: Place,
    /// The user and password in the address.
    pub credentials: Option<String>,
    /// Path and query, encoded.
    pub path: String,
}

impl Target {
    /// Parses an address. Without a scheme, an address that does not start with `/` starts with a
    /// host. `None` if it is invalid.
    pub fn parse(address: &str) -> Option<Self> {
        let address = address.trim();
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => (scheme, rest),
            _ if address.starts_with('/') => ("", address),
            _ if is_opaque(address) => return Some(Self::other_scheme()),
            _ => ("http", address),
        };
        let cut = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(cut);
        let place = place(scheme, authority)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Some(Self {
            place,
            credentials: authority.rsplit_once('@').map(|(user, _)| user.to_owned()),
            path: encode_target(&format!("{slash}{rest}")),
        })
    }

    /// The host; empty if the file does not contain it.
    pub fn host(&self) -> &str {
        match &self.place {
            Place::Origin(Origin::Tuple(_, Host::Domain(host), _)) => host,
            Place::Origin(_) | Place::Unknown | Place::OtherScheme => "",
        }
    }

    const fn other_scheme() -> Self {
        Self {
            place: Place::OtherScheme,
            credentials: None,
            path: String::new(),
        }
    }
}

/// Whether an address has no host, such as `data:text/plain,x`. `localhost:8000` has one.
fn is_opaque(address: &str) -> bool {
    let opaque = [
        "data:",
        "blob:",
        "about:",
        "file:",
        "mailto:",
        "javascript:",
    ];
    opaque.iter().any(|scheme| {
        let begin = address.get(..scheme.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    })
}

fn place(scheme: &str, authority: &str) -> Option<Place> {
    if authority.is_empty() && scheme.is_empty()
        || has_reference(scheme)
        || has_reference(authority)
    {
        return Some(Place::Unknown);
    }
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Some(Place::OtherScheme);
    }
    let url = Url::parse(&format!("{scheme}://{authority}")).ok()?;
    Some(Place::Origin(url.origin()))
}

/// Adds a parameter to the query of an address.
pub fn add_query(address: &mut String, name: &str, value: &str) {
    let fragment = address.find('#').unwrap_or(address.len());
    address.truncate(fragment);
    address.push(if address.contains('?') { '&' } else { '?' });
    address.extend([&encode_value(name), "=", &encode_value(value)]);
}
