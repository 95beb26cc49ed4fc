//! Numbers: the ledger, alerts, backtests and reports against independent recounts, on real stores.

mod alerts;
mod backtest;
mod ledger;
mod report;
mod traffic;
mod vantage;
