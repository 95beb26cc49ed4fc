//! Typical queries, and their selectors in a config.

use super::{Format, input, parsed, remarks};
use crate::import::slo::query::Query;

/// The config and the remarks for queries in `sli`.
fn read(sli: &str) -> Result<(serde_json::Value, String), String> {
    let sli = sli.replace('\n', "\n        ");
    let text = format!(
        "version: prometheus/v1\nservice: s\nslos:\n  - name: o\n    objective: 99\n    sli:\n        {sli}\n"
    );
    let imported = Format::Sloth.read(&[input("a.yml", &text)], &|_| Vec::new())?;
    let config = parsed(&imported);
    Ok((config["services"][0].clone(), remarks(&imported)))
}

fn events(error: &str, total: &str) -> String {
    format!("events:\n  error_query: |-\n    {error}\n  total_query: |-\n    {total}")
}

fn raw(ratio: &str) -> String {
    format!(
        "raw:\n  error_ratio_query: |-\n    {}",
        ratio.replace('\n', "\n    ")
    )
}

#[track_caller]
fn assert_success(sli: &str, requests: &str, errors: &str) {
    let (service, remarks) = read(sli).unwrap_or_else(|why| panic!("{sli}: {why}"));
    let metrics = &service["metrics"];
    assert_eq!(metrics["requests"], requests, "{sli} {remarks}");
    assert_eq!(metrics["errors"], errors, "{sli} {remarks}");
    assert_eq!(service["objectives"][0]["sli"], "success");
}

#[track_caller]
fn assert_latency(sli: &str, histogram: &str, below: &str) {
    let (service, remarks) = read(sli).unwrap_or_else(|why| panic!("{sli}: {why}"));
    assert_eq!(
        service["metrics"]["request_duration"], histogram,
        "{sli} {remarks}"
    );
    assert_eq!(service["objectives"][0]["below"], below, "{sli}");
}

#[test]
fn ratios_of_counters_are_read_in_every_form() {
    let bad = "h_total{code=~\"5..\"}";
    for sli in [
        events(
            "sum(rate(h_total{code=~\"5..\"}[{{.window}}]))",
            "sum(rate(h_total[{{.window}}]))",
        ),
        events(
            "SUM(increase(h_total{code=~'5..'}[{{ .window }}])) OR vector(0)",
            "sum(increase(h_total[1h])) > 0",
        ),
        events(
            "sum(rate(h_total[5m])) - sum(rate(h_total{code!~`5..`}[5m]))",
            "sum(rate(h_total[5m]))",
        ),
        events(
            "clamp_min(sum(rate(h_total[5m])) - sum(rate(h_total{code!~\"5..\"}[5m])), 0)",
            "sum by () (rate({__name__=\"h_total\"}[$__rate_interval]))",
        ),
        raw(
            "1 - (sum(rate(h_total{code!~\"5..\"}[{{.window}}])) / sum(rate(h_total[{{.window}}])))",
        ),
        raw("1 - sum(rate(h_total{code!~\"5..\"}[{{.window}}])) / sum(rate(h_total[{{.window}}]))"),
        raw(
            "(\n  1 - (\n    sum(rate(h_total{code!~\"5..\"}[5m])) # the good ones\n    /\n    sum(rate(h_total[5m]))\n  )\n)",
        ),
        raw(
            "(sum(rate(h_total[5m])) - sum(rate(h_total{code!~\"5..\"}[5m]))) / sum(rate(h_total[5m]))",
        ),
        raw(
            "sum(rate(h_total{code=~\"5..\"}[5m])) / on () group_left sum(rate(h_total[5m])) or on() vector(0)",
        ),
        raw(
            "vector(1) - clamp_max(sum(rate(h_total{code!~\"5..\"}[5m])) / sum(rate(h_total[5m])), 1)",
        ),
    ] {
        assert_success(&sli, "h_total", bad);
        let (_, remarks) = read(&sli).expect("read");
        assert_eq!(remarks.lines().count(), 1, "only the address: {remarks}");
    }
}

