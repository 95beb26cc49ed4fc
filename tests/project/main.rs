//! What users read: answers to a config, generated docs, pages. And the layers of the code.

mod check;
mod docs;
mod fuzz;
mod layers;
mod load_reports;
mod load_run;
mod made_runs;
mod metrics;
mod page;
mod receivers;
mod reference;
mod synthetic;
