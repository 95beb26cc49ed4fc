//! Prometheus scrapes a daemon with TLS: with a password, a token, and a client certificate.

use super::server::Prometheus;
use crate::auth::fixture::{Files, TLS, user};

#[test]
fn prometheus_scrapes_with_a_password_a_token_and_a_client_certificate() {
    let files = Files::new();
    let verify = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    files.write(
        "web.yml",
        &format!(
            "{TLS}{verify}basic_auth_users:\n{}",
            user("prometheus", "its password")
        ),
    );
    files.write("password", "its password");
    files.write("token", "its-token");
    let web = "{ config_file: web.yml, tokens: [ { name: prometheus, token_file: token, role: read } ], user_roles: { prometheus: read } }";
    let daemon = files.start("127.0.0.1:0", web);
    let port = daemon.address.port();
    let job = |name: &str, tls: &str, more: &str| {
        format!(
            "  - job_name: {name}
    scheme: https
    tls_config: {{ ca_file: ca.crt{tls} }}
    static_configs: [ {{ targets: [ \"localhost:{port}\" ] }} ]
{more}"
        )
    };
    let certificate = ", cert_file: client.crt, key_file: client.key";
    let password = "    basic_auth: { username: prometheus, password_file: password }\n";
    let token = "    authorization: { credentials_file: token }\n";
    let jobs = [
        job("password", certificate, password),
        job("token", certificate, token),
        job("nothing", certificate, ""),
        job("no-certificate", "", password),
    ];
    let text = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n{}",
        jobs.concat()
    );
    files.write("prometheus.yml", &text);
    let Some(prometheus) = Prometheus::start(files.folder(), &[]) else {
        return;
    };
    for query in [
        "up{job=\"password\"} == 1",
        "up{job=\"token\"} == 1",
        "up{job=\"nothing\"} == 0",
        "up{job=\"no-certificate\"} == 0",
        "slod_build_info{job=\"password\"}",
    ] {
        prometheus.wait_for(&format!("count({query}) == 1"));
    }
    let failures = "sum(slod_web_auth_failures_total{job=\"password\"}) == 0";
    prometheus.wait_for(failures);
}
