mod refused;
mod relabeling;
mod secrets;

use super::{Inputs, read};
use crate::diagnostic::Source;
use crate::import::{Fault, Imported};
use serde_json::{Value, json};

const MODULES: &str = include_str!("fixtures/blackbox.yml");
const PROMETHEUS: &str = include_str!("fixtures/prometheus.yml");
const FOUND: &str = r#"[{"targets": ["https://found.example/"], "labels": {"team": "found"}}]"#;

fn input(name: &str, text: &str) -> Source {
    Source {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

/// Acts like the real check for the one invalid expression.
fn check(config: &str) -> Vec<Fault> {
    let config: Value = serde_yaml::from_str(config).expect("YAML");
    let services = config["services"].as_array().into_iter().flatten();
    let is_refused = |service: &Value| {
        let written = service.to_string();
        written.contains("(?<look") || written.contains("severity")
    };
    let refused = services.enumerate().filter(|(_, one)| is_refused(one));
    let fault = |(place, _): (usize, &Value)| Fault {
        path: format!("services[{place}]"),
        message: "it is not valid".to_owned(),
    };
    refused.map(fault).collect()
}

fn import(modules: &str, targets: Option<&str>) -> Result<Imported, String> {
    let targets: Vec<Source> = targets.iter().map(|text| input("p.yml", text)).collect();
    read(&Inputs {
        modules: &input("b.yml", modules),
        targets: &targets,
        find: &|file, pattern| {
            assert_eq!(file, "p.yml");
            let has_files = pattern == "targets/*.json";
            Ok(has_files
                .then(|| input("targets/a.json", FOUND))
                .into_iter()
                .collect())
        },
        check: &check,
    })
}

fn imported(modules: &str, targets: Option<&str>) -> (Value, Imported) {
    let imported = import(modules, targets).unwrap_or_else(|fault| panic!("{fault}"));
    let config = serde_yaml::from_str(&imported.yaml).expect("YAML");
    (config, imported)
}

/// The keys of the first probe of a service.
fn probe<'v>(config: &'v Value, service: &str) -> &'v Value {
    let services = config["services"].as_array().expect("a list");
    let found = services.iter().find(|one| one["name"] == service);
    &found.unwrap_or_else(|| panic!("no {service} in {config:#}"))["probes"][0]
}

fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list").iter();
    items.filter_map(|one| one["name"].as_str()).collect()
}

/// Checks these keys of a mapping.
fn assert_has(found: &Value, expected: &Value) {
    for (key, value) in expected.as_object().expect("a mapping") {
        assert_eq!(&found[key], value, "{key}");
    }
}

fn assert_remarks(imported: &Imported, expected: &[&str]) {
    let all: Vec<String> = imported.remarks.iter().map(ToString::to_string).collect();
    for one in expected {
        let is_there = all.iter().any(|remark| remark.starts_with(one));
        assert!(is_there, "{one} in\n{}", all.join("\n"));
        assert!(imported.yaml.contains(&format!("# {one}")), "{one}");
    }
}

