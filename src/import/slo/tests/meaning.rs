//! Parts of files whose meaning must not change silently.

use super::{Format, input, one, parsed, remarks};

const GOOD: &str = "sum(rate(a{code=\"200\"}[5m]))";

fn read(format: Format, text: &str) -> crate::import::Imported {
    let read = format.read(&[input("a.yml", text)], &|_| Vec::new());
    read.unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn booleans_have_the_spellings_of_go() {
    let sloth = |disable: &str| {
        let text = format!(
            "version: prometheus/v1
service: web
slos:
- name: a
  objective: 99
  sli: {{ events: {{ error_query: 'sum(rate(e_total[5m]))', total_query: 'sum(rate(r_total[5m]))' }} }}
  alerting: {{ page_alert: {{ disable: {disable} }}, ticket_alert: {{ disable: {disable} }} }}
"
        );
        parsed(&read(Format::Sloth, &text))["services"][0]["objectives"][0]["alerts"].clone()
    };
    for disable in ["true", "True", "yes", "on", "Y"] {
        assert_eq!(sloth(disable), false, "{disable}");
    }
    for disable in ["false", "No", "off"] {
        assert!(sloth(disable).is_null(), "{disable}");
    }
    let text = one(GOOD, "sum(rate(a[5m]))", "target: 0.9");
    let rolling = text.replace(
        "isRolling: true",
        "isRolling: Yes, calendar: { timeZone: UTC }",
    );
    let objective = &parsed(&read(Format::OpenSlo, &rolling))["services"][0]["objectives"][0];
    assert_eq!(objective["window"], "30d");
    let gauge = text.replace("counter: true", "counter: False");
    let refused = Format::OpenSlo.read(&[input("a.yml", &gauge)], &|_| Vec::new());
    let refused = refused.err().expect("nothing is left");
    assert!(refused.contains("only Prometheus counters"), "{refused}");
}

#[test]
fn the_start_of_a_calendar_window_is_left_out_with_a_remark() {
    let read = |duration: &str, start: &str| {
        let text = one(GOOD, "sum(rate(a[5m]))", "target: 0.9").replace(
            "duration: 30d, isRolling: true",
            &format!("duration: {duration}, calendar: {{ startTime: {start}, timeZone: UTC }}"),
        );
        let imported = read(Format::OpenSlo, &text);
        remarks(&imported).contains("`startTime` is left out")
    };
    for (duration, start) in [
        ("1w", "2024-01-01 00:00:00"),
        ("1M", "2024-05-01 00:00:00"),
        ("1Q", "2024-04-01"),
        ("1Y", "2024-01-01T00:00:00Z"),
    ] {
        assert!(!read(duration, start), "{duration} {start}");
    }
    for (duration, start) in [
        ("1w", "2024-01-02 00:00:00"),
        ("1M", "2024-05-01 12:00:00"),
        ("1Q", "2024-05-01 00:00:00"),
        ("1Y", "2024-04-01 00:00:00"),
        ("1Y", "today"),
    ] {
        assert!(read(duration, start), "{duration} {start}");
    }
}

#[test]
fn a_bound_without_a_unit_is_taken_as_seconds_with_a_remark() {
    let read = |name: &str| {
        let good = format!("sum(rate({name}_bucket{{le=\"0.5\"}}[5m]))");
        let total = format!("sum(rate({name}_count[5m]))");
        remarks(&read(Format::OpenSlo, &one(&good, &total, "target: 0.9")))
    };
    let remark = "the bound 0.5 of `duration` is taken as seconds";
    assert!(read("duration").contains(remark));
    assert!(!read("duration_seconds").contains("taken as seconds"));
}

#[test]
fn an_endpoint_that_is_a_path_is_a_label_of_the_service() {
    let read = |endpoint: &str| {
        let query = |more: &str| format!("sum(rate(r_total{{endpoint=\"{endpoint}\"{more}}}[5m]))");
        let text = one(&query(",code=\"200\""), &query(""), "target: 0.9");
        parsed(&read(Format::OpenSlo, &text))["services"][0]["metrics"]["requests"].clone()
    };
    assert_eq!(read("/checkout"), "r_total{endpoint=\"/checkout\"}");
    assert_eq!(read("metrics"), "r_total");
}

#[test]
fn fast_requests_as_errors_have_a_remark() {
    let text = "version: prometheus/v1
service: web
slos:
- name: a
  objective: 95
  sli:
    events:
      error_query: sum(rate(d_seconds_bucket{le=\"0.2\"}[{{.window}}]))
      total_query: sum(rate(d_seconds_bucket{le=\"+Inf\"}[{{.window}}]))
";
    let imported = read(Format::Sloth, text);
    let remark = "a.yml:8: requests up to the bound 0.2 of `d_seconds` are the bad ones";
    assert!(remarks(&imported).contains(remark));
}

#[test]
fn slices_without_a_target_have_a_remark() {
    let read = |more: &str| {
        let text = one(GOOD, "sum(rate(a[5m]))", &format!("target: 0.9{more}")).replace(
            "budgetingMethod: Occurrences",
            "budgetingMethod: Timeslices",
        );
        remarks(&read(Format::OpenSlo, &text)).contains("`timeSliceTarget` is missing")
    };
    assert!(read(""));
    assert!(!read(", timeSliceTarget: 0.9"));
}

#[test]
fn a_window_may_be_written_without_a_list() {
    let text = one(GOOD, "sum(rate(a[5m]))", "target: 0.9").replace(
        "timeWindow: [{ duration: 30d, isRolling: true }]",
        "timeWindow: { duration: 4w, isRolling: true }",
    );
    let objective = &parsed(&read(Format::OpenSlo, &text))["services"][0]["objectives"][0];
    assert_eq!(objective["window"], "4w");
}

/// `kubectl get prometheusservicelevels -o yaml`
#[test]
fn objects_of_a_kubernetes_list_are_read() {
    let text = "apiVersion: v1
kind: List
metadata: { resourceVersion: '' }
items:
- apiVersion: sloth.slok.dev/v1
  kind: PrometheusServiceLevel
  spec:
    service: web
    slos:
    - name: a
      objective: 99.5
      sli: { events: { errorQuery: 'sum(rate(e_total[5m]))', totalQuery: 'sum(rate(r_total[5m]))' } }
- apiVersion: v1
  kind: ConfigMap
";
    let imported = read(Format::Sloth, text);
    let config = parsed(&imported);
    assert_eq!(config["services"][0]["objectives"][0]["target"], "99.5%");
    assert!(remarks(&imported).contains("a.yml:13: left out: expected"));
}
