//! Finds the stored series with the values that signs use.

use crate::outcome::Timestamp;
use crate::sample::SeriesKey;
use crate::signals::numbers::{ContainerNumber, MetricNumber, ProcessNumber};
use crate::store::{SeriesId, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which value of a service the samples of a series are.
#[derive(Clone, Debug)]
pub(in crate::signals) enum Place {
    Metric(MetricNumber),
    Process(Arc<str>, ProcessNumber),
    Container(Arc<str>, ContainerNumber),
}

/// The stored series with the values that signs use.
#[derive(Debug)]
pub struct StoredSeries {
    pub(super) by_service: BTreeMap<Arc<str>, BTreeMap<SeriesId, Place>>,
    /// The processes of each service, and when they were last seen.
    pub(super) seen: BTreeMap<Arc<str>, Vec<(Arc<str>, Timestamp)>>,
    pub(super) host: Vec<(SeriesId, SeriesKey)>,
}

impl StoredSeries {
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let mut kept = Self {
            by_service: BTreeMap::new(),
            seen: BTreeMap::new(),
            host: Vec::new(),
        };
        for info in store.series()? {
            if info.key.name().starts_with("slod_host_") {
                kept.host.push((info.id, info.key));
            } else if let (Some(service), Some(place)) =
                (info.key.label("service"), place(&info.key))
            {
                if let Place::Process(name, ProcessNumber::Started) = &place {
                    let seen = kept.seen.entry(service.into()).or_default();
                    seen.push((name.clone(), info.last));
                }
                let places = kept.by_service.entry(service.into()).or_default();
                places.insert(info.id, place);
            }
        }
        Ok(kept)
    }

    /// The series of one value of a service.
    pub(in crate::signals) fn series(
        &self,
        service: &str,
        is_it: impl Fn(&Place) -> bool,
    ) -> Option<SeriesId> {
        let mut places = self.by_service.get(service)?.iter();
        places.find(|(_, place)| is_it(place)).map(|(id, _)| *id)
    }
}

fn place(key: &SeriesKey) -> Option<Place> {
    if let Some(one) = MetricNumber::of(key) {
        let is_it = key
            .label("quantile")
            .is_none_or(|quantile| quantile == "0.95");
        return is_it.then_some(Place::Metric(one));
    }
    let process: Arc<str> = key.label("process")?.into();
    let of_process = |one| Place::Process(process.clone(), one);
    let of_container = |one| Place::Container(process.clone(), one);
    let found = ProcessNumber::of(key).map(of_process);
    found.or_else(|| ContainerNumber::of(key).map(of_container))
}
