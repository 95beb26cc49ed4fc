//! Scripts for k6.

use super::*;

/// The options of a k6 script, which are JSON.
fn options(text: &str) -> serde_json::Value {
    let (_, rest) = text.split_once("export const options = ").expect("there");
    let (options, _) = rest.split_once(";\n").expect("it ends");
    serde_json::from_str(options).expect("JSON")
}

#[test]
fn k6_gets_stages_jumps_and_thresholds() {
    let think = Duration::from_millis(1500);
    let stages = vec![
        stage(10.0, 10.0, 60),
        stage(100.0, 100.0, 180),
        stage(100.0, 10.0, 60),
    ];
    let text = script(Model::Closed { think }, stages).write(Tool::K6);
    let options = options(&text);
    let spike = &options["scenarios"]["spike"];
    assert_eq!(spike["executor"], "ramping-vus");
    assert_eq!(spike["startVUs"], 10);
    let expected = serde_json::json!([
        { "duration": "60000ms", "target": 10 },
        { "duration": "0s", "target": 100 },
        { "duration": "180000ms", "target": 100 },
        { "duration": "60000ms", "target": 10 },
    ]);
    assert_eq!(spike["stages"], expected);
    let expected = serde_json::json!({
        "http_req_duration": ["p(95)<500", "p(99)<1000"],
        "failed_requests": ["rate<0.001"],
        "http_reqs": ["count>0"],
    });
    assert_eq!(options["thresholds"], expected);
    assert!(text.contains("sleep(1.5);") && text.contains("__ENV[\"CHAT_TOKEN\"]"));
}

#[test]
fn k6_takes_rates_that_are_not_whole_by_a_longer_unit() {
    for (from, to, unit, start, target) in [
        (0.5, 2.25, "1m", 30, 135),
        // 2.5 and 7.5 per minute, 10 and 15 per hour, and 1 per day.
        (2.5 / 60.0, 7.5 / 60.0, "1h", 150, 450),
        (10.0 / 3600.0, 15.0 / 3600.0, "1h", 10, 15),
        (0.0, 1.0 / 86_400.0, "24h", 0, 1),
    ] {
        let stages = vec![stage(from, to, 60)];
        let text = script(Model::Open { poisson: false }, stages).write(Tool::K6);
        let spike = &options(&text)["scenarios"]["spike"];
        assert_eq!(spike["executor"], "ramping-arrival-rate");
        assert_eq!(
            (&spike["timeUnit"], &spike["startRate"]),
            (&unit.into(), &start.into())
        );
        assert_eq!(spike["stages"][0]["target"], target);
    }
}

