//! A synthetic month in a real store, reported: its numbers against a recount by other means, its
//! pages, and the command. The page is also written to `target/page/`, for
//! `tests/tools/screenshots.mjs`.

mod command;
mod counts;
mod days;
mod demo;
mod month;
mod numbers;
mod pages;
mod recount;
