//! The labels of services, as a family to join with.

use super::family::Family;
use super::page::{Labels, Page};
use crate::ledger::Snapshot;

pub(super) const FAMILY: Family = Family::gauge(
    "slod_service_info",
    "",
    &["service"],
    "The labels of the service as the config has them, beside `service`: always 1. Join with it, as in `slod_probe_success * on (service) group_left (team) slod_service_info`.",
);

pub(super) fn write(page: &mut Page, snapshot: &Snapshot) {
    page.family(&FAMILY);
    for service in &snapshot.services {
        let mut labels = Labels::new(&[("service", &service.name)]);
        for (name, value) in &*service.labels {
            labels.push(name, value);
        }
        page.count(FAMILY.name, "", labels.text(), 1);
    }
}
