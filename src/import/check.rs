//! Checks a config that an import builds, and assigns errors to its parts. All parts are checked together, since
//! checking a config takes longer than checking one more part of it.

/// Returns every error of a config; none if it is valid.
pub type Check<'a> = &'a dyn Fn(&str) -> Vec<Fault>;

/// An error in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The position, such as `services[0].probes[1].http.url`.
    pub path: String,
    pub message: String,
}

/// Maximum number of times that the remaining parts are checked again. Few errors hide others.
pub(super) const ROUNDS_MAX: usize = 10;

/// The index of the list item that a path refers to, and the rest of the path: `services[12].name` is 12 and `name`
/// for the list `services`.
pub(super) fn item<'p>(path: &'p str, list: &str) -> Option<(usize, &'p str)> {
    let inside = path.strip_prefix(list)?.strip_prefix('[')?;
    let (number, rest) = inside.split_once(']')?;
    Some((number.parse().ok()?, rest.trim_start_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_list_items() {
        for (path, found) in [
            ("services[12].probes[1].http", Some((12, "probes[1].http"))),
            ("services[0]", Some((0, ""))),
            ("services", None),
            ("services[x].name", None),
            ("receivers[0].name", None),
        ] {
            assert_eq!(item(path, "services"), found, "{path}");
        }
    }
}
