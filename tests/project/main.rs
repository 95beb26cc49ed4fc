//! What users read: diagnostics of configs, generated docs and pages. Also the layers of the code.

mod check;
mod docs;
mod fuzz;
mod layers;
mod load_reports;
mod load_run;
mod made_runs;
mod metrics;
mod page;
mod protobuf;
mod receivers;
mod reference;
mod replies;
mod synthetic;