#[test]
fn http_modules_become_probes() {
    let (config, imported) = imported(MODULES, None);
    let web = probe(&config, "web");
    assert_eq!(web["http"]["url"], "http://web.invalid/");
    let expected = json!({
        "status": ["200", "204"], "headers": {"Content-Type": "^application/json", "X-Cache": ""},
        "headers_not": {"X-Cache": "MISS", "Set-Cookie": ".*"}, "body": ["ready"], "body_not": ["Could not connect"],
    });
    assert_eq!(web["http"]["expect"], expected);
    assert_has(
        &web["http"],
        &json!({
            "body": r#"{"q": "$${status}"}"#, "tls": {"insecure": true}, "ip_version": "4", "body_limit": "10MiB",
        }),
    );
    let key = &web["http"]["headers"]["X-Api-Key"];
    assert_eq!(key, "${BLACKBOX_WEB_X_API_KEY}");
    let vhost = &probe(&config, "vhost")["http"];
    assert_has(
        vhost,
        &json!({
            "proxy": "http://proxy.example:3128/",
            "proxy_auth": {"username": "bob", "password": "${BLACKBOX_VHOST_PROXY_PASSWORD}"},
            "http_version": "1.1", "follow_redirects": false,
            "expect": {"headers": {"Content-Encoding": "^gzip$"}},
        }),
    );
    let password = &vhost["basic_auth"]["password"];
    assert_eq!(password, "${BLACKBOX_VHOST_PASSWORD}");
    assert_eq!(vhost["headers"]["Accept-Encoding"], "gzip");
    let oauth2 = json!({
        "client_id": "x", "token_url": "https://x/", "client_secret": "${BLACKBOX_WEB_CLIENT_SECRET}",
    });
    assert_eq!(probe(&config, "web")["http"]["oauth2"], oauth2);
    let files = json!({"bearer_file": "secrets/token", "body_file": "secrets/body.json"});
    assert_has(&probe(&config, "token")["http"], &files);
    let scheme = &probe(&config, "scheme")["http"]["headers"]["Authorization"];
    assert_eq!(scheme, "Token ${BLACKBOX_SCHEME_CREDENTIALS}");
    assert_remarks(
        &imported,
        &[
            "b.yml:7: slod also accepts an HTTP/1.0",
            "b.yml:13: `fail_if_ssl` is left out",
            "b.yml:14: the expression is left out: it is not valid",
            "b.yml:18: `fail_if_header_not_matches` for `ETag`",
            "b.yml:21: `min_version` is left out: slod also accepts TLS 1.2",
            "b.yml:21: `cert` is left out",
            "b.yml:31: the proxy resolves",
            "b.yml:32: `compression` becomes",
            "b.yml:35: `new_key` is left out: unknown key",
            "b.yml:39: `secrets/token` is relative",
            "b.yml:45: `fail_if_body_json_not_matches_cel` is left out",
        ],
    );
}

