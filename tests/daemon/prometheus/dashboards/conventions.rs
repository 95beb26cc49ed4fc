//! Dashboards follow conventions: variables, units, legends, links.

use super::{dashboards, label_values, list};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn dashboards_keep_the_conventions() {
    for dashboard in dashboards() {
        assert_eq!(
            (&dashboard["editable"], &dashboard["schemaVersion"]),
            (&false.into(), &39.into())
        );
        check_variables(list(&dashboard["templating"]["list"], "variables"));
        for annotation in list(&dashboard["annotations"]["list"], "annotations") {
            assert_eq!(annotation["datasource"]["uid"], "${datasource}");
            check_query(annotation["expr"].as_str().expect("a query"), "annotation");
        }
        let mut titles = BTreeSet::new();
        let mut seen: Vec<(i64, [i64; 4])> = Vec::new();
        for panel in list(&dashboard["panels"], "panels") {
            let title = panel["title"].as_str().expect("a title");
            assert!(titles.insert(title), "{title} is there twice");
            let side = |name: &str| panel["gridPos"][name].as_i64().expect("a whole number");
            let place = ["x", "y", "w", "h"].map(side);
            assert!(place[0] + place[2] <= 24, "{title} is too wide");
            for (id, other) in &seen {
                assert_ne!(panel["id"], *id, "{title}");
                let apart = |axis: usize| {
                    place[axis] + place[axis + 2] <= other[axis]
                        || other[axis] + other[axis + 2] <= place[axis]
                };
                assert!(apart(0) || apart(1), "{title} lies on another panel");
            }
            seen.push((panel["id"].as_i64().expect("a number"), place));
            if panel["type"] != "row" {
                check_panel(panel, title);
                check_overrides(panel, title);
                check_links(panel, &dashboard["uid"]);
            }
        }
    }
}

fn check_variables(variables: &[Value]) {
    let names: Vec<_> = variables.iter().map(|v| v["name"].as_str()).collect();
    assert_eq!(
        names,
        ["datasource", "job", "instance", "service"].map(Some)
    );
    let labels: Vec<_> = variables.iter().map(|v| v["label"].as_str()).collect();
    assert_eq!(
        labels,
        ["Data source", "Job", "Instance", "Service"].map(Some)
    );
    assert_eq!(
        (&variables[0]["type"], &variables[0]["query"]),
        (&"datasource".into(), &"prometheus".into())
    );
    for variable in &variables[1..] {
        let name = variable["name"].as_str();
        assert_eq!(variable["type"], "query", "{name:?}");
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{name:?}");
        assert_eq!(variable["refresh"], 2, "{name:?}: on a change of the time");
        assert_eq!(
            (&variable["multi"], &variable["includeAll"]),
            (&true.into(), &true.into()),
            "{name:?}"
        );
        assert_eq!(variable["allValue"], ".+", "{name:?}");
        let (_, label) = label_values(variable["query"]["query"].as_str().expect("a query"));
        assert_eq!(Some(label), name);
    }
}

/// The Grafana units in use; panels show unknown units as plain text.
const UNITS: [&str; 8] = [
    "percentunit",
    "none",
    "short",
    "s",
    "bytes",
    "Bps",
    "cps",
    "dateTimeFromNow",
];

fn is_unit(unit: &Value) -> bool {
    unit.as_str().is_some_and(|unit| UNITS.contains(&unit))
}

fn check_panel(panel: &Value, title: &str) {
    assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
    assert!(
        panel["description"]
            .as_str()
            .is_some_and(|text| text.ends_with('.')),
        "{title}"
    );
    let defaults = &panel["fieldConfig"]["defaults"];
    assert!(is_unit(&defaults["unit"]), "{title}");
    assert!(defaults["thresholds"]["steps"].is_array(), "{title}");
    let targets = list(&panel["targets"], title);
    assert!(!targets.is_empty(), "{title}");
    let mut refs = BTreeSet::new();
    for target in targets {
        assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        assert!(refs.insert(target["refId"].as_str()), "{title}");
        // A line belongs to one daemon. A single number for all of them has no name.
        let legend = target["legendFormat"].as_str();
        assert_eq!(legend.is_some(), panel["type"] != "table", "{title}");
        assert!(
            legend.is_none_or(|legend| legend.is_empty() || legend.contains("{{instance}}")),
            "{title}"
        );
        check_query(target["expr"].as_str().expect("a query"), title);
    }
}

