//! `slod rules`: Prometheus rules for the objectives of a config.

use super::output::{complain, show};
use super::{ConfigArg, exit};
use crate::rules::{Format, generate};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// A rule file of Prometheus, or a `PrometheusRule` of its operator.
    #[arg(long, value_enum, default_value_t = RulesFormat::Prometheus)]
    format: RulesFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RulesFormat {
    Prometheus,
    PrometheusOperator,
}

pub fn run(args: &RulesArgs) -> u8 {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(code) => return code,
    };
    let format = match args.format {
        RulesFormat::Prometheus => Format::Prometheus,
        RulesFormat::PrometheusOperator => Format::Operator,
    };
    match generate(&config, format) {
        Ok(rules) => {
            show(&rules);
            exit::OK
        }
        Err(reason) => {
            complain(&format!("slod: {reason}"));
            exit::FAILED
        }
    }
}