#[test]
fn sums_are_merged_into_one_selector() {
    assert_success(
        &events(
            "sum(rate(b_total[5m])) + sum(rate(c_total[5m]))",
            "sum(rate(a_total[5m])) + sum(rate(b_total[5m])) + sum(rate(c_total[5m]))",
        ),
        "{__name__=~\"a_total|b_total|c_total\"}",
        "{__name__=~\"b_total|c_total\"}",
    );
    // The remaining counter of the sum counts bad events.
    assert_success(
        &raw(
            "1 - sum(rate(ok_total[5m])) / (sum(rate(ok_total[5m])) + sum(rate(failed_total[5m])))",
        ),
        "{__name__=~\"failed_total|ok_total\"}",
        "failed_total",
    );
    assert_success(
        &events(
            "sum(rate(h_total{code=\"500\",m=\"a\"}[5m])) + sum(rate(h_total{m=\"a\",code=~\"50[23]\"}[5m]))",
            "sum(rate(h_total{m=\"a\"}[5m]))",
        ),
        "h_total{m=\"a\"}",
        "h_total{code=~\"500|50[23]\",m=\"a\"}",
    );
    let refused = read(&events(
        "sum(rate(a_total{x=\"1\"}[5m])) + sum(rate(b_total[5m]))",
        "sum(rate(a_total[5m]))",
    ));
    let why = refused.expect_err("no selector");
    assert!(
        why.contains("a.yml:9: left out: the summed counters"),
        "{why}"
    );
}

#[test]
fn thresholds_are_those_of_buckets_and_of_native_histograms() {
    let histogram = "d_seconds{job_name=\"a\"}";
    for sli in [
        raw(
            "1 - sum(rate(d_seconds_bucket{job_name=\"a\",le=\"0.3\"}[5m])) / sum(rate(d_seconds_count{job_name=\"a\"}[5m]))",
        ),
        raw(
            "1 - sum(rate(d_seconds_bucket{job_name=\"a\",le=~\"0.3|0\\\\.30\"}[5m])) / sum(rate(d_seconds_bucket{job_name=\"a\",le=\"+Inf\"}[5m]))",
        ),
        raw("1 - histogram_fraction(0, 0.3, sum(rate(d_seconds{job_name=\"a\"}[5m])))"),
        raw("1 - histogram_fraction(-Inf, 0.3, rate(d_seconds{job_name=\"a\"}[5m]))"),
        events(
            "histogram_count(sum(rate(d_seconds{job_name=\"a\"}[5m]))) * (1 - histogram_fraction(0, 0.3, sum(rate(d_seconds{job_name=\"a\"}[5m]))))",
            "histogram_count(sum(rate(d_seconds{job_name=\"a\"}[5m])))",
        ),
    ] {
        assert_latency(&sli, histogram, "300ms");
    }
    assert_success(
        &events(
            "sum(histogram_count(rate(d_seconds{code=~\"5..\"}[5m])))",
            "sum(histogram_count(rate(d_seconds[5m])))",
        ),
        "d_seconds_count",
        "d_seconds_count{code=~\"5..\"}",
    );
}

#[test]
fn omissions_are_reported_with_the_line() {
    for (sli, expected) in [
        (
            events(
                "sum by (route) (rate(h_total{code=\"500\"}[5m]))",
                "sum by (route) (rate(h_total[5m]))",
            ),
            "a.yml:9: `by (route)` is left out: the objective combines all series",
        ),
        (
            events(
                "sum(rate(h_total{code=\"500\"}[5m])) without (pod)",
                "sum(rate(h_total[5m])) without (pod)",
            ),
            "a.yml:9: `without (pod)` is left out",
        ),
        (
            events(
                "sum(rate(h_total{code=\"500\"}[5m] offset 5m))",
                "sum(rate(h_total[5m] offset -1w))",
            ),
            "a.yml:11: `offset` is left out",
        ),
        (
            raw("rate(h_total{code=\"500\"}[5m]) / rate(h_total[5m])"),
            "a.yml:9: without `sum`",
        ),
        (
            raw(
                "1 - (sum(rate(h_total{code!=\"500\"}[5m])) / sum(rate(h_total[5m])) or vector(1))",
            ),
            "a.yml:9: `or vector(1)` is left out",
        ),
        (
            events(
                "sum(rate(h_total{code=\"500\"}[5m])) or vector(0)",
                "sum(rate(h_total[5m])) or on() vector(1)",
            ),
            "a.yml:11: `or vector(1)` is left out: without events, nothing is counted",
        ),
    ] {
        assert_success(&sli, "h_total", "h_total{code=\"500\"}");
        let (_, remarks) = read(&sli).expect("read");
        assert!(remarks.contains(expected), "{expected} in {remarks}");
    }
}