fn check_query(query: &str, title: &str) {
    let count = |part: &str| query.matches(part).count();
    assert_eq!(count("job=~\"$job\""), count("{"), "{title}: {query}");
    // An alert about absence has no instance.
    assert_eq!(
        count("instance=~\"$instance\"") + count("ALERTS{"),
        count("{"),
        "{title}: {query}"
    );
    let of_services = [
        "slod_slo_",
        "slod_probe_",
        "slod_latency_",
        "slod_process_",
        "slod_container_",
        "slod_llm_",
        "slod_service_",
        "slod_scrape_",
        "slod_alerts_",
        "slod_signal_",
        "slod_load_",
    ];
    assert_eq!(
        count("service=~\"$service\""),
        of_services.map(count).iter().sum::<usize>(),
        "{title}: {query}"
    );
    assert_eq!(
        count("rate(") + count("increase("),
        count("[$__rate_interval]"),
        "{title}: {query}"
    );
    // Histograms as a whole, if Prometheus stores them as native ones.
    let native = query.split("rate(slod").skip(1);
    let native = native.filter(|rest| {
        rest.split('{')
            .next()
            .is_some_and(|name| name.ends_with("_seconds"))
    });
    assert_eq!(
        count("_total{"),
        count("rate(slod") + count("increase(slod") - count("_bucket{") - native.count(),
        "{title}: {query}"
    );
}

/// An override or a column with an unknown name silently has no effect.
fn check_overrides(panel: &Value, title: &str) {
    let transformations = panel["transformations"].as_array().into_iter().flatten();
    let organized: Vec<_> = transformations
        .filter(|step| step["id"] == "organize")
        .map(|step| &step["options"]["renameByName"])
        .collect();
    let refs: Vec<_> = list(&panel["targets"], title)
        .iter()
        .map(|target| target["refId"].as_str().expect("named"))
        .collect();
    for names in &organized {
        let values = names.as_object().expect("names").keys();
        let values: Vec<_> = values
            .filter_map(|key| key.strip_prefix("Value #"))
            .collect();
        assert_eq!(values, refs, "{title}: a column per query");
    }
    let columns: Vec<_> = organized
        .iter()
        .flat_map(|names| names.as_object().expect("names").values())
        .collect();
    for over in list(&panel["fieldConfig"]["overrides"], title) {
        let target = &over["matcher"]["options"];
        match over["matcher"]["id"].as_str().expect("a matcher") {
            "byFrameRefID" => assert!(refs.contains(&target.as_str().expect("a name")), "{title}"),
            "byName" => assert!(columns.contains(&target), "{title}: no column {target}"),
            other => panic!("{title}: {other}"),
        }
        for property in list(&over["properties"], title) {
            assert!(
                property["id"] != "unit" || is_unit(&property["value"]),
                "{title}: {target}"
            );
        }
    }
}

fn check_links(panel: &Value, uid: &Value) {
    let overrides = list(&panel["fieldConfig"]["overrides"], "overrides").iter();
    let properties = overrides.flat_map(|over| list(&over["properties"], "properties"));
    for link in properties
        .filter(|property| property["id"] == "links")
        .flat_map(|property| list(&property["value"], "links"))
    {
        let url = link["url"].as_str().expect("an address");
        let start = format!("/d/{}?", uid.as_str().expect("a name"));
        assert!(url.starts_with(&start), "{url} leads elsewhere");
    }
}
