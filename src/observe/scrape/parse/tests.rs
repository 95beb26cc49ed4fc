use super::*;

fn read(line: &str) -> Result<Line<'_>, String> {
    parse_line(line.as_bytes(), PageFormat::Text)
}

fn read_open(line: &str) -> Result<Line<'_>, String> {
    parse_line(line.as_bytes(), PageFormat::OpenMetrics)
}

/// Name, labels, value and timestamp.
type Parts = (String, Vec<(String, String)>, f64, Option<i64>);

fn parts(line: Result<Line<'_>, String>) -> Parts {
    let Ok(Line::Sample(sample)) = line else {
        panic!("{line:?}");
    };
    let pairs = sample.labels.pairs();
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.into_owned()));
    (
        sample.name.to_owned(),
        pairs.collect(),
        sample.value,
        sample.timestamp,
    )
}

fn sample(name: &str, labels: &[(&str, &str)], value: f64, timestamp: Option<i64>) -> Parts {
    let labels = labels
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    (name.to_owned(), labels.collect(), value, timestamp)
}

#[test]
fn samples_are_read_as_prometheus_reads_them() {
    for (line, wanted) in [
        ("a 1", sample("a", &[], 1.0, None)),
        ("a\t1\t5", sample("a", &[], 1.0, Some(5))),
        ("  a{} 1 -5 ", sample("a", &[], 1.0, Some(-5))),
        ("a:b_c{x=\"y\"}1", sample("a:b_c", &[("x", "y")], 1.0, None)),
        (
            r#"a{ x = "1" , y="2", } +1.5e3"#,
            sample("a", &[("x", "1"), ("y", "2")], 1500.0, None),
        ),
        (
            r#"a{x="q\"b\\c\nd\te}"} .5"#,
            sample("a", &[("x", "q\"b\\c\nd\\te}")], 0.5, None),
        ),
        (
            r#"a{x=""} -Inf"#,
            sample("a", &[("x", "")], f64::NEG_INFINITY, None),
        ),
        ("a +Inf", sample("a", &[], f64::INFINITY, None)),
        (
            "a 999999999999999",
            sample("a", &[], 999_999_999_999_999.0, None),
        ),
        ("a{x=\"ü\"} 1", sample("a", &[("x", "ü")], 1.0, None)),
    ] {
        assert_eq!(parts(read(line)), wanted, "{line}");
    }
    assert!(parts(read("a NaN")).2.is_nan());
}

