//! The binary as users run it: its lifecycle, its responses, its behavior under faults, and next to a
//! real Prometheus.

mod alerts;
mod auth;
mod bounds;
mod corrections;
mod delivery;
mod demo;
mod edited;
mod engines;
mod environment;
mod faults;
mod heartbeat;
mod hook;
mod imported;
mod journey;
mod kernel;
mod lifecycle;
mod mail;
mod names;
mod notify;
mod observe;
mod observed_runs;
mod openapi;
mod prometheus;
mod rerouted;
mod runs;
mod samples;
mod secrets;
mod signs;
mod starting;
mod steps;
mod support;
mod system;
mod vantage;
mod web;
