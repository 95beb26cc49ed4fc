//! What must not appear in the log of a tool: secrets of the config, and the part of a URL from the first
//! value of a data file or an earlier response on, which the tool fills in itself.

use super::plan::redactions;
use crate::config::{ServiceSpec, SpecPart, SpecText};
use crate::probe::http::load_target::LoadTarget;
use crate::yaml::Redactions;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct ToolSecrets {
    redactions: Redactions,
    /// Scheme, host and port of all requests.
    origin: String,
    /// Prefixes of paths with such values, up to the first value.
    beginnings: Vec<String>,
}

impl ToolSecrets {
    /// Collects the secrets of a service's requests and of the environment of a script.
    pub fn of(
        service: &ServiceSpec,
        load_target: &LoadTarget,
        variables: &BTreeMap<String, String>,
    ) -> Self {
        let mut redactions = redactions(service, load_target);
        for value in variables.values() {
            redactions.add(value, "<secret>");
        }
        let sequences = service.load.iter().flat_map(|load| &load.sequences);
        let targets = sequences.flat_map(|one| &one.steps).map(|one| &one.target);
        let beginnings = targets.filter_map(beginning);
        let beginnings = beginnings.map(|one| redactions.cleaned(one)).collect();
        Self {
            origin: redactions.cleaned(load_target.origin()),
            beginnings,
            redactions,
        }
    }

    #[cfg(test)]
    pub fn of_values(values: &[&str]) -> Self {
        let mut secrets = Self::default();
        for value in values {
            secrets.redactions.add(value, "<secret>");
        }
        secrets
    }

    pub fn clean(&self, line: &str) -> String {
        let line = self.redactions.clean(line).into_owned();
        let beginnings = self.beginnings.iter();
        beginnings.fold(line, |line, beginning| self.cut(&line, beginning))
    }

    /// Truncates the URLs that start with the prefix.
    fn cut(&self, line: &str, beginning: &str) -> String {
        let (mut out, mut rest) = (String::new(), line);
        while let Some(at) = rest.find(beginning) {
            out.push_str(&rest[..at]);
            let is_behind_server = !self.origin.is_empty() && out.ends_with(&self.origin);
            let is_address = is_behind_server || !out.ends_with(is_part);
            out.push_str(beginning);
            rest = &rest[at + beginning.len()..];
            if is_address {
                let end = rest.find(|c: char| c.is_whitespace() || "\"'\\<>)".contains(c));
                rest = &rest[end.unwrap_or(rest.len())..];
                out.push('…');
            }
        }
        out + rest
    }
}

/// Whether the character can be part of a URL path.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || "/:._-~%".contains(c)
}

/// The part of a target before its first value; `None` without a value.
fn beginning(target: &SpecText) -> Option<String> {
    let is_value = |part: &SpecPart| matches!(part, SpecPart::Value { .. });
    let first = target.0.iter().position(is_value)?;
    let beginning = SpecText(target.0[..first].to_vec()).filled(|_| "");
    Some(if beginning.is_empty() {
        "/".to_owned()
    } else {
        beginning
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_end_before_values_that_a_tool_fills_in() {
        let mut redactions = Redactions::default();
        redactions.add("s3cret", "${KEY}");
        let secrets = ToolSecrets {
            redactions,
            origin: "http://127.0.0.1:80".to_owned(),
            beginnings: vec!["/c?p=".to_owned(), "/".to_owned()],
        };
        for (line, shown) in [
            ("nothing s3cret", "nothing ${KEY}"),
            (
                "Get \"http://127.0.0.1:80/c?p=ann&t=x\": refused",
                "Get \"http://127.0.0.1:80/…\": refused",
            ),
            (
                "exceeded with url: /c?p=ann (x)",
                "exceeded with url: /… (x)",
            ),
            (
                "read tcp 1/2 a/b https://other/x",
                "read tcp 1/2 a/b https://other/x",
            ),
        ] {
            assert_eq!(secrets.clean(line), shown);
        }
    }
}
