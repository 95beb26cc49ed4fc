//! Generated rules, tested with `promtool`: several daemons, tiers and choices of a config, names
//! with unusual characters.

use super::alerts::{passes, promtool};
use super::burn::read;
use super::server::repository;
use slod::config::Config;
use slod::rules::{Format, generate};
use std::fs;
use std::path::Path;

pub const CONFIG: &str = "
alerts:
  address: https://slod.example.com
  budget_exhausted: true
  tiers:
    - { long: 1h, short: 5m, budget: 2%, urgency: page, min_bad: 5 }
    - { long: 6h, short: 30m, budget: 5%, urgency: ticket }
services:
  - name: web
    labels: { team: shop }
    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]
    objectives:
      - { name: errors, sli: success, target: 99.9%, window: 30d }
      - { name: slow, sli: latency, below: 1s, target: 99.9%, window: 6h, alerts: [1, exhausted] }
      - { name: uptime, sli: availability, target: 99.9%, window: month, alerts: false }
";

/// The whole text of the rules of a config.
pub fn generated(config: &Config, format: &Format) -> String {
    let mut text = String::new();
    let take = &mut |part: &str| {
        text += part;
        true
    };
    generate(config, format, take).expect("written");
    text
}

/// Rules of a config, as a file in a directory.
pub fn rules(folder: &Path, config: &str) -> std::path::PathBuf {
    let path = folder.join("generated.rules.yml");
    let text = generated(&read(config), &Format::Prometheus);
    fs::write(&path, text).expect("written");
    promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &path);
    path
}

fn test(config: &str, tests: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (shipped, generated) = (
        repository().join("deploy/prometheus/slod.rules.yml"),
        rules(folder.path(), config),
    );
    passes(&format!(
        "rule_files: [ {}, {} ]\nevaluation_interval: 30s\ntests:\n{tests}",
        shipped.display(),
        generated.display()
    ));
}

/// The series of a daemon that a test has for more than an hour.
fn constants(instance: &str, slo: &str, window: u32) -> String {
    let labels = format!("{{job=\"slod\",instance=\"{instance}\",service=\"web\",slo=\"{slo}\"}}");
    format!(
        "
      - {{ series: 'slod_slo_objective_ratio{labels}', values: 0.999x3000 }}
      - {{ series: 'slod_slo_window_seconds{labels}', values: {window}x3000 }}
      - {{ series: 'slod_slo_event_interval_seconds{labels}', values: 10x3000 }}"
    )
}

