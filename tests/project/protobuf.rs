//! The page in protobuf has the samples of the text page, and native histograms with the same counts.

use crate::docs::page_of;
use prost::Message;
use regex::Regex;
use slod::exposition::TextFormat;
use slod::exposition::accept::PageFormat;
use slod::exposition::message::{Histogram, Kind, Metric};
use slod::metrics::SelfMetrics;
use slod::stats::exponential::ZERO_THRESHOLD;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Message)]
struct Family {
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

/// The name of a sample, and its labels.
type Key = (String, BTreeMap<String, String>);
type Samples = BTreeMap<Key, f64>;

fn families(mut page: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !page.is_empty() {
        families.push(Family::decode_length_delimited(&mut page).expect("a family"));
    }
    families
}

fn add(samples: &mut Samples, key: Key, value: f64) {
    assert!(!samples.contains_key(&key), "twice: {key:?}");
    samples.insert(key, value);
}

/// The samples of a text page.
fn of_text(page: &str) -> Samples {
    let line = Regex::new(r"^(\w+)(?:\{(.*)\})? (\S+)$").expect("valid");
    let pair = Regex::new(r#"(\w+)="((?:[^"\\]|\\.)*)""#).expect("valid");
    let mut samples = Samples::new();
    for text in page.lines().filter(|line| !line.starts_with('#')) {
        let found = line.captures(text).unwrap_or_else(|| panic!("{text}"));
        let labels = found.get(2).map_or("", |labels| labels.as_str());
        let labels = pair.captures_iter(labels).map(|pair| {
            let value = pair[2].replace("\\\\", "\u{0}").replace("\\\"", "\"");
            let value = value.replace("\\n", "\n").replace('\u{0}', "\\");
            (pair[1].to_owned(), value)
        });
        let key = (found[1].to_owned(), labels.collect());
        add(&mut samples, key, found[3].parse().expect("a number"));
    }
    samples
}

/// The samples of a page in protobuf, named as in the text format.
fn of_protobuf(page: &[u8]) -> Samples {
    let mut samples = Samples::new();
    for family in families(page) {
        for metric in &family.metrics {
            let pairs = metric.labels.iter();
            let labels: BTreeMap<_, _> = pairs
                .map(|pair| (pair.name.clone(), pair.value.clone()))
                .collect();
            let key = |suffix: &str| (family.name.clone() + suffix, labels.clone());
            let number = match family.kind() {
                Kind::Counter => &metric.counter,
                Kind::Gauge => &metric.gauge,
                Kind::Histogram => {
                    let histogram = metric.histogram.as_ref().expect("a histogram");
                    for (le, count) in buckets(histogram) {
                        let mut key = key("_bucket");
                        key.1.insert("le".to_owned(), le);
                        add(&mut samples, key, count as f64);
                    }
                    add(&mut samples, key("_count"), histogram.count as f64);
                    add(&mut samples, key("_sum"), histogram.sum);
                    continue;
                }
                other => panic!("{other:?}"),
            };
            let number = number.as_ref().expect("a value of the family's type");
            add(&mut samples, key(""), number.value);
        }
    }
    samples
}

fn buckets(histogram: &Histogram) -> impl Iterator<Item = (String, u64)> {
    let classic = histogram.buckets.iter();
    let classic = classic.map(|one| {
        (
            ryu::Buffer::new().format(one.upper_bound).to_owned(),
            one.cumulative,
        )
    });
    classic.chain([("+Inf".to_owned(), histogram.count)])
}

#[test]
fn every_family_has_the_samples_of_the_text_page() {
    let own = SelfMetrics::new().expect("the instruments register");
    let text = String::from_utf8(page_of(&own, PageFormat::Text(TextFormat::Text))).expect("text");
    let page = page_of(&own, PageFormat::Protobuf);
    let (text_samples, samples) = (of_text(&text), of_protobuf(&page));
    let keys = |samples: &Samples| samples.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&text_samples), keys(&samples));
    assert!(samples.len() > 300, "{}", samples.len());
    // The process itself changes between the pages.
    let lasting = text_samples
        .iter()
        .filter(|((name, _), _)| !name.starts_with("process_"));
    for (key, value) in lasting {
        assert_eq!(samples[key].to_bits(), value.to_bits(), "{key:?}");
    }
    let all = families(&page);
    let names: BTreeSet<_> = all.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "a family is one message");
    for family in &all {
        let help = format!(
            "# HELP {} {}\n",
            family.name,
            family.help.replace('\\', "\\\\")
        );
        assert!(text.contains(&help), "{help}");
        let kind = format!("{:?}", family.kind()).to_lowercase();
        let kinds = [kind.as_str(), "summary"];
        let is_same = |kind: &&str| text.contains(&format!("# TYPE {} {kind}\n", family.name));
        let known = kinds.iter().find(|kind| is_same(kind));
        assert!(
            known.is_some_and(|known| *known == kind || kind == "gauge"),
            "{}",
            family.name
        );
        assert!(
            family
                .name
                .trim_end_matches("_total")
                .ends_with(&family.unit)
        );
    }
}

#[test]
fn native_histograms_count_what_their_classic_buckets_count() {
    let own = SelfMetrics::new().expect("the instruments register");
    let page = page_of(&own, PageFormat::Protobuf);
    let mut natives = 0;
    for family in families(&page) {
        let histograms = family
            .metrics
            .iter()
            .filter_map(|one| one.histogram.as_ref());
        for histogram in histograms.filter(|one| one.is_native()) {
            natives += 1;
            assert_eq!(histogram.zero_threshold.to_bits(), ZERO_THRESHOLD.to_bits());
            let (mut index, mut count, mut total) = (0, 0, histogram.zero_count);
            let mut deltas = histogram.positive_deltas.iter();
            // At each classic bound, the buckets below it count no more, and those up to it no less.
            let mut cumulative = vec![(f64::NEG_INFINITY, total)];
            for span in &histogram.positive_spans {
                index += span.offset;
                for _ in 0..span.length {
                    count += deltas.next().expect("a delta");
                    total += u64::try_from(count).expect("positive");
                    cumulative.push(((f64::from(index) / 32.0).exp2(), total));
                    index += 1;
                }
            }
            assert!(deltas.next().is_none());
            assert_eq!(total, histogram.count, "{}", family.name);
            for bucket in &histogram.buckets {
                let up_to = |bound: f64| {
                    let below = cumulative.iter().rev().find(|(upper, _)| *upper <= bound);
                    below.map_or(0, |(_, total)| *total)
                };
                let (least, most) = (up_to(bucket.upper_bound), up_to(bucket.upper_bound * 1.022));
                assert!(
                    (least..=most).contains(&bucket.cumulative),
                    "{} {}",
                    family.name,
                    bucket.upper_bound
                );
            }
        }
    }
    assert!(natives > 0);
}
