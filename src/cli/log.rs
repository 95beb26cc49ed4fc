//! Where log lines go, and in which form.

use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Least important lines to log: error, warn, info, debug, trace, or a filter such as `slod::store=debug`.
    #[arg(long, global = true, default_value = "info", env = "SLOD_LOG_LEVEL")]
    log_level: String,
    /// Form of the log lines on standard error.
    #[arg(long, global = true, default_value = "text", env = "SLOD_LOG_FORMAT")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
    Logfmt,
}

impl LogArgs {
    /// Installs the log for this process.
    pub fn init(&self) -> Result<(), String> {
        let filter = EnvFilter::builder()
            .parse(&self.log_level)
            .map_err(|error| format!("--log-level {}: {error}", self.log_level))?;
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let text = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false);
        let layer = match self.log_format {
            LogFormat::Text => text.with_ansi(colour).boxed(),
            LogFormat::Json => text.json().flatten_event(true).boxed(),
            LogFormat::Logfmt => tracing_logfmt::builder()
                .with_target(false)
                .layer()
                .with_writer(std::io::stderr)
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(layer.with_filter(filter))
            .try_init()
            .map_err(|error| format!("the log cannot be set up: {error}"))
    }
}
