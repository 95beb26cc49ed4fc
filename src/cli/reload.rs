//! `slod reload`: makes the running daemon read its config again.

use super::daemon::{DaemonArgs, on_daemon};
use super::failure::CommandResult;
use clap::Args;
use reqwest::Method;

#[derive(Debug, Args)]
pub struct ReloadArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
}

pub fn run(args: &ReloadArgs) -> CommandResult {
    on_daemon(&args.daemon, async |daemon| {
        let request = daemon.request(Method::POST, "/-/reload");
        daemon.send(request).await?;
        Ok("reloaded\n".to_owned())
    })
}
