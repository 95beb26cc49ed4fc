//! Files of other tools, and the configs generated from them.

use crate::cli::exit;
use crate::cli::failure::{CommandResult, Failure};
use crate::cli::output::{print_error, show};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::import::{Fault, Imported};
use crate::yaml::read_regular;
use std::path::Path;

/// Value of variables while a config is checked: valid as an address, a header and a text.
const VARIABLE: &str = "http://127.0.0.1/";
/// Part of the names of variables for users, and their value, because a user has no colon.
const USERNAME: &str = "USERNAME";
/// A file that does not exist on this machine is not an error of the config.
const UNREADABLE: &str = "unreadable-file";

/// Reads a text file of at most `limit` bytes, or returns what is wrong with it.
pub fn input(path: &Path, limit: usize) -> Result<Source, String> {
    let name = path.display().to_string();
    let bytes = read_regular(path, limit as u64)
        .map_err(|reason| format!("cannot read {name}: {reason}"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| format!("cannot read {name}: it is not UTF-8 text"))?;
    Ok(Source { name, text })
}

/// Prints the config, and what was not imported to standard error.
pub fn show_imported(imported: Result<Imported, String>) -> CommandResult {
    let imported = imported.map_err(Failure::usage)?;
    show(&imported.yaml);
    for remark in &imported.remarks {
        print_error(&format!("slod: {remark}"));
    }
    Ok(exit::OK)
}

/// Errors that `slod check` reports for a config.
pub fn faults(config: &str) -> Vec<Fault> {
    let source = Source::new("", config);
    let value = |name: &str| {
        if name.contains(USERNAME) {
            USERNAME
        } else {
            VARIABLE
        }
    };
    let env = |name: &str| Some(value(name).to_owned());
    let loaded = Config::load(&source, Path::new(""), &env);
    let errors = loaded.diagnostics.into_iter();
    let errors = errors.filter(|one| one.severity == Severity::Error && one.code != UNREADABLE);
    let fault = |error: Diagnostic| Fault {
        path: error.path,
        message: match error.help {
            Some(help) => format!("{} ({help})", error.message),
            None => error.message,
        },
    };
    errors.map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_for_users_are_valid() {
        let config = |user: &str| {
            format!(
                "services:
  - name: a
    probes:
      - name: a
        http:
          url: http://a/${{PATH}}
          basic_auth: {{ username: \"{user}\", password: \"${{PASSWORD}}\" }}
    objectives: []
"
            )
        };
        assert_eq!(faults(&config("${BLACKBOX_A_USERNAME_2}")), []);
        assert!(!faults(&config("a:b")).is_empty());
    }
}
