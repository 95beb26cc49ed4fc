//! What users read: answers to a config, generated docs, pages. And the layers of the code.

mod check;
mod docs;
mod layers;
mod metrics;
mod page;
mod receivers;
mod reference;
mod synthetic;
