//! `slod rules`: generates Prometheus rules for the objectives of a config.

use super::failure::{CommandResult, Failure};
use super::output::show;
use super::{ConfigArg, exit};
use crate::rules::{Format, LONGEST_PREFIX, generate, is_prefix};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// A Prometheus rule file, or a `PrometheusRule` of the Prometheus Operator per service.
    #[arg(long, value_enum, default_value_t = RulesFormat::Prometheus)]
    format: RulesFormat,
    /// Prefix of the object names `PREFIX-SERVICE`, with prometheus-operator. Daemons with different
    /// configs in one namespace need different prefixes [default: slod]
    #[arg(long, value_name = "PREFIX", value_parser = read_prefix)]
    name_prefix: Option<String>,
}

fn read_prefix(text: &str) -> Result<String, String> {
    let help = || {
        format!(
            "expected up to {LONGEST_PREFIX} lower case letters, digits and dashes, such as slod-eu"
        )
    };
    is_prefix(text).then(|| text.to_owned()).ok_or_else(help)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RulesFormat {
    Prometheus,
    PrometheusOperator,
}

pub fn run(args: &RulesArgs) -> CommandResult {
    let config = args.config.load()?;
    let prefix = args.name_prefix.clone();
    let format = match (args.format, prefix) {
        (RulesFormat::Prometheus, Some(_)) => {
            let reason = "--name-prefix has no effect for a rule file, which has no name";
            return Err(Failure::usage(reason));
        }
        (RulesFormat::Prometheus, None) => Format::Prometheus,
        (RulesFormat::PrometheusOperator, prefix) => Format::Operator {
            prefix: prefix.unwrap_or_else(|| "slod".to_owned()),
        },
    };
    let generated = generate(&config, &format, &mut show);
    generated.map_err(|reason| Failure::new(exit::FAILED, reason))?;
    Ok(exit::OK)
}
