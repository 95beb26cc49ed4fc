use super::Format;
use super::query::Query;
use crate::diagnostic::Source;
use crate::import::{Fault, Imported};

mod meaning;
mod queries;

const SLOTH: &str = include_str!("fixtures/sloth.yml");
const WINDOWS: &str = include_str!("fixtures/windows.yml");
const OPENSLO: &str = include_str!("fixtures/openslo.yaml");

fn input(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn parsed(imported: &Imported) -> serde_json::Value {
    serde_yaml::from_str(&imported.yaml).expect("YAML")
}

fn remarks(imported: &Imported) -> String {
    let all = imported.remarks.iter().map(|remark| format!("{remark}\n"));
    all.collect()
}

#[test]
fn sloth_becomes_objectives_of_the_services_own_metrics() {
    let imported = Format::Sloth
        .read(&[input("a.yml", SLOTH)], &|_| Vec::new())
        .expect("some");
    let config = parsed(&imported);
    let shop = &config["services"][0];
    assert_eq!(shop["metrics"]["requests"], "http_requests_total");
    assert_eq!(
        shop["metrics"]["errors"],
        "http_requests_total{code=~\"(5..|429)\"}"
    );
    assert_eq!(
        shop["metrics"]["request_duration"],
        "http_request_duration_seconds{verb!=\"WATCH\"}"
    );
    let objectives = shop["objectives"].as_array().expect("a list");
    assert_eq!(objectives.len(), 2);
    assert_eq!(objectives[0]["target"], "99.9%");
    assert_eq!(objectives[0]["alerts"], serde_json::json!(["1", "2"]));
    assert_eq!(objectives[1]["below"], "400ms");
    assert!(objectives[1]["alerts"].is_null(), "all of the default ones");
    assert_eq!(config["services"][1]["objectives"][0]["alerts"], false);
    assert!(config["alerts"].is_null());
    let remarks = remarks(&imported);
    for expected in [
        "a.yml:11: the matcher of `job`",
        "a.yml:35: left out: a subquery is neither a sum of counters",
        "a.yml:37: left out: `requests` of the service is already `http_requests_total`",
        "a.yml:46: left out: this indicator is computed by a plugin",
        "a.yml:53: left out: a config has no names",
    ] {
        assert!(remarks.contains(expected), "{expected} in {remarks}");
        let comment = format!("# {expected}");
        assert!(imported.yaml.contains(&comment), "{comment}");
    }
}

#[test]
fn alert_windows_become_tiers() {
    let files = [input("a.yml", SLOTH), input("w.yml", WINDOWS)];
    let imported = Format::Sloth.read(&files, &|_| Vec::new()).expect("some");
    let config = parsed(&imported);
    let tiers = config["alerts"]["tiers"].as_array().expect("tiers");
    let budgets: Vec<_> = tiers.iter().map(|tier| &tier["budget"]).collect();
    assert_eq!(budgets, ["8%", "12.5%", "20%"]);
    assert_eq!(config["services"][0]["objectives"][0]["window"], "7d");
    assert!(
        remarks(&imported).contains("w.yml:10: left out: slod does not support the window 36h")
    );
}

#[test]
fn openslo_is_read_across_its_objects() {
    let imported = Format::OpenSlo
        .read(&[input("o.yaml", OPENSLO)], &|_| Vec::new())
        .expect("some");
    let config = parsed(&imported);
    let web = &config["services"][0];
    assert_eq!(web["description"], "Web search");
    assert_eq!(web["labels"]["team"], "team-a,team-b");
    assert_eq!(
        web["metrics"]["errors"],
        "http_requests{component=\"web\",code=~\"5..\"}"
    );
    let names: Vec<_> = web["objectives"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        ["web-availability", "web-latency-1", "web-latency-2"]
    );
    let first = &web["objectives"][0];
    assert_eq!(first["window"], "week");
    assert_eq!(first["timezone"], "America/New_York");
    assert_eq!(first["slice_target"], "0.95");
    // 3.36 times the weekly budget rate for an hour.
    let tier = &config["alerts"]["tiers"][0];
    assert_eq!(
        (&tier["budget"], &tier["short"]),
        (&"2%".into(), &"5m".into())
    );
    let remarks = remarks(&imported);
    for expected in [
        "o.yaml:32: left out: no file has the AlertPolicy `unknown`",
        "o.yaml:63: left out: only a `ratioMetric`",
        "`alertAfter: 5m` is left out",
        "`notificationTargets` is left out",
        "o.yaml:10: `displayName` is left out",
        "o.yaml:29: `displayName` is left out",
        "o.yaml:82: left out: expected an object of `apiVersion: openslo/v1`",
    ] {
        assert!(remarks.contains(expected), "{expected} in {remarks}");
    }
}

#[test]
fn files_without_an_objective_are_refused_with_the_reasons() {
    let refused = |format: Format, text: &str| {
        let read = format.read(&[input("x", text)], &|_| Vec::new());
        read.err().expect("refused")
    };
    assert!(refused(Format::Sloth, "a: [\n").contains("x:"));
    assert!(refused(Format::OpenSlo, SLOTH).contains("x:1: left out: expected an object"));
    assert!(refused(Format::Sloth, "").contains("no objective"));
    let nameless = "version: prometheus/v1\nslos: []\n";
    assert!(refused(Format::Sloth, nameless).contains("`service` is missing"));
}

proptest::proptest! {
    #[test]
    fn arbitrary_queries_do_not_panic(text in "(sum|rate|\\(|\\)|\\{|\\}|\\[|\\]|\"|'|=|~|!|,|-|/|a|\\\\|\\PC){0,30}") {
        let _ = Query::read(&text);
    }

    #[test]
    fn arbitrary_documents_do_not_panic(text in "(spec|service|slos|---|:|- |\n|  |name|sli|\\[|\\]|kind: SLO|\\PC){0,40}") {
        for format in [Format::Sloth, Format::OpenSlo] {
            let _ = format.read(&[input("x", &text)], &|_| Vec::new());
        }
    }
}

#[test]
fn unsupported_parts_of_objectives_are_reported() {
    let text = OPENSLO
        .replace(
            "displayName: Availability of the web }",
            "annotations: { slod/name: x, example.org/owner: a } }",
        )
        .replace(
            "[ { duration: 1M, isRolling: true } ]",
            "[ { duration: 1M, isRolling: true }, { duration: 1w, isRolling: true } ]",
        );
    let imported = Format::OpenSlo
        .read(&[input("o.yaml", &text)], &|_| Vec::new())
        .expect("some");
    let remarks = remarks(&imported);
    for expected in [
        "o.yaml:10: the annotation `example.org/owner` is left out",
        "o.yaml:40: left out: the alerts of an objective use a single window",
    ] {
        assert!(remarks.contains(expected), "{expected} in {remarks}");
    }
    assert!(!remarks.contains("slod/name"), "{remarks}");
}

/// An OpenSLO file with one SLO that has these queries and this objective.
fn one(good: &str, total: &str, objective: &str) -> String {
    format!(
        "apiVersion: openslo/v1
kind: SLO
metadata: {{ name: o }}
spec:
  service: s
  budgetingMethod: Occurrences
  timeWindow: [{{ duration: 30d, isRolling: true }}]
  indicator:
    metadata: {{ name: i }}
    spec:
      ratioMetric:
        counter: true
        good: {{ metricSource: {{ type: Prometheus, spec: {{ query: '{good}' }} }} }}
        total: {{ metricSource: {{ type: Prometheus, spec: {{ query: '{total}' }} }} }}
  objectives: [{{ {objective} }}]
"
    )
}

#[test]
fn a_bucket_is_a_threshold_only_in_a_known_unit() {
    let read = |name: &str, le: &str| {
        let (good, total) = (
            format!("sum(rate({name}_bucket{{b=\"1\",a=\"2\",le=\"{le}\"}}[5m]))"),
            format!("sum(rate({name}_count{{a=\"2\",b=\"1\"}}[5m]))"),
        );
        let text = one(&good, &total, "target: 0.99");
        Format::OpenSlo.read(&[input("o.yaml", &text)], &|_| Vec::new())
    };
    for (name, le, below) in [
        ("d_seconds", "0.5", "500ms"),
        ("d_milliseconds", "500", "500ms"),
        ("d_ms", "2500.0", "2s500ms"),
        ("d_microseconds", "500000", "500ms"),
        ("d_ns", "5e+08", "500ms"),
        ("d", "0.25", "250ms"),
    ] {
        let config = parsed(&read(name, le).expect(name));
        let objective = &config["services"][0]["objectives"][0];
        assert_eq!(objective["below"], below, "{name} {le}");
    }
    for (name, le, why) in [
        ("d", "500", "does not contain its unit"),
        ("d_microseconds", "50", "whole number of milliseconds"),
        ("d_seconds", "0.0025", "whole number of milliseconds"),
        ("d_seconds", "0.00025", "whole number of milliseconds"),
    ] {
        let refused = read(name, le).err().expect("nothing is left");
        assert!(refused.contains(why), "{name} {le}: {refused}");
    }
}

#[test]
fn unsupported_parts_are_left_out_with_a_remark() {
    let (good, total) = (
        "sum(rate(h_total{code!~\"5..\",namespace=\"prod\"}[5m]))",
        "sum(rate(h_total{namespace=\"prod\"}[5m]))",
    );
    let sound = one(good, total, "target: 0.99, timeSliceTarget: 0.9");
    let broken = one(good, total, "target: 0.98").replace("name: o }", "name: broken }");
    let again = sound.clone();
    let check = |config: &str| {
        let config: serde_json::Value = serde_yaml::from_str(config).expect("YAML");
        let objectives = config["services"][0]["objectives"].as_array();
        let mut names = objectives.into_iter().flatten().map(|one| &one["name"]);
        let broken = names.position(|name| name == "broken").into_iter();
        let fault = |place| Fault {
            path: format!("services[0].objectives[{place}].name"),
            message: "this name is broken".to_owned(),
        };
        broken.map(fault).collect()
    };
    let text = format!("{sound}---\n{broken}---\n{again}");
    let imported = Format::OpenSlo
        .read(&[input("o.yaml", &text)], &check)
        .expect("some");
    let config = parsed(&imported);
    let service = &config["services"][0];
    assert_eq!(service["objectives"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["metrics"]["requests"], "h_total");
    let remarks = remarks(&imported);
    for expected in [
        "o.yaml:14: the matcher of `namespace` is left out",
        "`timeSliceTarget` is left out",
        "`broken` is left out: this name is broken",
        "`o` is left out: the service already has an objective with this name",
    ] {
        assert!(remarks.contains(expected), "{expected} in {remarks}");
    }
}

#[test]
fn documents_are_bounded_and_empty_ones_cost_nothing() {
    let text = "---\n".repeat(59_999) + "%YAML 1.2\n---\n" + &one("a", "b", "target: 0.9");
    let read = |text: &str| Format::OpenSlo.read(&[input("o.yaml", text)], &|_| Vec::new());
    let fault = read(&text).err().expect("no plain counter");
    assert!(fault.contains("o.yaml:60014:"), "{fault}");
    let fault = read(&"a: 1\n---\n".repeat(50_001)).err().expect("refused");
    assert!(fault.contains("more than 50000 documents"), "{fault}");
}

#[test]
fn incomplete_parts_are_left_out_with_a_remark() {
    let complete = "error_query: e_total, total_query: r_total";
    let text = format!(
        "version: prometheus/v1
service: web
slos:
- {{ name: whole, objective: 99, sli: {{ events: {{ {complete} }} }} }}
- {{ name: no-errors, objective: 99, sli: {{ events: {{ total_query: r_total }} }} }}
- {{ name: no-total, objective: 99, sli: {{ events: {{ error_query: e_total }} }} }}
- {{ name: no-ratio, objective: 99, sli: {{ raw: {{ query: r_total }} }} }}
- {{ name: no-sli, objective: 99 }}
--- # of another team
version: prometheus/v1
service: shop
slos: {{ name: x }}
--- {{ apiVersion: sloth.slok.dev/v1, kind: PrometheusServiceLevel }}
"
    );
    let read = |format: Format, text: &str| format.read(&[input("a.yml", text)], &|_| Vec::new());
    let sloth = read(Format::Sloth, &text).expect("some");
    let found = remarks(&sloth);
    for (line, missing) in [
        (5, "error_query"),
        (6, "total_query"),
        (7, "error_ratio_query"),
        (8, "sli"),
        (10, "slos"),
        (13, "spec"),
    ] {
        let wanted = format!("a.yml:{line}: left out, because `{missing}` is missing");
        assert!(found.contains(&wanted), "{wanted} in {found}");
    }
    for (object, missing) in [
        ("metadata: { name: a }", "spec"),
        ("spec: { service: web }", "metadata.name"),
        (
            "metadata: { name: a }\nspec: { service: web }",
            "objectives",
        ),
    ] {
        let text = format!("apiVersion: openslo/v1\nkind: SLO\n{object}\n");
        let refused = read(Format::OpenSlo, &text).err().expect("nothing is left");
        let wanted = format!("left out, because `{missing}` is missing");
        assert!(refused.contains(&wanted), "{wanted} in {refused}");
    }
}