#[test]
fn names_of_utf8_are_selected_by_a_matcher() {
    assert_success(
        &events(
            "sum(rate({\"http.requests\", code=\"500\"}[5m]))",
            "sum(rate({\"http.requests\"}[5m]))",
        ),
        "{__name__=\"http.requests\"}",
        "{__name__=\"http.requests\",code=\"500\"}",
    );
}

#[test]
fn other_queries_are_refused_with_the_reason() {
    for (query, why) in [
        ("avg(rate(a[5m]))", "`avg` is neither"),
        ("sum(sum_over_time(a[5m]))", "`sum_over_time` is neither"),
        ("sum(rate(a[5m]) / rate(b[5m]))", "a sum of ratios"),
        ("sum(rate(a[5m])) / 2", "`/` of these"),
        ("sum(rate(a[5m] @ 5))", "`@` is neither"),
        ("sum(rate(a[5m])) < bool 3", "`bool` is neither"),
        (
            "sum(rate(a{\"x.y\"=\"1\"}[5m]))",
            "do not support the label `x.y`",
        ),
        (
            "sum(rate(a{x=\"1\" or y=\"2\"}[5m]))",
            "selectors with `or` are not supported",
        ),
        ("max_over_time(a[5m:])", "a subquery"),
        ("1", "the query is a number"),
        ("sum(a", "not valid PromQL"),
        ("a{x=1}", "not valid PromQL"),
        ("", "not valid PromQL"),
        ("sum(a) / sum(b)", "a ratio, not a number of events"),
    ] {
        let refused = match query {
            "" => Query::read(query).err(),
            _ => read(&events(query, "sum(rate(a[5m]))")).err(),
        };
        let refused = refused.unwrap_or_else(|| panic!("{query} is read"));
        assert!(refused.contains(why), "{query}: {refused}");
    }
}

#[test]
fn deep_and_long_queries_are_refused() {
    let times = 100_000;
    let wrapped = |open: &str, close: &str| {
        let (open, close) = (open.repeat(times), close.repeat(times));
        format!("{open}a{close}")
    };
    for query in [
        "(".repeat(times),
        wrapped("(", ")"),
        wrapped("-", ""),
        wrapped("sum(", ")"),
        wrapped("a+", ""),
        wrapped("a or ", ""),
        wrapped("a^", ""),
        wrapped("", "[5m:]"),
        wrapped("{", "}"),
        wrapped("#", ""),
        "#\n".repeat(times),
        "\"".repeat(times),
    ] {
        assert!(Query::read(&query).is_err(), "{query:.20}");
        // The maximum that is parsed: neither the parser nor dropping the tree overflows the stack.
        for length in [500, 1_000, 4_000, 8_000, 16_000] {
            let mut part = query.clone();
            part.truncate(length);
            let _ = Query::read(&part);
        }
    }
    for depth in [50, 132, 199, 390, 399] {
        let shape = |open: &str, close: &str| {
            let query = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            let _ = Query::read(&query);
        };
        shape("(", ")");
        shape("-", "");
        shape("sum(", ")");
        shape("a+", "");
        shape("a^", "");
        shape("a or ", "");
    }
}

#[test]
fn extreme_numbers_and_durations_do_not_panic() {
    for query in [
        "a[1e999]",
        "a[Inf]",
        "a[5m:1e99]",
        "a offset 1e30",
        "a offset NaN",
        "a offset -Inf",
        "sum(a offset 99999999999999999999y)",
        "a * 99999999999999999999y",
        "a @ 1e999",
        "a @ -Inf",
        "a > 0x7fffffffffffffffffffff",
        "a{x=~\"\\\\p{Greek}{999}{999}\"}",
        "a{x=~\"(\"}",
        "a{x=~\"é{é}\"}",
        "\"\\xff\"",
        "\"\\ud800\"",
        "a fill(1e999) b",
        "a + fill(Inf) b",
        "histogram_fraction(0, NaN, a)",
    ] {
        let _ = Query::read(query);
    }
}
