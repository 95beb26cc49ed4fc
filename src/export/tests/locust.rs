//! Locustfiles.

use super::*;

#[test]
fn locustfiles_contain_stages_and_limits() {
    let stages = vec![stage(10.0, 200.0, 600)];
    let think = Duration::from_secs(1);
    let text = script(Model::Closed { think }, stages).write(Tool::Locust);
    for part in [
        "wait_time = constant(1)",
        "max_retries = 0 if",
        "(600, 10, 200),",
        "(\"p95 < 500ms\", None, lambda stats: stats.get_response_time_percentile(0.95) < 500),",
        "stats.fail_ratio < 0.001",
        "200 <= status <= 299 or 404 <= status <= 404",
        "os.environ[\"CHAT_TOKEN\"]",
        "@task(3)",
        "data = next(data_rows)",
        "\"/chats/\" + percent(captured[\"id\"]) + \"?user=\" + percent(data[\"the user\"])",
        "in_json(response, [\"chats\", 0, \"the id\"])",
        "\"next\": lambda response: in_location(response)",
        "in_location_part(response, \"/o/(\\\\d+)\")",
        "self.in_cookie(\"XSRF-TOKEN\")",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn locust_users_together_reach_the_rate() {
    let stages = vec![stage(50.0, 50.0, 60), stage(150.0, 150.0, 60)];
    let text = script(Model::Open { poisson: true }, stages).write(Tool::Locust);
    for part in [
        "    period = 6.68\n",
        "(60, 150, 150),",
        "return round(level * 6.68), 1002",
        "If the service takes longer,\n    # the rate is not reached.",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    // The second step of a sequence follows immediately.
    assert!(!text.contains("self.wait()"), "{text}");
    let text = script(Model::Open { poisson: true }, vec![stage(0.5, 2.0, 60)]).write(Tool::K6);
    assert!(text.contains("k6 spaces them evenly"), "{text}");
}

/// The interpreter only parses the script; its imports are not installed.
#[test]
fn locustfiles_are_valid_python() {
    if !is_installed("python3") {
        return;
    }
    let think = Duration::ZERO;
    for model in [Model::Closed { think }, Model::Open { poisson: true }] {
        let text = script(model, vec![stage(1.0, 2.5, 60)]).write(Tool::Locust);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("locustfile.py");
        std::fs::write(&path, &text).expect("written");
        let program = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
        let read = Command::new("python3")
            .args(["-c", program])
            .arg(&path)
            .output()
            .expect("python3 runs");
        let fault = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{fault}\n{text}");
    }
}
