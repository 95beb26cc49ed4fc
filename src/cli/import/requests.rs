//! `slod import har|postman|openapi`: converts a recording or an API description to a `load` section.

use super::file::faults;
use super::{ImportArgs, ImportShape};
use crate::cli::exit;
use crate::cli::failure::{CommandResult, Failure};
use crate::cli::load::plan::{load_target, service};
use crate::cli::output::{print_error, show};
use crate::import::requests::{Format, SIZE_MAX, Shape};
use crate::text::printable;
use crate::yaml::read_regular;
use url::{Origin, Url};

/// Prints the section.
pub fn show_section(args: &ImportArgs, format: Format) -> CommandResult {
    let origin = args.service.as_deref().map(|name| origin(args, name));
    let origin = origin.transpose()?;
    let shape = match args.shape {
        None | Some(ImportShape::Requests) => Shape::Requests,
        Some(ImportShape::Steps) => Shape::Steps,
    };
    let shown = args.file.display();
    let bytes = read_regular(&args.file, SIZE_MAX as u64)
        .map_err(|reason| Failure::usage(format!("cannot read {shown}: {reason}")))?;
    let imported = format
        .read(&bytes, origin.as_ref(), shape, &|section| {
            let all = faults(&config(section));
            all.into_iter().next().map(|fault| fault.message)
        })
        .map_err(|fault| Failure::usage(format!("{shown}: {}", printable(&fault.to_string()))))?;
    show(&imported.to_yaml(origin.is_some()));
    for remark in &imported.remarks {
        print_error(&format!(
            "slod: {shown}: {}",
            printable(&remark.to_string())
        ));
    }
    if imported.more_remarks > 0 {
        print_error(&format!(
            "slod: {shown}: {} more remarks of this kind",
            imported.more_remarks
        ));
    }
    Ok(exit::OK)
}

/// A config with one service that has this section.
fn config(section: &str) -> String {
    let mut config = "services:
  - name: imported
    probes: [ { name: http, http: { url: 'http://127.0.0.1/' } } ]
"
    .to_owned();
    for line in section.lines() {
        config.push_str("    ");
        config.push_str(line);
        config.push('\n');
    }
    config
}

/// The origin that the load of a service goes to.
fn origin(args: &ImportArgs, name: &str) -> Result<Origin, Failure> {
    let config = args.config.load()?;
    let service = service(&config, name).map_err(Failure::usage)?;
    let load_target = load_target(service).map_err(Failure::usage)?;
    let url = Url::parse(&load_target.origin());
    url.map(|url| url.origin())
        .map_err(|_| Failure::usage(format!("{name} has no valid address")))
}
