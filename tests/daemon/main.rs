//! The binary as users run it: its life, and what it serves.

mod alerts;
mod corrections;
mod demo;
mod heartbeat;
mod journey;
mod lifecycle;
mod support;
mod system;
mod vantage;
mod web;
