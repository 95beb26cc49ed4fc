use super::family::MESSAGES_MAX;
use crate::exposition::message::{Bucket, Histogram, Kind, LabelPair, Metric, Number, Span};
use crate::observe::scrape::scan::NATIVES_MAX;
use crate::observe::scrape::tests::{Watched, close};
use crate::observe::scrape::view::ServiceMetrics;
use crate::roles::Role;
use prost::encoding::{WireType, encode_key, encode_varint};

const OBJECTIVES: &str = "objectives: [{ name: fast, sli: latency, below: 300ms, target: 95%, window: 30d, source: metrics }]";

/// A length-delimited family.
fn family(name: &str, kind: Kind, metrics: &[Metric]) -> Vec<u8> {
    let mut body = Vec::new();
    prost::encoding::string::encode(1, &name.to_owned(), &mut body);
    encode_key(3, WireType::Varint, &mut body);
    encode_varint(kind as u64, &mut body);
    for metric in metrics {
        prost::encoding::message::encode(4, metric, &mut body);
    }
    let mut page = Vec::new();
    encode_varint(body.len() as u64, &mut page);
    page.extend(body);
    page
}

fn label(name: &str, value: &str) -> LabelPair {
    LabelPair {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn metric(histogram: Histogram) -> Metric {
    Metric {
        histogram: Some(histogram),
        ..Metric::default()
    }
}

/// With consecutive buckets from an index on.
fn native(schema: i32, first: i32, deltas: &[i64]) -> Histogram {
    let counts = deltas.iter().scan(0, |count, delta| {
        *count += delta;
        Some(*count)
    });
    Histogram {
        schema,
        count: counts.sum::<i64>().unsigned_abs(),
        sum: 1.0,
        positive_spans: vec![Span {
            offset: first,
            length: u32::try_from(deltas.len()).expect("few"),
        }],
        positive_deltas: deltas.to_vec(),
        ..Histogram::default()
    }
}

fn durations(histograms: &[Histogram]) -> Vec<u8> {
    let metrics: Vec<_> = histograms.iter().cloned().map(metric).collect();
    family("http_request_duration_seconds", Kind::Histogram, &metrics)
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/protobuf-pages");
    std::fs::read(format!("{folder}/{name}")).expect("readable")
}

/// The requests up to a bound.
fn up_to(metrics: &ServiceMetrics, bound: f64) -> u64 {
    let histogram = metrics.histogram(Role::RequestDuration).expect("found");
    let at = histogram
        .bounds
        .iter()
        .position(|one| (one - bound).abs() < 1e-9);
    histogram.counts[..=at.expect("a bound")].iter().sum()
}

/// Pages of the Go client: 10 quick requests and 2 failures, then 80 of 100 ms, 10 of 290 ms and 10
/// of 900 ms.
#[test]
fn pages_of_a_real_client_are_read_in_both_forms() {
    for (name, keys, is_classic) in [
        ("go-native.pb", "", false),
        ("go-native.pb", OBJECTIVES, false),
        ("go-both.pb", OBJECTIVES, false),
        ("go-both.pb", &*OBJECTIVES.replace("300ms", "500ms"), true),
    ] {
        let mut watched = Watched::of(keys, "");
        watched.follow_bytes(0, &family("queue_depth", Kind::Gauge, &[Metric::default()]));
        let metrics = watched.follow_bytes(10, &fixture(name));
        assert_eq!(metrics.scrape.dropped.total(), 0, "{name}");
        assert!(close(metrics.number(Role::Requests), 112.0), "{name}");
        assert!(close(metrics.number(Role::Errors), 2.0), "{name}");
        assert!(close(metrics.number(Role::DbPoolMax), 10.0), "{name}");
        let histogram = metrics.histogram(Role::RequestDuration).expect("found");
        assert_eq!(histogram.counts.iter().sum::<u64>(), 112, "{name}");
        assert_eq!(histogram.bounds.len() < 20, is_classic, "{name} {keys}");
        assert_eq!(up_to(&metrics, 0.5), 102, "{name}");
        assert_eq!(up_to(&metrics, 1.0), 112, "{name}");
        if !is_classic {
            assert_eq!(up_to(&metrics, 0.25), 92, "{name}");
        }
    }
}

/// A native histogram with custom buckets (schema -53) as exposed by `/federate` of Prometheus 3:
/// with classic float buckets, without the infinite one.
#[test]
fn custom_buckets_are_read_as_classic_ones() {
    let federated = |counts: [f64; 2], all: f64| Histogram {
        count_float: all,
        sum: 1.0,
        buckets: [0.3, 1.0]
            .into_iter()
            .zip(counts)
            .map(|(upper_bound, cumulative_float)| Bucket {
                cumulative_float,
                upper_bound,
                ..Bucket::default()
            })
            .collect(),
        ..Histogram::default()
    };
    for keys in ["", OBJECTIVES] {
        let mut watched = Watched::of(keys, "");
        watched.follow_bytes(0, &durations(&[federated([1.0, 2.0], 3.0)]));
        let metrics = watched.follow_bytes(10, &durations(&[federated([5.0, 8.0], 10.0)]));
        assert_eq!(metrics.scrape.dropped.total(), 0);
        assert_eq!((up_to(&metrics, 0.3), up_to(&metrics, 1.0)), (4, 6));
        let histogram = metrics.histogram(Role::RequestDuration).expect("found");
        assert_eq!(histogram.counts.iter().sum::<u64>(), 7);
    }
}

#[test]
fn a_threshold_inside_a_bucket_is_estimated_exponentially() {
    let mut watched = Watched::of(OBJECTIVES, "");
    watched.follow_bytes(0, &durations(&[native(0, -1, &[0])]));
    // 100 in (0.25, 0.5]: 0.3 is log2(0.3 / 0.25) = 0.263 of it.
    let metrics = watched.follow_bytes(10, &durations(&[native(0, -1, &[100])]));
    assert_eq!(up_to(&metrics, 0.25), 0);
    assert_eq!(up_to(&metrics, 0.3), 26);
    assert_eq!(up_to(&metrics, 0.5), 100);
    let [p50, ..] = metrics.quantiles.expect("known");
    assert!((p50 - 0.353_553).abs() < 1e-3, "{p50}");
}

#[test]
fn a_coarser_histogram_is_not_a_reset_but_a_decrease_is() {
    let mut watched = Watched::of(OBJECTIVES, "");
    let mut requests = |at, histogram| {
        let metrics = watched.follow_bytes(at, &durations(&[histogram]));
        let histogram = metrics.histogram(Role::RequestDuration);
        histogram.map(|histogram| histogram.counts.iter().sum::<u64>())
    };
    // 40 and 60 in (0.25, 0.297] and (0.297, 0.354], then all of them in (0.25, 0.5].
    requests(0, native(2, -7, &[40, 20]));
    assert_eq!(requests(10, native(0, -1, &[100])), Some(0));
    assert_eq!(requests(20, native(0, -1, &[107])), Some(7));
    assert_eq!(requests(30, native(0, -1, &[5])), Some(12), "a reset");
    assert_eq!(
        requests(40, native(3, -10, &[2, 4])),
        Some(20),
        "finer: a reset"
    );
}

#[test]
fn float_histograms_are_read_like_integer_histograms() {
    let mut watched = Watched::of(OBJECTIVES, "");
    let floats = |count: f64| Histogram {
        count_float: count + 3.0,
        positive_deltas: Vec::new(),
        positive_counts: vec![count],
        zero_count_float: 3.0,
        zero_threshold: 0.001,
        ..native(0, -1, &[0])
    };
    watched.follow_bytes(0, &durations(&[floats(1.5)]));
    let metrics = watched.follow_bytes(10, &durations(&[floats(101.5)]));
    assert_eq!((up_to(&metrics, 0.25), up_to(&metrics, 0.5)), (0, 100));
}

#[test]
fn hostile_histograms_are_dropped_and_counted() {
    let huge = Span {
        offset: 0,
        length: u32::MAX,
    };
    let with = |change: fn(&mut Histogram)| {
        let mut histogram = native(0, 0, &[1]);
        change(&mut histogram);
        histogram
    };
    let hostile = [
        native(127, 0, &[1]),
        native(-53, 0, &[1]),
        native(0, 0, &[1, -2]),
        with(|one| one.positive_deltas = vec![i64::MAX, i64::MAX]),
        with(|one| one.positive_deltas = vec![1; 2]),
        with(|one| one.positive_counts = vec![f64::NAN]),
        with(|one| one.zero_threshold = f64::INFINITY),
        with(|one| one.zero_threshold = -1.0),
        with(|one| one.count_float = f64::INFINITY),
        Histogram {
            positive_spans: vec![huge; 10_000],
            ..native(0, 0, &[1])
        },
    ];
    for histogram in hostile {
        let page = durations(std::slice::from_ref(&histogram));
        let metrics = Watched::new("").follow_bytes(0, &page);
        assert_eq!(metrics.scrape.dropped.total(), 1, "{:?}", histogram.schema);
        assert!(metrics.histogram(Role::RequestDuration).is_none());
    }
}

#[test]
fn what_is_too_large_is_skipped_and_counted() {
    let spans = vec![Span::default(); 10_000_000 / 64];
    let large = Histogram {
        positive_spans: spans,
        ..native(0, 0, &[1])
    };
    let page = [
        durations(&[large, native(0, 0, &[5])]),
        family(
            "queue_depth",
            Kind::Gauge,
            &[Metric {
                gauge: Some(Number { value: 3.0 }),
                ..Metric::default()
            }],
        ),
    ];
    let metrics = Watched::new("").follow_bytes(0, &page.concat());
    assert_eq!(metrics.scrape.dropped.total(), 1);
    assert!(metrics.histogram(Role::RequestDuration).is_some());
    assert!(close(metrics.number(Role::QueueDepth), 3.0));
}

#[test]
fn messages_without_an_end_are_refused() {
    let watched = Watched::new("");
    for (page, fault) in [
        (vec![0xff; 20], "a number is too long"),
        (vec![0x80], "incomplete"),
        (vec![5, 0x0a, 1], "incomplete"),
        (vec![2, 0x0a, 0x05], "longer than the message"),
        (vec![2, 0x0b, 0x05], "invalid type"),
        (vec![2, 0x22, 0], "before its name"),
        (vec![4, 0x0a, 2, 0xff, 0xfe], "UTF-8"),
        (
            b"# HELP a b\n# TYPE a counter\na 1\n".to_vec(),
            "longer than the message",
        ),
    ] {
        let refused = watched.read_bytes(&page).expect_err(fault);
        assert!(refused.contains(fault), "{page:?}: {refused}");
    }
    // A length of 2^63, for which the reader must not wait.
    let mut endless = Vec::new();
    encode_varint(1 << 63, &mut endless);
    endless.extend([0x0a, 1, b'x'].repeat(1000));
    let refused = watched.read_bytes(&endless).expect_err("incomplete");
    assert!(refused.contains("incomplete"), "{refused}");
    let many = vec![0; usize::try_from(MESSAGES_MAX).expect("fits") + 1];
    let refused = watched.read_bytes(&many).expect_err("too many");
    assert!(refused.contains("more than 1000000 messages"), "{refused}");
}

#[test]
fn native_histograms_are_bounded() {
    let metrics: Vec<_> = (0..=NATIVES_MAX)
        .map(|number| Metric {
            labels: vec![label("path", &number.to_string())],
            ..metric(native(0, 0, &[1]))
        })
        .collect();
    let page = family("http_request_duration_seconds", Kind::Histogram, &metrics);
    let metrics = Watched::new("").follow_bytes(0, &page);
    let view = metrics.role(Role::RequestDuration).expect("found");
    assert_eq!((view.series, &view.value), (0, &None));
    assert!(metrics.scrape.dropped.total() > NATIVES_MAX as u64);
}

#[test]
fn labels_are_those_of_a_text_page() {
    let number = |code: &str, value: f64| Metric {
        labels: vec![label("code", code), label("path", "a \"b\" \\ c\n")],
        counter: Some(Number { value }),
        ..Metric::default()
    };
    let page = |value| {
        family(
            "http_requests_total",
            Kind::Counter,
            &[number("200", value), number("503", 2.0)],
        )
    };
    let mut watched = Watched::new("");
    watched.follow_bytes(0, &page(5.0));
    // The same series in another format.
    let text = "http_requests_total{path=\"a \\\"b\\\" \\\\ c\\n\",code=\"200\"} 8\n";
    let metrics = watched.follow(10, text);
    assert!(close(metrics.number(Role::Requests), 3.0), "{metrics:?}");
    let twice = Metric {
        labels: vec![label("a", "1"), label("a", "2")],
        ..number("200", 1.0)
    };
    let page = family("http_requests_total", Kind::Counter, &[twice]);
    let refused = watched.read_bytes(&page).expect_err("invalid");
    assert!(refused.contains("duplicate label"), "{refused}");
}
