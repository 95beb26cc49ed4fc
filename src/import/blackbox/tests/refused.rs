//! What is refused, and what is bounded.

use super::{MODULES, import};
use std::fmt::Write as _;

#[test]
fn what_is_no_config_of_the_exporter_is_refused_at_its_place() {
    for (text, expected) in [
        ("a: [\n", "b.yml:1:4\n"),
        ("", "no config of blackbox_exporter"),
        ("scrape_configs: []\n", "b.yml:1:1\n"),
        ("[]\n", "no config of blackbox_exporter"),
        ("modules: []\n", "b.yml:1:10\n"),
        ("modules: {}\n", "there are 0 modules"),
        ("modules:\n  x: { prober: ftp }\n", "b.yml:2:16\n"),
        ("modules:\n  x: { timeout: 5s }\n", "`prober` is missing"),
        (
            "modules:\n  x: { prober: http, timeout: soon }\n",
            "`timeout` is not a duration",
        ),
        (
            "modules:\n  x: { prober: http, http: [] }\n",
            "expected a mapping, not a list",
        ),
        (
            "modules:\n  x: { prober: http, prober: tcp }\n",
            "`prober` is there twice",
        ),
        (
            "modules:\n  x: { prober: dns, dns: {} }\n",
            "`query_name` is missing",
        ),
        (
            "modules:\n  x: { prober: http, http: { valid_status_codes: 200 } }\n",
            "b.yml:2:50\n",
        ),
        (
            "modules:\n  x: { prober: http, http: { follow_redirects: perhaps } }\n",
            "true or false",
        ),
        (
            "modules:\n  x: { prober: http, http: { body_size_limit: big } }\n",
            "not a size",
        ),
        (
            "modules:\n  x: { prober: websocket }\n",
            "no probe could be imported\n  b.yml:2: module `x`",
        ),
    ] {
        let fault = import(text, None).err().unwrap_or_default();
        assert!(fault.contains(expected), "{text}{fault}");
    }
    for (text, expected) in [
        ("global: {}\n", "`scrape_configs` is missing"),
        (
            "scrape_configs: [ { metrics_path: /probe } ]\n",
            "`job_name` is missing",
        ),
        (
            "scrape_configs: [ { job_name: a, metrics_path: /probe, params: { module: web } } ]\n",
            "expected a list, not a string",
        ),
        (
            "scrape_configs: [ { job_name: a, metrics_path: /probe, relabel_configs: [ { action: x } ] } ]\n",
            "`action` is not known",
        ),
        (
            "scrape_configs: [ { job_name: a, metrics_path: /probe, relabel_configs: [ { regex: '(' } ] } ]\n",
            "`regex` is not",
        ),
        ("scrape_configs: []\n", "no probe could be imported"),
    ] {
        let fault = import(MODULES, Some(text)).err().unwrap_or_default();
        assert!(fault.contains(expected), "{text}{fault}");
    }
}

#[test]
fn targets_of_an_import_are_bounded() {
    let config = |count: usize| {
        let targets = "a, ".repeat(count);
        format!(
            "scrape_configs:\n- {{ job_name: a, metrics_path: /probe, static_configs: [ {{ targets: [ {targets} ] }} ], relabel_configs: [ {{ source_labels: [__address__], target_label: __param_target }} ] }}\n"
        )
    };
    let fault = import(MODULES, Some(&config(20_001)))
        .err()
        .unwrap_or_default();
    assert!(fault.contains("more than 20000 targets"), "{fault:.300}");
    let modules: Vec<String> = (0..=1_000)
        .map(|one| {
            format!(
                "  m{one}: {{ prober: icmp }}
"
            )
        })
        .collect();
    let modules = modules.concat();
    let fault = import(&format!("modules:\n{modules}"), None)
        .err()
        .unwrap_or_default();
    assert!(fault.contains("there are 1001 modules"), "{fault:.300}");
    // Aliases that repeat each other.
    let mut bomb = "modules:\n  a0: &a0 { prober: http, http: { valid_status_codes: [200, 200, 200, 200] } }\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(9);
        writeln!(bomb, "  a{level}: &a{level} [ {below} ]").expect("a text");
    }
    let fault = import(&bomb, None).err().unwrap_or_default();
    assert!(fault.contains("fewer aliases"), "{fault:.300}");
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(
        modules in "(modules:\n|  m:\n|    prober: (http|dns|tcp|icmp)\n|    (http|dns|tcp):\n|      query_name: x\n|      query_response: \\[\\{(send|expect): \\PC{0,5}\\}\\]\n|      \\w{1,5}: \\PC{0,5}\n|\\PC){0,20}",
        target in "\\PC{0,40}",
    ) {
        let quoted = serde_json::Value::from(target).to_string();
        let targets = format!("scrape_configs: [ {{ job_name: a, metrics_path: /probe, static_configs: [ {{ targets: [ {quoted} ] }} ], relabel_configs: [ {{ source_labels: [__address__], target_label: __param_target }} ] }} ]");
        for modules in [modules.as_str(), "modules: { http_2xx: { prober: http } }"] {
            let _ = import(modules, Some(&targets));
        }
    }
}
