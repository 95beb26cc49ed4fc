//! A report on a synthetic month in a real store: its numbers compared with an independent recount,
//! its pages, and the command. The page is also written to `target/page/`, for
//! `tests/tools/screenshots.mjs`.

mod command;
mod counts;
mod days;
mod demo;
mod month;
mod numbers;
mod objective;
mod pages;
mod recount;