#[test]
fn quoted_names_may_have_any_characters() {
    let metric = |labels| sample("my.metric", labels, 1.0, None);
    for (line, wanted) in [
        (r#"{"my.metric"} 1"#, metric(&[])),
        (r#"{ "my.metric" , a = "b" } 1"#, metric(&[("a", "b")])),
        (r#"{a="b","my.metric",} 1"#, metric(&[("a", "b")])),
        (
            r#"{"my.metric","sta.tus"="x","ü}"="y"}1"#,
            metric(&[("sta.tus", "x"), ("ü}", "y")]),
        ),
        (
            r#"a{"sta.tus"="x"} 1"#,
            sample("a", &[("sta.tus", "x")], 1.0, None),
        ),
    ] {
        assert_eq!(parts(read(line)), wanted, "{line}");
        assert_eq!(parts(read_open(line)), wanted, "{line}");
    }
    let kind = Line::Type {
        family: "my.metric",
        kind: "counter",
    };
    assert_eq!(read(r#"# TYPE "my.metric" counter"#), Ok(kind));
    let refused = read_open(r#"a 1 # {"t"} 1"#).expect_err("no label");
    assert!(refused.contains("without a value"), "{refused}");
}

#[test]
fn openmetrics_has_seconds_and_exemplars() {
    for (line, wanted) in [
        ("a 1 1.5", sample("a", &[], 1.0, Some(1500))),
        ("a 1 # {t=\"#x\"} 0.5", sample("a", &[], 1.0, None)),
        (
            "a 1 2 # {t=\"x\"} 0.5 7.25",
            sample("a", &[], 1.0, Some(2000)),
        ),
        ("a 1 # {} 1", sample("a", &[], 1.0, None)),
    ] {
        assert_eq!(parts(read_open(line)), wanted, "{line}");
    }
    assert_eq!(read_open("# EOF"), Ok(Line::Eof));
    assert_eq!(read("# EOF"), Ok(Line::Comment));
    let unit = Line::Unit {
        family: "a_seconds",
        unit: "seconds",
    };
    assert_eq!(read_open("# UNIT a_seconds seconds"), Ok(unit));
    for line in [
        "",
        "a 1 # x",
        "a 1 # {t=\"x\"}",
        "a 1 # {t=\"x\"} y",
        "a 1 NaN",
    ] {
        assert!(read_open(line).is_err(), "{line}");
    }
}

#[test]
fn a_sample_with_too_many_labels_is_valid_but_marked() {
    for (count, is_too_many) in [(64, false), (65, true), (5000, true)] {
        let labels: Vec<_> = (0..count).map(|n| format!("l{n}=\"\",")).collect();
        let line = format!("a{{{}}} 1", labels.concat());
        let Ok(Line::Sample(sample)) = read(&line) else {
            panic!("{count}");
        };
        assert_eq!(sample.labels.has_too_many(), is_too_many, "{count}");
    }
}

#[test]
fn comments_describe_families() {
    let kind = Line::Type {
        family: "a",
        kind: "counter",
    };
    assert_eq!(read("# TYPE a counter"), Ok(kind.clone()));
    assert_eq!(read("#\tTYPE  a\tcounter"), Ok(kind));
    let text = r"b\n c";
    let help = Line::Help { family: "a", text };
    assert_eq!(read(r"# HELP a b\n c"), Ok(help));
    let help = Line::Help {
        family: "a",
        text: "",
    };
    assert_eq!(read("# HELP a"), Ok(help));
    for comment in ["", "#", "#TYPE a x", "# anything", "# TYPES a x", "   "] {
        assert_eq!(read(comment), Ok(Line::Comment), "{comment}");
    }
}

#[test]
fn what_prometheus_refuses_is_refused() {
    for (line, fault) in [
        ("a", "no value"),
        ("a{", "label name"),
        ("9a 1", "not a valid metric name"),
        ("a-b 1", "not a valid metric name"),
        ("<html>", "not a valid metric name"),
        ("{} 1", "not a valid metric name"),
        ("{x=\"1\"} 1", "not a valid metric name"),
        ("a{\"b\"} 1", "two names"),
        ("{\"a\",\"b\"} 1", "two names"),
        ("{\"\"} 1", "quoted name is empty"),
        ("{\"a", "quoted name is not terminated"),
        ("{\"a\" x=\"1\"} 1", "expected `,`"),
        ("{\"a\",\"x.y\"=\"1\",\"x.y\"=\"2\"} 1", "duplicate label"),
        ("# TYPE \"a counter", "quoted name is not terminated"),
        ("a{x=\"1\"", "expected `,` or `}`"),
        ("a{x=\"1} 1", "is not terminated"),
        ("a{x=\"1\\", "is not terminated"),
        ("a{x=\"1\\\"", "is not terminated"),
        ("a{x=1} 1", "no quoted value"),
        ("a{x} 1", "no quoted value"),
        ("a{9=\"1\"} 1", "label name"),
        ("a{,} 1", "label name"),
        ("a{x=\"1\" y=\"2\"} 1", "expected `,`"),
        ("a{x=\"1\",x=\"2\"} 1", "duplicate label"),
        ("a 1x", "not a number"),
        ("a 0x1p3", "not a number"),
        ("a 1_0", "not a number"),
        ("a 1 x", "not a timestamp"),
        ("a 1 1.5", "not a timestamp"),
        ("a 1 2 3", "not a timestamp"),
        ("# TYPE a", "not a metric type"),
        ("# TYPE a foo", "not a metric type"),
        ("# TYPE 9 counter", "not a valid metric name"),
        ("a 1\r", "CR LF"),
        ("# TYPE a counter\r", "CR LF"),
        ("\r", "CR LF"),
    ] {
        let refused = read(line).expect_err(line);
        assert!(refused.contains(fault), "{line}: {refused}");
    }
    let refused = parse_line(b"a{x=\"\xff\"} 1", PageFormat::Text);
    assert!(refused.expect_err("bytes").contains("UTF-8"));
    let refused = read("# HELP a\u{1b}[2J b").expect_err("invalid");
    assert!(!refused.contains('\u{1b}'), "{refused:?}");
}

proptest::proptest! {
    #[test]
    fn no_line_makes_it_panic(line in "(a|9|_|\\{|\\}|=|\"|,|\\\\|#| |\\t|1|\\.|e|TYPE |HELP |\\PC){0,40}") {
        for format in [PageFormat::Text, PageFormat::OpenMetrics] {
            if let Ok(Line::Sample(sample)) = parse_line(line.as_bytes(), format) {
                let _ = sample.labels.pairs().count();
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(line in proptest::collection::vec(proptest::num::u8::ANY, 0..60)) {
        let _ = parse_line(&line, PageFormat::Text);
    }
}
