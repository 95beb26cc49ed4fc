//! Rejected inputs, and limits.

use super::{MODULES, import};
use std::fmt::Write as _;

#[test]
fn invalid_exporter_configs_are_rejected_with_the_position() {
    let refused = |text: &str, expected: &str| {
        let fault = import(text, None).err().unwrap_or_default();
        assert!(fault.contains(expected), "{text}{fault}");
    };
    for (text, expected) in [
        ("a: [\n", "b.yml:1:4\n"),
        ("", "not a blackbox_exporter config"),
        ("scrape_configs: []\n", "b.yml:1:1\n"),
        ("[]\n", "not a blackbox_exporter config"),
        ("modules: []\n", "b.yml:1:10\n"),
        ("modules: {}\n", "there are 0 modules"),
    ] {
        refused(text, expected);
    }
    for (keys, expected) in [
        ("prober: ftp", "b.yml:2:16\n"),
        ("timeout: 5s", "`prober` is missing"),
        ("prober: http, timeout: soon", "`timeout` is not a duration"),
        ("prober: http, http: []", "expected a mapping, not a list"),
        ("prober: http, prober: tcp", "duplicate key `prober`"),
        ("prober: dns, dns: {}", "`query_name` is missing"),
        (
            "prober: http, http: { valid_status_codes: 200 }",
            "b.yml:2:50\n",
        ),
        (
            "prober: http, http: { follow_redirects: perhaps }",
            "true or false",
        ),
        ("prober: http, http: { body_size_limit: big }", "not a size"),
    ] {
        refused(&format!("modules:\n  x: {{ {keys} }}\n"), expected);
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
            "unknown `action`",
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
    // Aliases that multiply each other.
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
    fn arbitrary_files_do_not_panic(
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