#[test]
fn daemons_are_summed_and_counters_can_reset() {
    let (a, b) = (
        constants("a", "errors", 2_592_000),
        constants("b", "errors", 2_592_000),
    );
    test(
        CONFIG,
        &format!(
            "
  - name: a daemon with failures, and one that restarts
    interval: 30s
    input_series:{a}{b}
      - {{ series: 'slod_slo_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"errors\"}}', values: 0+3x3000 }}
      - {{ series: 'slod_slo_bad_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"errors\"}}', values: 0x240 0+3x2760 }}
      - {{ series: 'slod_slo_events_total{{job=\"slod\",instance=\"b\",service=\"web\",slo=\"errors\"}}', values: 0+3x250 0+3x2749 }}
      - {{ series: 'slod_slo_bad_events_total{{job=\"slod\",instance=\"b\",service=\"web\",slo=\"errors\"}}', values: 7x3000 }}
    promql_expr_test:
      - expr: round(slo:sli_error:ratio_rate5m, 0.01)
        eval_time: 2h20m
        exp_samples: [ {{ labels: '{{service=\"web\",slo=\"errors\",team=\"shop\",sloth_id=\"web/errors\",sloth_service=\"web\",sloth_slo=\"errors\",sloth_window=\"5m\"}}', value: 0.5 }} ]
      - expr: round(slo:current_burn_rate:ratio)
        eval_time: 2h20m
        exp_samples: [ {{ labels: '{{service=\"web\",slo=\"errors\",team=\"shop\",sloth_id=\"web/errors\",sloth_service=\"web\",sloth_slo=\"errors\"}}', value: 500 }} ]
      - expr: count by (alertname, instance, tier) (ALERTS{{alertname=~\"SlodBudgetBurn.*\", alertstate=\"firing\"}})
        eval_time: 2h20m
        exp_samples:
          - {{ labels: '{{alertname=\"SlodBudgetBurnPage1h\",tier=\"1\"}}', value: 1 }}
          - {{ labels: '{{alertname=\"SlodBudgetBurnTicket6h\",tier=\"2\"}}', value: 1 }}
      - expr: ALERTS{{alertname=\"SlodBurnInhibitor\", alertstate=\"firing\"}}
        eval_time: 2h20m
        exp_samples: [ {{ labels: 'ALERTS{{alertname=\"SlodBurnInhibitor\",alertstate=\"firing\",service=\"web\",slo=\"errors\",severity=\"none\",tier=\"2\"}}', value: 1 }} ]
    alert_rule_test:
      - eval_time: 2h20m
        alertname: SlodBudgetBurnPage1h
        exp_alerts:
          - exp_labels: {{ service: web, slo: errors, team: shop, severity: critical, kind: page, tier: \"1\", sloth_severity: page, sloth_id: web/errors, sloth_service: web, sloth_slo: errors }}
            exp_annotations:
              summary: \"web / errors: at this rate, 2% of the error budget is spent in 1h.\"
              description: \"web / errors: 16.32% of the attempts in the last 1h were bad: they failed.\"
              runbook_url: https://slod.example.com/runbook#slodbudgetburnpage1h
              dashboard_url: https://slod.example.com/services/web
"
        ),
    );
}

#[test]
fn min_bad_and_the_alerts_of_an_objective_apply() {
    let bad = |values: &str, slo: &str| {
        format!(
            "{}
      - {{ series: 'slod_slo_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"{slo}\"}}', values: 0+3x3000 }}
      - {{ series: 'slod_slo_bad_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"{slo}\"}}', values: {values} }}",
            constants("a", slo, 2_592_000)
        )
    };
    // Four failures are 1.1% of an hour, and three exceed the rate of the tier over six hours.
    let (four, many, all) = (
        bad("0x300 1 2 3 4 4x2696", "errors"),
        bad("0x300 0+1x20 20x2680", "errors"),
        bad("0x300 0+3x30 90x2670", "slow"),
    );
    test(
        CONFIG,
        &format!(
            "
  - name: four failures are too few for a page of five
    interval: 30s
    input_series:{four}
    alert_rule_test: [ {{ eval_time: 153m, alertname: SlodBudgetBurnPage1h, exp_alerts: [] }} ]
  - name: twenty are not
    interval: 30s
    input_series:{many}
    promql_expr_test:
      - expr: count by (alertname) (ALERTS{{alertname=~\"SlodBudgetBurn.*\", alertstate=\"firing\"}})
        eval_time: 160m
        exp_samples:
          - {{ labels: '{{alertname=\"SlodBudgetBurnPage1h\"}}', value: 1 }}
          - {{ labels: '{{alertname=\"SlodBudgetBurnTicket6h\"}}', value: 1 }}
  - name: only the conditions that an objective chooses, and its budget
    interval: 30s
    input_series:{all}
    promql_expr_test:
      - expr: count by (alertname) (ALERTS{{alertname=~\"SlodBudget.*\", alertstate=\"firing\"}})
        eval_time: 164m
        exp_samples:
          - {{ labels: '{{alertname=\"SlodBudgetBurnPage1h\"}}', value: 1 }}
          - {{ labels: '{{alertname=\"SlodBudgetExhausted\"}}', value: 1 }}
      # 90 failures of the 2160 attempts that six hours have, although fewer were made.
      - expr: round(slo:period_burn_rate:ratio{{slo=\"slow\"}}, 0.5)
        eval_time: 2h50m
        exp_samples: [ {{ labels: '{{service=\"web\",slo=\"slow\",team=\"shop\",sloth_id=\"web/slow\",sloth_service=\"web\",sloth_slo=\"slow\"}}', value: 41.5 }} ]
"
        ),
    );
}

#[test]
fn a_failing_probe_inhibits_the_burn_alerts_of_its_service() {
    test(
        CONFIG,
        &format!(
            "
  - name: an outage from two hours on
    interval: 30s
    input_series:{}
      - {{ series: 'slod_slo_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"errors\"}}', values: 0+3x300 }}
      - {{ series: 'slod_slo_bad_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"errors\"}}', values: 0x240 0+3x60 }}
      - {{ series: 'slod_probe_success{{job=\"slod\",instance=\"a\",service=\"web\",probe=\"p\"}}', values: 1x240 0x60 }}
      - {{ series: 'slod_probe_consecutive_failures{{job=\"slod\",instance=\"a\",service=\"web\",probe=\"p\"}}', values: 0x240 0+3x60 }}
    promql_expr_test:
      - expr: ALERTS{{alertname=\"SlodBurnInhibitor\", tier=\"1\", alertstate=\"firing\"}}
        eval_time: 2h10m
        exp_samples: [ {{ labels: 'ALERTS{{alertname=\"SlodBurnInhibitor\",alertstate=\"firing\",service=\"web\",slo=\"errors\",severity=\"none\",tier=\"1\"}}', value: 1 }} ]
",
            constants("a", "errors", 2_592_000)
        ),
    );
}

#[test]
fn an_objective_without_a_daemon_is_detected() {
    test(
        CONFIG,
        &format!(
            "
  - name: a daemon with another config
    interval: 60s
    input_series:
      - {{ series: 'slod_build_info{{job=\"slod\",instance=\"a\"}}', values: 1x60 }}{}
      - {{ series: 'slod_slo_events_total{{job=\"slod\",instance=\"a\",service=\"web\",slo=\"errors\"}}', values: 0+6x60 }}
    promql_expr_test:
      - expr: count by (slo) (ALERTS{{alertname=\"SlodObjectiveAbsent\", alertstate=\"firing\"}})
        eval_time: 20m
        exp_samples: [ {{ labels: '{{slo=\"slow\"}}', value: 1 }}, {{ labels: '{{slo=\"uptime\"}}', value: 1 }} ]
  - name: without any daemon it is SlodDown that fires
    interval: 60s
    input_series: []
    alert_rule_test: [ {{ eval_time: 20m, alertname: SlodObjectiveAbsent, exp_alerts: [] }} ]
",
            constants("a", "errors", 2_592_000)
        ),
    );
}

/// Zero-width joiners and non-joiners, directional marks, and a tag.
const HIDDEN: &str =
    "\u{645}\u{6cc}\u{200c}\u{62e} \u{1f469}\u{200d}\u{1f4bb} a\u{ad}b\u{202e}c\u{feff}d\u{e0041}e";

/// A config that uses all of this in one service.
pub fn hidden() -> String {
    format!(
        "services:\n  - name: '{HIDDEN}'\n    description: 'about\t{HIDDEN}'\n    labels: {{ team: '{HIDDEN}' }}\n    probes: [ {{ name: p, http: {{ url: \"http://127.0.0.1:1/\" }} }} ]\n    objectives: [ {{ name: '{HIDDEN}', sli: success, target: 99.9%, window: 30d }} ]\n"
    )
}

#[test]
fn characters_without_a_width_stay_in_names() {
    let labels = HIDDEN.chars().map(|c| format!("\\U{:08x}", u32::from(c)));
    let labels = labels.collect::<Vec<_>>().concat();
    test(
        &hidden(),
        &format!(
            "
  - name: an outage
    interval: 30s
    input_series:
      - {{ series: 'slod_slo_events_total{{service=\"{labels}\",slo=\"{labels}\"}}', values: 0+3x3000 }}
      - {{ series: 'slod_slo_bad_events_total{{service=\"{labels}\",slo=\"{labels}\"}}', values: 0x240 0+3x2760 }}
    promql_expr_test:
      - expr: count by (service, slo, team, sloth_id) (slo:sli_error:ratio_rate5m == 1)
        eval_time: 2h20m
        exp_samples: [ {{ labels: '{{service=\"{labels}\",slo=\"{labels}\",team=\"{labels}\",sloth_id=\"{labels}/{labels}\"}}', value: 1 }} ]
      - expr: count by (service) (ALERTS{{alertname=\"SlodBudgetBurnPage1h\", alertstate=\"firing\"}})
        eval_time: 2h20m
        exp_samples: [ {{ labels: '{{service=\"{labels}\"}}', value: 1 }} ]
"
        ),
    );
}

/// A ticket of a fast tier, a page of a slow one, a forecast, and a service with a dependency.
const INTERLEAVED: &str = "
alerts:
  budget_exhausted: true
  forecast: 3d
  tiers:
    - { long: 1h, short: 5m, budget: 2%, urgency: ticket }
    - { long: 6h, short: 30m, budget: 5%, urgency: page }
    - { long: 1d, short: 2h, budget: 10%, urgency: ticket }
services:
  - name: web
    probes: [ { name: p, http: { url: \"http://127.0.0.1:1/\" } } ]
    depends_on: [ db ]
    objectives: [ { name: errors, sli: success, target: 99.9%, window: 30d } ]
  - { name: db, probes: [ { name: p, tcp: { address: \"127.0.0.1:1\" } } ] }
";

#[test]
fn a_ticket_inhibits_no_page_and_a_burn_rate_inhibits_a_forecast() {
    let alert = |name: &str, labels: &str, values: &str| {
        format!(
            "\n      - {{ series: 'ALERTS{{alertname=\"{name}\",alertstate=\"firing\",{labels}}}', values: {values} }}"
        )
    };
    let of_web = |name: &str, tier: &str| {
        alert(
            name,
            &format!("service=\"web\",slo=\"errors\",tier=\"{tier}\""),
            "1x300",
        )
    };
    let all = [
        of_web("SlodBudgetBurnTicket1h", "1"),
        of_web("SlodBudgetBurnPage6h", "2"),
        of_web("SlodBudgetExhausted", "exhausted"),
        of_web("SlodBudgetRunsOut", "forecast"),
    ];
    let explained = |tiers: &[&str]| {
        let samples = tiers
            .iter()
            .map(|tier| format!("{{ labels: '{{tier=\"{tier}\"}}', value: 1 }}"));
        let samples = samples.collect::<Vec<_>>().join(", ");
        format!(
            "\n    promql_expr_test: [ {{ expr: 'count by (tier) (ALERTS{{alertname=\"SlodBurnInhibitor\"}})', eval_time: 30m, exp_samples: [ {samples} ] }} ]\n"
        )
    };
    let story = |name: &str, series: &str, tiers: &[&str]| {
        format!(
            "  - name: {name}\n    interval: 30s\n    input_series:{series}{}",
            explained(tiers)
        )
    };
    let below = alert(
        "SlodBudgetBurnPage6h",
        "service=\"db\",slo=\"x\",tier=\"2\"",
        "1x300",
    );
    let ticket_below = alert(
        "SlodBudgetBurnTicket1h",
        "service=\"db\",slo=\"x\",tier=\"1\"",
        "1x300",
    );
    let all = all.concat();
    test(
        INTERLEAVED,
        &[
            story("by themselves", &all, &["forecast"]),
            story(
                "a ticket of the service below",
                &format!("{all}{ticket_below}"),
                &["forecast"],
            ),
            story(
                "a page of the service below",
                &format!("{all}{below}"),
                &["2", "exhausted", "forecast"],
            ),
        ]
        .concat(),
    );
}
