//! The parser of metrics pages, compared with the reference parsers of the Python client: on pages of
//! real libraries, and on the same pages with random damage.

use serde_json::{Value, json};
use slod::observe::scrape::parse::{Line, PageFormat, parse_line};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const MUTATIONS: usize = 60;

/// Name, labels and the bits of the value.
type Read = (String, BTreeMap<String, String>, u64);

const OPENMETRICS: &str = "# TYPE a_seconds histogram
# UNIT a_seconds seconds
# HELP a_seconds Some \"text\" \\\\ here
a_seconds_bucket{le=\"0.1\",x=\"q\\\"b\\\\c\\nd\"} 1 # {trace_id=\"abc\"} 0.05 1.5
a_seconds_bucket{le=\"+Inf\",x=\"q\\\"b\\\\c\\nd\"} 2
a_seconds_count{x=\"q\\\"b\\\\c\\nd\"} 2
a_seconds_sum{x=\"q\\\"b\\\\c\\nd\"} 0.5
# TYPE b counter
b_total 17.5 1520879607.789
b_created 1520430000.123
# TYPE c gauge
c{y=\"\u{fc}\"} -Inf
# TYPE d summary
d_count 17
d_sum 324.5
d{quantile=\"0.5\"} NaN
# EOF
";

fn ours(format: PageFormat, page: &str) -> Option<Vec<Read>> {
    let mut samples = Vec::new();
    let mut is_ended = false;
    for line in page.strip_suffix('\n').unwrap_or(page).split('\n') {
        if is_ended {
            return None;
        }
        match parse_line(line.as_bytes(), format).ok()? {
            Line::Sample(sample) => {
                let labels = sample.labels.pairs();
                let labels = labels.map(|(name, value)| (name.to_owned(), value.into_owned()));
                let value = sample.value.to_bits();
                samples.push((sample.name.to_owned(), labels.collect(), value));
            }
            Line::Eof => is_ended = true,
            _ => {}
        }
    }
    (is_ended || format == PageFormat::Text).then_some(samples)
}

fn theirs(samples: &Value) -> Option<Vec<Read>> {
    let samples = samples.as_array()?.iter();
    let read = samples.map(|sample| {
        let name = sample[0].as_str().expect("text").to_owned();
        let labels = serde_json::from_value(sample[1].clone()).expect("labels");
        let value: f64 = sample[2].as_str().expect("text").parse().expect("a number");
        (name, labels, value.to_bits())
    });
    Some(read.collect())
}

/// A page with one to three random changes.
fn damaged(page: &str, random: &mut fastrand::Rng) -> String {
    const PIECES: [&str; 18] = [
        "{", "}", "\"", "\\", ",", "=", "#", " ", "\n", "\t", "1", "e", "NaN", "x", "-", "_", ":",
        "\u{fc}",
    ];
    let mut chars: Vec<char> = page.chars().collect();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(0..chars.len());
        let piece = PIECES[random.usize(0..PIECES.len())].chars();
        match random.u8(0..3) {
            0 => drop(chars.remove(at)),
            1 => drop(chars.splice(at..at, piece)),
            _ => drop(chars.splice(at..=at, piece)),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn pages_are_read_like_the_reference_parsers_read_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/metrics-pages");
    let files = fs::read_dir(folder).expect("exists");
    let texts = files.map(|file| fs::read_to_string(file.expect("readable").path()));
    let originals = texts.map(|text| ("text", text.expect("text")));
    let originals: Vec<_> = originals
        .chain([("openmetrics", OPENMETRICS.to_owned())])
        .collect();
    let mut random = fastrand::Rng::with_seed(20_261_128);
    let mut pages = originals.clone();
    for (kind, page) in &originals {
        let rounds = if *kind == "text" {
            MUTATIONS
        } else {
            MUTATIONS * 20
        };
        pages.extend((0..rounds).map(|_| (*kind, damaged(page, &mut random))));
    }
    let Some(answers) = reference(&pages) else {
        return;
    };
    let (mut same, mut stricter) = (0, 0);
    for (at, ((kind, page), answer)) in pages.iter().zip(&answers).enumerate() {
        let format = match *kind {
            "text" => PageFormat::Text,
            _ => PageFormat::OpenMetrics,
        };
        match (ours(format, page), theirs(answer)) {
            (Some(ours), Some(theirs)) => {
                assert_eq!(sorted(ours), sorted(theirs), "{page}");
                same += 1;
            }
            (None, theirs) => {
                // The parser of 0.0.4 accepts more than Prometheus does.
                let is_open = format == PageFormat::OpenMetrics && theirs.is_some();
                assert!(!is_open && at >= originals.len(), "{page}");
                stricter += 1;
            }
            (Some(_), None) => {}
        }
    }
    assert!(same > 500 && stricter > 100, "{same} {stricter}");
}

/// The reference groups samples by family.
fn sorted(mut samples: Vec<Read>) -> Vec<Read> {
    // All NaN values count as equal.
    for (name, _, bits) in &mut samples {
        if f64::from_bits(*bits).is_nan() {
            *bits = 0;
        }
        // The reference adds `_total` to the counters of 0.0.4.
        name.truncate(name.strip_suffix("_total").map_or(name.len(), str::len));
    }
    samples.sort();
    samples
}

/// The result of the reference parsers; `None` if they are not installed, except in CI, which
/// guarantees them.
fn reference(pages: &[(&str, String)]) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/parse_metrics.py");
    let mut child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("piped");
    let input = json!(pages).to_string();
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it runs");
    let _ = writing.join();
    if !output.status.success() {
        assert!(
            std::env::var_os("CI").is_none(),
            "prometheus_client is needed in CI"
        );
        eprintln!("not tested, because prometheus_client is not installed");
        return None;
    }
    serde_json::from_slice(&output.stdout).ok()
}
