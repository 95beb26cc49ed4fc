//! `slod backtest`: which burn-rate alerts and warning signs would have fired in the past.

use super::failure::{CommandResult, Failure};
use super::output::show;
use super::span::SpanArgs;
use super::{ConfigArg, OutputFormat, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::report::backtest::{Backtest, replayed, replayed_with_signs, synthetic};
use crate::report::scenario::Scenario;
use crate::store::Store;
use clap::Args;

#[derive(Debug, Args)]
pub struct BacktestArgs {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    span: SpanArgs,
    /// Synthetic history instead of the store's, such as 'good x 72h, bad x 5m, bad 2% x 6h'.
    #[arg(long, value_name = "SCENARIO", conflicts_with_all = ["from", "to"])]
    synthetic: Option<Scenario>,
    /// Also show which warning signs the stored samples and outcomes would have raised, except for
    /// certificate expiry. Takes a second or two per service and month.
    #[arg(long, conflicts_with = "synthetic")]
    signals: bool,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

pub fn run(args: &BacktestArgs) -> CommandResult {
    let config = args.config.load_shard()?;
    let backtest = match &args.synthetic {
        Some(scenario) => synthetic(&config, scenario),
        None => from_store(&config, args)?,
    };
    show(&args.format.of(&backtest, Backtest::to_text));
    Ok(exit::OK)
}

fn from_store(config: &Config, args: &BacktestArgs) -> Result<Backtest, Failure> {
    let now = Clock::system().now();
    let (from, to) = args.span.at(now).map_err(Failure::usage)?;
    // Later outcomes were recorded while the clock was ahead.
    let to = to.min(now);
    Store::open_read_only(&config.store.path)
        .and_then(|store| {
            let replay = if args.signals {
                replayed_with_signs
            } else {
                replayed
            };
            let mut backtest = replay(config, &store, from, to)?;
            backtest.note_silences(now);
            Ok(backtest)
        })
        .map_err(|error| {
            let path = config.store.path.display();
            Failure::unavailable(format!("cannot read {path}: {error}"))
        })
}
