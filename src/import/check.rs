//! What is wrong with a config in the making, and with which part of it. All parts are checked at once: a config takes
//! longer to be checked than a part of it.

/// Every fault of a config; none if it can be used.
pub type Check<'a> = &'a dyn Fn(&str) -> Vec<Fault>;

/// A fault of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is, such as `services[0].probes[1].http.url`.
    pub path: String,
    pub message: String,
}

/// How often what is left over is checked again. Faults that others hide are few.
pub(super) const ROUNDS_MAX: usize = 10;

/// The number of an item of a list that a path leads into, and the rest of the path: `services[12].name` is 12 and
/// `name` of `services`.
pub(super) fn item<'p>(path: &'p str, list: &str) -> Option<(usize, &'p str)> {
    let inside = path.strip_prefix(list)?.strip_prefix('[')?;
    let (number, rest) = inside.split_once(']')?;
    Some((number.parse().ok()?, rest.trim_start_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_into_an_item_of_a_list() {
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
