use super::*;
use crate::exposition::{Family, Samples, gauge, write_each};
use crate::stats::exponential::code;
use prost::Message;

/// The families of a page: their heads as bytes, and their metrics.
fn families(mut page: &[u8]) -> Vec<Vec<u8>> {
    let mut families = Vec::new();
    while !page.is_empty() {
        let length = prost::decode_length_delimiter(&mut page).expect("a length");
        let (family, rest) = page.split_at(length);
        families.push(family.to_vec());
        page = rest;
    }
    families
}

/// A family that consists of one metric.
#[derive(Clone, PartialEq, Message)]
struct Single {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    help: String,
    #[prost(enumeration = "Kind", tag = "3")]
    kind: i32,
    #[prost(message, repeated, tag = "4")]
    metrics: Vec<Metric>,
    #[prost(string, tag = "5")]
    unit: String,
}

fn written(write: impl Fn(&mut dyn Sink)) -> Vec<Single> {
    let mut sink = ProtobufSink::new(Vec::new());
    write(&mut sink);
    let page = sink.finish().expect("written to memory");
    let decode = |family: &Vec<u8>| Single::decode(&family[..]).expect("valid");
    families(&page).iter().map(decode).collect()
}

#[test]
fn families_have_their_metadata_and_only_known_values() {
    let found = written(|sink| {
        sink.family(&(&Family::counter("a_seconds_total", &[], "Help.")).into());
        sink.count(&Labels::new(&[("service", "a\"b"), ("probe", "")]), 3);
        sink.count(&Labels::default(), 0);
        sink.family(&(&Family::gauge("empty", "", &[], "")).into());
        sink.value(&Labels::default(), f64::NAN);
        sink.family(&(&Family::gauge("b_seconds", "seconds", &[], "")).into());
        sink.value(&Labels::new(&[("x", "y")]), -0.5);
    });
    let heads: Vec<_> = found
        .iter()
        .map(|one| (&*one.name, one.kind(), &*one.unit))
        .collect();
    assert_eq!(
        heads,
        [
            ("a_seconds_total", Kind::Counter, ""),
            ("b_seconds", Kind::Gauge, "seconds")
        ]
    );
    assert_eq!(found[0].help, "Help.");
    let counter = |one: &Metric| one.counter.as_ref().map(|number| number.value);
    let values: Vec<_> = found[0].metrics.iter().map(counter).collect();
    assert_eq!(values, [Some(3.0), Some(0.0)]);
    let label = &found[0].metrics[0].labels[0];
    assert_eq!((&*label.name, &*label.value), ("service", "a\"b"));
    assert_eq!(found[0].metrics[0].labels.len(), 2);
    assert!(found[0].metrics[1].labels.is_empty());
    assert_eq!(found[1].metrics[0].gauge, Some(Number { value: -0.5 }));
    assert_eq!(found[1].metrics[0].counter, None);
}

#[test]
fn histograms_have_both_forms() {
    let mut exponential = quantile::Histogram::default();
    for value in [0.0, 0.25, 0.25, 0.5, 0.501, 4.0] {
        exponential.add(code(value), 1);
    }
    let found = written(|sink| {
        sink.family(&(&Family::histogram("a_seconds", "seconds", &[], "")).into());
        let labels = &mut Labels::new(&[("service", "a")]);
        let mut samples = Samples { sink, labels };
        let (bounds, buckets) = ([0.25, 1.0], [3, 2, 1]);
        samples.histogram_with(bounds.into_iter(), &buckets, 5.501, &exponential);
        samples.histogram(bounds.into_iter(), &buckets, 5.501);
    });
    let histogram = |at: usize| found[0].metrics[at].histogram.clone().expect("one");
    let both = histogram(0);
    assert_eq!((both.count, both.sum), (6, 5.501));
    let classic = |one: &message::Histogram| -> Vec<_> {
        let buckets = one.buckets.iter();
        buckets
            .map(|one| (one.upper_bound, one.cumulative))
            .collect()
    };
    assert_eq!(classic(&both), [(0.25, 3), (1.0, 5)]);
    assert_eq!(
        (both.schema, both.zero_threshold, both.zero_count),
        (5, ZERO_THRESHOLD, 1)
    );
    let spans = both.positive_spans.iter();
    let spans: Vec<_> = spans.map(|one| (one.offset, one.length)).collect();
    // 0.25, 0.5 with the one above it, and 4.
    assert_eq!(spans, [(-64, 1), (31, 2), (94, 1)]);
    assert_eq!(both.positive_deltas, [2, -1, 0, 0]);
    let alone = histogram(1);
    assert!(!alone.is_native());
    assert_eq!(classic(&alone), classic(&both));
}

#[test]
fn a_native_histogram_without_observations_is_one() {
    let mut histogram = message::Histogram::default();
    add_native(&mut histogram, &quantile::Histogram::default());
    assert!(histogram.is_native() && histogram.positive_spans.is_empty());
}

#[test]
fn families_of_many_items_are_streamed_and_must_not_change() {
    let items: Vec<f64> = (0..5000).map(f64::from).collect();
    let families = [
        gauge("a", "", &["n"], "", ()),
        gauge("b", "", &["n"], "", ()),
    ];
    let write = |sink: &mut dyn Sink, factor: &dyn Fn() -> f64| {
        let label = |labels: &mut Labels, item: &&f64| labels.push("n", &item.to_string());
        write_each(
            sink,
            &families,
            &items.iter(),
            label,
            |(), samples, item| {
                samples.value(Some(**item * factor()));
            },
        );
    };
    let found = written(|sink| write(sink, &|| 2.0));
    assert_eq!(found.len(), 2);
    let values = found[1].metrics.iter();
    let values: Vec<_> = values
        .filter_map(|one| Some(one.gauge.as_ref()?.value))
        .collect();
    assert_eq!(
        values,
        items.iter().map(|item| item * 2.0).collect::<Vec<_>>()
    );

    let mut sink = ProtobufSink::new(Vec::new());
    let calls = std::cell::Cell::new(0);
    write(&mut sink, &|| {
        calls.set(calls.get() + 1);
        // From the second time on, all values are 0, which take less space.
        f64::from(u8::from(calls.get() <= 5000))
    });
    assert!(sink.is_closed() && sink.metrics.capacity() < 1000);
    assert!(sink.finish().is_err());
}
