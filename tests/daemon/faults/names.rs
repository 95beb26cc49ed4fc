//! Names that do not resolve are failures of the service, and do not delay other probes.

use crate::support::{Daemon, target, write_config};
use std::fmt::Write as _;

#[test]
fn an_unresolvable_name_is_bad_and_does_not_delay_other_probes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "defaults: { interval: 1s, timeout: 900ms }\nservices:\n  - name: web\n    objectives: [ { name: errors, sli: success, target: 99%, probes: [ here ] } ]\n    probes:\n".to_owned();
    let here = target();
    writeln!(
        text,
        "      - {{ name: here, http: {{ url: \"http://{here}/\" }} }}"
    )
    .expect("written");
    for probe in 0..30 {
        let url = format!("http://gone{probe}.invalid/");
        writeln!(
            text,
            "      - {{ name: gone{probe}, http: {{ url: \"{url}\" }} }}"
        )
        .expect("written");
    }
    let path = write_config(folder.path(), &text);
    let daemon = Daemon::start(&path);
    let here = "slod_probe_runs_total{service=\"web\",probe=\"here\"}";
    daemon.wait_for(|daemon| daemon.metric(here).filter(|runs| *runs >= 6.0));
    let bad = daemon.metric("slod_slo_bad_events_total{service=\"web\",slo=\"errors\"}");
    assert_eq!(bad, Some(0.0));
    let gone = |reason: &str| {
        let series = format!(
            "slod_probe_failures_total{{service=\"web\",probe=\"gone7\",reason=\"{reason}\"}}"
        );
        daemon.metric(&series).unwrap_or_default()
    };
    // If no name server responds at all, the attempt times out first.
    daemon.wait_for(|_| (gone("dns") + gone("timeout") >= 3.0).then_some(()));
}
