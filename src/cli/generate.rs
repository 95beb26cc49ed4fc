//! Output generated from the declarations of the command line and the config: shell completions, man pages,
//! and the JSON Schema of the config.

use super::failure::{CommandResult, Failure};
use super::output::draw;
use super::{Cli, exit};
use crate::config;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that reads the script.
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of all subcommands to this directory, instead of slod(1) to standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn completions(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slod", &mut script);
    draw(&String::from_utf8_lossy(&script));
    exit::OK
}

pub fn man(args: &ManArgs) -> CommandResult {
    let written = match &args.out {
        Some(folder) => pages(folder).map_err(|error| (folder.as_path(), error)),
        None => page().map_err(|error| (Path::new("standard output"), error)),
    };
    written.map_err(|(path, error)| {
        Failure::usage(format!("cannot write to {}: {error}", path.display()))
    })?;
    Ok(exit::OK)
}

fn pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}

fn page() -> std::io::Result<()> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    draw(&String::from_utf8_lossy(&page));
    Ok(())
}

pub fn schema() -> u8 {
    let schema = config::schema();
    draw(&format!("{schema:#}\n"));
    exit::OK
}