#[test]
fn literal_braces_of_go_are_escaped() {
    let http =
        r#"{ prober: http, http: { fail_if_body_not_matches_regexp: ['{"status":"ok"}'] } }"#;
    let (config, _) = imported(&format!("modules: {{ web: {http} }}\n"), None);
    let body = &probe(&config, "web")["http"]["expect"]["body"];
    assert_eq!(body, &json!([r#"\{"status":"ok"}"#]));
}

#[test]
fn other_modules_become_probes() {
    let (config, imported) = imported(MODULES, None);
    let smtp = json!({"address": "smtp.invalid:443", "expect": "(?mR)^220 ([^ ]+) ESMTP"});
    assert_eq!(probe(&config, "smtp")["tcp"], smtp);
    let mail = json!({
        "address": "mail.invalid:443", "starttls": "smtp", "tls": {"server_name": "mail.example"},
        "send": "EHLO prober\r\n", "expect": "(?mR)^250-AUTH",
    });
    assert_eq!(probe(&config, "mail")["tcp"], mail);
    assert_has(
        &probe(&config, "redis")["tcp"],
        &json!({
            "send": "PING\r\n", "expect": "(?mR)(?:PONG)(?s:.*?\\n.*?)(?:OK)",
            "tls": {"ca_file": "ca.pem", "server_name": "redis.example"},
        }),
    );
    let www = probe(&config, "names");
    let expect = json!({
        "rcode": ["NOERROR", "NXDOMAIN"], "min_answers": 1, "answers_not": [".*127.0.0.1"],
        "answers_each": ["^192.0.2.1"], "answers": ["(?:192.0.2.1)|(?:192.0.2.2)"],
    });
    let dns = json!({
        "server": "names.invalid", "name": "www.example.org", "type": "A", "transport": "tcp",
        "recursion": false, "expect": expect, "ip_version": "6",
    });
    // The scrape timeout is shorter than the module's.
    assert_eq!((&www["dns"], &www["timeout"]), (&dns, &Value::Null));
    assert_eq!(config["defaults"]["timeout"], "9s500ms");
    let plain = &probe(&config, "names_plain")["dns"];
    let expected = json!({"type": "ANY", "class": "CH", "transport": "tls"});
    assert_has(plain, &expected);
    assert_eq!(plain["expect"]["min_answers"], 0);
    let icmp = json!({"host": "ping.invalid", "payload_size": 8, "dont_fragment": true, "ttl": 5});
    assert_eq!(probe(&config, "ping")["icmp"], icmp);
    let grpc = json!({"address": "health.invalid:443", "service": "shop.v1.Cart", "tls": {}});
    assert_eq!(probe(&config, "health")["grpc"], grpc);
    let socket = json!({
        "url": "ws://socket.invalid/", "bearer": "${BLACKBOX_SOCKET_BEARER_TOKEN}",
        "headers": {"Origin": "https://chat.example"}, "send": "hi", "expect": {"body": ["^welcome"]},
    });
    assert_eq!(probe(&config, "socket")["websocket"], socket);
    let local =
        json!({"address": "unix:/run/local.invalid", "send": "PING\n", "expect": "(?mR)PONG"});
    assert_eq!(probe(&config, "local")["tcp"], local);
    assert_remarks(
        &imported,
        &[
            "b.yml:51: the rest of the dialogue is left out",
            "b.yml:54: `source_ip_address` is left out",
            "b.yml:75: the expression is matched against the data of records",
            "b.yml:76: the expression is matched against the data of records of the queried type: its part",
            "b.yml:78: `fail_if_all_match_regexp` is left out",
            "b.yml:79: `validate_authority_rrs` is left out",
            "b.yml:85: `payload_size: 4` becomes 8",
            "b.yml:85: `preferred_ip_protocol` is left out",
            "b.yml:91: a message that does not match is skipped",
            "b.yml:91: the rest of the dialogue is left out: slod sends one message",
            "b.yml:101: `starttls: smtp` replaces the dialogue before TLS",
            "b.yml:104: the rest of the dialogue is left out",
        ],
    );
    assert!(
        imported
            .yaml
            .contains("Replace the addresses with `.invalid`")
    );
}

#[test]
fn targets_of_sockets_become_addresses() {
    let targets = "scrape_configs:\n- { job_name: a, metrics_path: /probe, params: { module: [MODULE] }, static_configs: [ { targets: [ TARGET ] } ], relabel_configs: [ { source_labels: [__address__], target_label: __param_target }, { source_labels: [__param_target], target_label: instance } ] }\n";
    for (module, target, kind, key, expected) in [
        (
            "local",
            "/run/redis.sock",
            "tcp",
            "address",
            "unix:/run/redis.sock",
        ),
        (
            "socket",
            "wss://chat.example/ws",
            "websocket",
            "url",
            "wss://chat.example/ws",
        ),
        (
            "socket",
            "chat.example/ws",
            "websocket",
            "url",
            "ws://chat.example/ws",
        ),
    ] {
        let targets = targets.replace("MODULE", module).replace("TARGET", target);
        let (config, _) = imported(MODULES, Some(&targets));
        let probe = &config["services"][0]["probes"][0];
        assert_eq!(probe[kind][key], expected, "{config:#}");
    }
}

#[test]
fn targets_are_those_of_the_scrape_configs() {
    let (config, imported) = imported(MODULES, Some(PROMETHEUS));
    assert_eq!(
        names(&config["services"]),
        [
            "shop.example-cart",
            "www.example",
            "shop",
            "found.example",
            "router.example",
            "net-192.0.2"
        ]
    );
    let cart = probe(&config, "shop.example-cart");
    assert_eq!(
        cart["http"]["url"],
        "https://shop.example/cart?token=${BLACKBOX_WEB_TARGET_TOKEN}"
    );
    let www = &probe(&config, "www.example")["http"];
    assert_eq!(www["oauth2"]["client_id"], "x");
    assert_eq!(www["basic_auth"], json!(null), "the token replaces it");
    assert_eq!(config["services"][0]["labels"], json!({"team": "shop"}));
    let shop = &config["services"][2];
    assert_eq!(shop["labels"], json!({"team": "$${TEAM}"}));
    assert_eq!(names(&shop["probes"]), ["web", "web-2", "ping"]);
    assert_eq!(shop["probes"][0]["http"]["url"], "http://shop.example");
    let ping = &shop["probes"][2];
    assert_has(ping, &json!({"interval": "1m", "timeout": "2s500ms"}));
    let defaults = json!({"interval": "15s", "timeout": "5s"});
    assert_has(&config["defaults"], &defaults);
    let vhost = &probe(&config, "net-192.0.2")["http"];
    let expected = json!({"url": "https://192.0.2.7/", "tls": {"server_name": "shop.example"}});
    assert_has(vhost, &expected);
    assert_eq!(vhost["headers"]["Host"], "shop.example");
    assert_remarks(
        &imported,
        &[
            "p.yml:1: only `scrape_configs` are read; left out: rule_files",
            "p.yml:6: scrape configs without `metrics_path: /probe` are left out: node",
            "p.yml:8: left out, since they concern requests to the exporter: scheme",
            "p.yml:13: the label `severity` is left out: it is not valid",
            "p.yml:15: the target is left out: it is dropped by `relabel_configs`",
            "p.yml:19: no file matches `none.yml`",
            "p.yml:38: the targets of `consul_sd_configs` are left out",
            "p.yml:39: `metric_relabel_configs` is left out",
            "p.yml:50: the target is left out: b.yml has no module `missing`",
            "p.yml:54: the target is left out: no rule",
            "b.yml:37: module `token` is left out: it has no target",
        ],
    );
    // Unused modules get no other remarks.
    let unused = ["SCHEME", "b.yml:39", "b.yml:78"];
    assert!(unused.iter().all(|word| !imported.yaml.contains(word)));
}

#[test]
fn secrets_of_the_files_are_not_printed() {
    for targets in [None, Some(PROMETHEUS)] {
        let (_, imported) = imported(MODULES, targets);
        let remarks: String = imported.remarks.iter().map(ToString::to_string).collect();
        assert!(!imported.yaml.contains("hunter2"), "{}", imported.yaml);
        assert!(!remarks.contains("hunter2"), "{remarks}");
        assert!(
            imported
                .yaml
                .contains("#   BLACKBOX_VHOST_PASSWORD: the value of `password` in b.yml:30")
        );
    }
}

#[test]
fn neither_names_nor_labels_of_services_have_secrets_of_addresses() {
    let modules = "modules: { web: { prober: http } }\n";
    let targets = "scrape_configs:
- job_name: a
  metrics_path: /probe
  params: { module: [ web ] }
  static_configs:
  - targets:
    - https://ann:hunter2@www.example/x?y=1
    - https://chat.example/hooks/ghp_hunter2hunter2/send
    - https://maps.example/tiles?key=hunter2hunter2hunter2
    - https://plain.example/x?y=1
    labels: { contact: ann@www.example }
  relabel_configs:
  - { source_labels: [ __address__ ], target_label: __param_target }
  - { source_labels: [ __address__ ], target_label: address }
";
    let (config, imported) = imported(modules, Some(targets));
    assert!(!imported.yaml.contains("hunter2"), "{}", imported.yaml);
    let services = config["services"].as_array().expect("a list");
    let expected = [
        "www.example-x",
        "chat.example-hooks-send",
        "maps.example-tiles",
        "plain.example-x",
    ];
    assert_eq!(names(&config["services"]), expected);
    assert_eq!(
        services[3]["labels"],
        json!({"address": "https://plain.example/x?y=1", "contact": "ann@www.example"})
    );
    assert_eq!(services[0]["labels"], json!({"contact": "ann@www.example"}));
    let basic = &services[0]["probes"][0]["http"]["basic_auth"];
    assert_eq!(basic["username"], "ann");
    let why = "the label `address` is left out: it contains a secret";
    let remarks = [7, 8, 9].map(|line| format!("p.yml:{line}: {why}"));
    assert_remarks(&imported, &remarks.each_ref().map(String::as_str));
}