/// Node loads the script as a module and runs it with stubbed answers.
#[test]
fn k6_scripts_are_valid_javascript_and_use_captures() {
    if !is_installed("node") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let think = Duration::ZERO;
    let text = script(Model::Closed { think }, vec![stage(1.0, 2.5, 60)]).write(Tool::K6);
    write("script.mjs", &text);
    write("users.csv", "id, the user\n1,\"a \"\"b\"\", c\"\r\n2,d\n");
    for (name, exports) in [
        ("k6", "export const check = (value, all) => Object.values(all).every((one) => one(value)); export const sleep = () => {};"),
        ("k6/http", "const body = process.env.BODY;
            const request = (method, url, sent) => { console.log(method, url, sent); return { status: 200, headers: { Location: '/x/o/42' }, cookies: { 'XSRF-TOKEN': [{ value: 'a%3D' }] }, body }; };
            const cookieJar = () => ({ cookiesForURL: () => ({}) });
            export default { expectedStatuses: (...all) => all, request, cookieJar };"),
        ("k6/metrics", "export class Rate { add(value, tags) { console.error('failed', value, tags.name); } }"),
        ("k6/data", "export class SharedArray { constructor(name, make) { return make(); } }"),
        ("k6/execution", "export default { scenario: { iterationInTest: 2 } };"),
    ] {
        write(&format!("node_modules/{name}/index.mjs"), exports);
    }
    let parts = ["http", "data", "execution", "metrics"]
        .map(|part| format!("\"./{part}\":\"./{part}/index.mjs\""));
    let exports = format!(
        "{{\"exports\":{{\".\":\"./index.mjs\",{}}}}}",
        parts.join(",")
    );
    write("node_modules/k6/package.json", &exports);
    write(
        "run.mjs",
        "import { readFileSync } from 'node:fs';
         globalThis.__ENV = { CHAT_TOKEN: 't' };
         globalThis.open = (file) => readFileSync(file, 'utf-8');
         Math.random = () => 0;
         const script = await import('./script.mjs');
         script.default();",
    );
    // JavaScript has no integers of 20 digits.
    for (id, path) in [
        ("\"7/8\"", "7%2F8"),
        ("12345678901234567890", "12345678901234567890"),
        (
            "{\"a\":[-9007199254740993, 0.12345678901234566, \"12345678901234567890\"]}",
            "%7B%22a%22%3A%5B-9007199254740993%2C0.12345678901234566%2C%2212345678901234567890%22%5D%7D",
        ),
    ] {
        let body = format!(
            "{{\"chats\":[{{\"the id\":{id}}}],\"x\":\"mark=42\",\"n\":1,\"text\":\"no\",\"list\":[1,{{\"a\":true}}]}}"
        );
        let ran = Command::new("node")
            .arg("run.mjs")
            .env("BODY", body)
            .current_dir(folder.path())
            .output()
            .expect("node runs");
        let (out, fault) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        assert!(ran.status.success(), "{fault}\n{text}");
        let lines: Vec<&str> = out.lines().collect();
        let [chat, read] = lines.as_slice() else {
            panic!("two requests: {out}");
        };
        assert!(
            chat.starts_with("POST http://127.0.0.1:8000/chat?mode=short {"),
            "{chat}"
        );
        assert_eq!(
            *read,
            format!(
                "GET http://127.0.0.1:8000/chats/{path}?user=a%20%22b%22%2C%20c {{\"n\":42,\"u\":\"a \\\"b\\\", c\"}}"
            )
        );
    }
}

#[test]
fn thresholds_of_one_request_have_its_name() {
    let mut script = script(Model::Open { poisson: false }, vec![stage(1.0, 1.0, 60)]);
    script.thresholds = thresholds(&[
        "p95<500ms",
        "p99{name:chat}<1s",
        "avg{name:chat}<200ms",
        "errors{name:chat}==0",
        "rate{name:GET /health}>2/s",
        "max{name:a, b}<1s",
        "ttft_p95<1s",
    ]);
    let text = script.write(Tool::K6);
    let expected = serde_json::json!({
        "http_req_duration": ["p(95)<500"],
        "http_req_duration{name:chat}": ["p(99)<1000", "avg<200"],
        "failed_requests{name:chat}": ["rate==0"],
        "http_reqs{name:GET /health}": ["rate>2"],
        "http_reqs": ["count>0"],
    });
    assert_eq!(options(&text)["thresholds"], expected);
    let left_out = [
        "max{name:a, b} < 1.00s: k6 accepts no commas, braces and quotes in the name of a request",
        "ttft_p95 < 1.00s: only slod's own engine measures tokens",
    ];
    assert_eq!(script.without_equivalent(Tool::K6), left_out);
    for line in left_out {
        assert!(text.contains(&format!("\n// Left out: {line}\n")), "{text}");
    }
    let text = script.write(Tool::Locust);
    for part in [
        "(\"avg{name:chat} < 200ms\", \"chat\", lambda stats: stats.avg_response_time < 200),",
        "(\"max{name:a, b} < 1.00s\", \"a, b\", lambda stats: stats.max_response_time < 1000),",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    assert!(!text.contains("ttft"));
}
