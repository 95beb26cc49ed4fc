//! Reads the servers that get all metrics by remote write.

use super::keys::remote_write as key;
use super::labels;
use super::model::RemoteWriteSpec;
use super::name::Names;
use crate::probe::http::push::Destination;
use crate::yaml::Section;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// Reads the valid destinations; errors in the others are reported.
pub(super) fn read(root: &Section<'_>) -> Vec<Arc<RemoteWriteSpec>> {
    let (reader, mut names) = (root.reader(), Names::of("destination"));
    let items = root.list(&key::REMOTE_WRITE).into_iter();
    let specs = items.filter_map(|(at, node)| {
        let section = reader.section(node, &at.path, key::KEYS)?;
        let name = names.take(&section, &key::NAME);
        let (interval, timeout) = (section.get(&key::INTERVAL), section.get(&key::TIMEOUT));
        let (job, instance) = (section.get(&key::JOB), section.get(&key::INSTANCE));
        let labels = labels::labels(&section, &key::LABELS);
        let read = reader.traced(node, || Destination::read(&section, &key::URL, headers()));
        Some(Arc::new(RemoteWriteSpec {
            name: name?,
            interval: interval?,
            timeout: timeout?,
            job: job?,
            instance,
            labels,
            destination: read.value?,
            fingerprint: read.fingerprint,
            redactions: read.redactions,
        }))
    });
    specs.collect()
}

/// The headers that the specification requires.
fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        ),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
        (
            HeaderName::from_static("x-prometheus-remote-write-version"),
            HeaderValue::from_static("0.1.0"),
        ),
    ])
}
