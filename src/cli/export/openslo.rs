//! `slod export openslo`: the objectives in the format of `OpenSLO`.

use super::ExportArgs;
use crate::cli::exit;
use crate::cli::failure::{CommandResult, Failure};
use crate::cli::load::plan::service;
use crate::cli::output::{print_error, show};
use crate::config::Config;
use crate::rules::openslo;

pub fn run(args: &ExportArgs, config: &Config) -> CommandResult {
    let unfit = [
        (args.scenario.is_some(), "a scenario has"),
        (args.kubernetes.is_some(), "--kubernetes has"),
    ];
    if let Some((_, what)) = unfit.into_iter().find(|(is_given, _)| *is_given) {
        return Err(Failure::usage(format!("{what} no effect for openslo")));
    }
    let one = args.service.as_deref().map(|name| service(config, name));
    let written = one.transpose().and_then(|one| openslo::write(config, one));
    let exported = written.map_err(Failure::usage)?;
    show(&exported.yaml);
    for remark in exported.remarks {
        print_error(&format!("slod: {remark}"));
    }
    Ok(exit::OK)
}
