//! The machine that slod runs on.

/// Its name, if it has one that is UTF-8.
pub fn host_name() -> Option<String> {
    let names = rustix::system::uname();
    let name = names.nodename().to_str().ok()?;
    (!name.is_empty()).then(|| name.to_owned())
}
