//! Secrets of modules and targets, which are never copied.

use super::{assert_remarks, import, imported};
use serde_json::{Value, json};

/// A scrape config with these targets.
fn targets(targets: &str) -> String {
    format!(
        "scrape_configs:
- job_name: a
  metrics_path: /probe
  params: {{ module: [ web ] }}
  static_configs:
  - targets:{targets}
  relabel_configs:
  - {{ source_labels: [ __address__ ], target_label: __param_target }}
"
    )
}

const WEB: &str = "modules: { web: { prober: http } }\n";

fn urls(config: &Value) -> Vec<&str> {
    let services = config["services"].as_array().expect("a list").iter();
    services
        .map(|one| one["probes"][0]["http"]["url"].as_str().expect("a URL"))
        .collect()
}

#[test]
fn tokens_of_webhooks_are_not_copied() {
    let targets = targets(
        "
    - https://hooks.slack.com/services/T0123/B0123/hunter2HUNTER2hunter2
    - https://discord.com/api/webhooks/1234567890123456789/hunter2-HUNTER2_hunter2
    - https://api.telegram.org/bot123456:hunter2HUNTER2hunter2/getMe
    - https://h.example/?eyJhunter2HUNTER2hunter2
    - https://ghp_hunter2hunter2hunter2@api.example/",
    );
    let (config, imported) = imported(WEB, Some(&targets));
    let remarks: String = imported.remarks.iter().map(ToString::to_string).collect();
    assert!(!imported.yaml.contains("hunter2"), "{}", imported.yaml);
    assert!(!remarks.contains("hunter2"), "{remarks}");
    let path = |number: &str| format!("${{BLACKBOX_WEB_TARGET_PATH{number}}}");
    assert_eq!(
        urls(&config),
        [
            format!("https://hooks.slack.com/services/T0123/B0123/{}", path("")),
            format!(
                "https://discord.com/api/webhooks/1234567890123456789/{}",
                path("_2")
            ),
            format!("https://api.telegram.org/{}/getMe", path("_3")),
            "https://h.example/?${BLACKBOX_WEB_TARGET_QUERY}".to_owned(),
            "https://api.example/".to_owned(),
        ]
    );
    assert_eq!(
        config["services"][0]["name"],
        "hooks.slack.com-services-T0123-B0123"
    );
    assert_eq!(
        config["services"][4]["probes"][0]["http"]["basic_auth"],
        json!({
            "username": "${BLACKBOX_WEB_TARGET_USERNAME}",
            "password": "${BLACKBOX_WEB_TARGET_PASSWORD}",
        })
    );
}

#[test]
fn secrets_on_one_line_have_their_own_variables() {
    let targets = targets(
        " [ 'https://h/ghp_hunter2hunter2/sk-hunter2hunter2', 'https://h/ghp_hunter2hunter3', 'http://u:hunter2@a/', 'http://u:hunter3@a/', 'http://u:hunter3@b/' ]",
    );
    let (config, imported) = imported(WEB, Some(&targets));
    assert_eq!(
        urls(&config),
        [
            "https://h/${BLACKBOX_WEB_TARGET_PATH}/${BLACKBOX_WEB_TARGET_PATH_2}",
            "https://h/${BLACKBOX_WEB_TARGET_PATH_3}",
            "http://a/",
            "http://a/",
            "http://b/",
        ]
    );
    let password = |service: usize| {
        &config["services"][service]["probes"][0]["http"]["basic_auth"]["password"]
    };
    assert_eq!(password(2), "${BLACKBOX_WEB_TARGET_PASSWORD}");
    assert_eq!(password(3), "${BLACKBOX_WEB_TARGET_PASSWORD_2}");
    // The same secret on the same line.
    assert_eq!(password(4), "${BLACKBOX_WEB_TARGET_PASSWORD_2}");
    for expected in [
        "#   BLACKBOX_WEB_TARGET_PATH: the value of `target_path` in p.yml:6\n",
        "#   BLACKBOX_WEB_TARGET_PATH_2: the value of `target_path` in p.yml:6, number 2 on this line\n",
    ] {
        assert!(imported.yaml.contains(expected), "{}", imported.yaml);
    }
}

#[test]
fn errors_show_no_secrets() {
    let http = |keys: &str| format!("modules: {{ web: {{ prober: http, http: {{ {keys} }} }} }}\n");
    for modules in [
        http("bearer_token: [ hunter2 ]"),
        http("bearer_token: hunter2, bearer_token: hunter2"),
        http("proxy_url: 'http://ann:hunter2@[x/'"),
        "modules:\n  web:\n    prober: http\n    http: { bearer_token: \"hunter2 }\n".to_owned(),
    ] {
        let fault = import(&modules, None).err().expect("invalid");
        assert!(!fault.contains("hunter2"), "{fault}");
        assert!(fault.contains("b.yml:"), "{fault}");
    }
    let fault = import(&http("bearer_token: [ hunter2 ]"), None).err();
    let line = "1 | modules: { web: { prober: ****, http: { bearer_token: [ ******* ] } } }\n";
    assert!(
        fault.as_ref().is_some_and(|fault| fault.contains(line)),
        "{fault:?}"
    );
    let (_, imported) = imported(&http("bearer_token:hunter2"), None);
    assert_remarks(
        &imported,
        &["b.yml:1: `bearer_token…` is left out: unknown key"],
    );
}
